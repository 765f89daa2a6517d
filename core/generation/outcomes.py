"""Outcomes: what a finished text counts as, and whether it was there before."""

import unicodedata
from collections.abc import Sequence

from core.domain.runs import Outcome, RunSpec, Sample
from core.domain.texts import MAX_TEXT, fold, storable_text
from core.generation.backends import Completion


def outcome_of(text: str, finish_reason: str) -> Outcome:
    """`empty` without a letter, digit or symbol; `truncated` if it was cut off; else `usable`."""
    if not any(unicodedata.category(char)[0] in "LNS" for char in text):
        return "empty"
    return "usable" if finish_reason == "stop" else "truncated"


class Arrivals:
    """Makes samples of completions: numbers them, judges them, finds what they repeat.

    Args:
        spec: its seed examples count as texts that were there before.
        run_id: goes into the samples.
        history: samples stored before, in order of arrival.
    """

    def __init__(self, spec: RunSpec, *, run_id: str, history: Sequence[Sample] = ()) -> None:
        self._run_id = run_id
        self._places = {name: place for place, name in enumerate(spec.task.label_names)}
        self._first: dict[str, str] = {}
        for number, example in enumerate(spec.seed_examples):
            self._first.setdefault(fold(example.text), f"example:{number}")
        for sample in history:
            if sample.outcome == "usable":
                self._first.setdefault(fold(sample.text), sample.id)
        self._order = len(history)

    def sample(self, completion: Completion, *, cycle: int, label: str, seconds: float) -> Sample:
        """The sample of a completion that arrives now.

        Only usable texts can be duplicates or be repeated.
        """
        cut = len(completion.text) > MAX_TEXT
        text = storable_text(completion.text)
        reason = "length" if cut else completion.finish_reason
        outcome = outcome_of(text, reason)
        sample_id = f"{self._run_id}-{cycle}-{self._places[label]}-{completion.index}"
        duplicate_of = None
        if outcome == "usable":
            first = self._first.setdefault(fold(text), sample_id)
            duplicate_of = None if first == sample_id else first
        order = self._order
        self._order += 1
        return Sample(
            id=sample_id,
            run_id=self._run_id,
            cycle=cycle,
            label=label,
            index=completion.index,
            order=order,
            text=text,
            finish_reason=reason,
            outcome=outcome,
            fluency=completion.fluency,
            token_ids=completion.token_ids,
            duplicate_of=duplicate_of,
            seconds=seconds,
        )
