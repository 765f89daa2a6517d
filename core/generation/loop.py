"""The loop: cycles over the labels until every label has its texts (paper, section 4.1).

An iteration asks for up to 20 texts of one label; a cycle is one iteration for every label that
still needs texts, which keeps the classes balanced. What decides a cycle (the token tally and the
example pool) is what was there at its start, so that its labels decode together; with
`strict_order` both move on after every iteration, as in the paper.

Everything drawn at random depends on the seed, the cycle, the label and the index alone, and what a
cycle starts from is computed from the samples before it. So an interrupted run repeats the
unfinished round exactly, yields only what is new, and ends with the dataset of an uninterrupted
run. A backend that is not repeatable is asked only for the missing texts.
"""

import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from core.domain.errors import BackendFailed
from core.domain.registries.finish_reasons import (
    SetAside,
    find_finish_reason,
    set_aside_words,
)
from core.domain.runs import Outcome, RunSpec, Sample
from core.domain.texts import MAX_TEXT, fold, storable_text
from core.domain.wording import counted
from core.generation.backends import Backend, Completion, Request
from core.generation.servers.suppression import sent_condition, sent_prompt
from core.generation.suppression import SuppressedToken, Tally, suppressed_tokens

# How many times its target a label may be asked for before its shortfall is accepted.
PATIENCE = 3
# Tells the random streams of texts from those of examples (see `prompts.prompt_for`).
TEXTS = 2


@dataclass(frozen=True, slots=True)
class Iteration:
    """One request: `count` texts of the label at `label_index` in task order."""

    cycle: int
    label_index: int
    count: int


@dataclass(frozen=True, slots=True)
class Round:
    """Iterations that share tally and pool and decode together.

    Args:
        cycle: counted from 1.
        position: 0, or in strict order the place within the cycle.
        iterations: at least one.
    """

    cycle: int
    position: int
    iterations: tuple[Iteration, ...]


class Loop:
    """One run's way through its rounds.

    Args:
        spec: what is asked for.
        run_id: goes into the samples.
        backend: writes the texts.
        history: the samples stored so far, in order of arrival.
        finished_rounds: (cycle, position) of the rounds that were finished before.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        spec: RunSpec,
        *,
        run_id: str,
        backend: Backend,
        history: Sequence[Sample] = (),
        finished_rounds: Collection[tuple[int, int]] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.spec = spec
        self._backend = backend
        self._finished = set(finished_rounds)
        self._clock = clock
        self._start = clock() - (history[-1].seconds if history else 0.0)
        self._arrivals = Arrivals(spec, run_id=run_id, history=history)
        self._stored = {(s.cycle, s.label, s.index): s for s in history}
        # What the planning of the next round rests on: finished rounds only.
        self._tallies = {name: Tally(backend.exempt_tokens) for name in spec.task.label_names}
        self._whole_tally = Tally(backend.exempt_tokens)
        self._written: dict[str, list[str]] = {name: [] for name in spec.task.label_names}
        self._accepted: Counter[str] = Counter()
        self._asked: Counter[str] = Counter()

    def rounds(self, *, between_steps: Callable[[], None]) -> Iterator[tuple[Round, list[Sample]]]:
        """Run to the end.

        Args:
            between_steps: called between two steps of the model; what it raises ends the run, and
                what was handed on before is all there is.

        Yields:
            (round, samples): the new samples that one step finished, in order of arrival; and an
            empty list when the round is finished.
        """
        for current in self._plan():
            if (current.cycle, current.position) not in self._finished:
                for samples in self._generate(current, between_steps):
                    yield current, samples
                yield current, []
            self._absorb(current)

    def suppressed(self, label: str | None = None) -> list[SuppressedToken]:
        """What the current round suppresses; for a tally by label, of that label."""
        if self.spec.condition.suppression.method != "logit_bias":
            return []  # an approximation: no token has a bias
        tally = self._whole_tally
        if self.spec.condition.suppression.scope == "label" and label is not None:
            tally = self._tallies[label]
        return suppressed_tokens(tally, self.spec.condition.suppression)

    def shortfall(self) -> dict[str, int]:
        """Texts that each label lacks, labels that lack none left out."""
        return {
            name: wanted - self._accepted[name]
            for name, wanted in self.spec.wanted.items()
            if self._accepted[name] < wanted
        }

    def check_usable(self, *, at_least: int = 1) -> None:
        """Refuse to go on without a single usable text.

        Args:
            at_least: how many answers there must be.

        Raises:
            BackendFailed: there are so many, and none is a usable text.
        """
        samples = self._stored.values()
        if len(samples) < at_least or any(sample.outcome == "usable" for sample in samples):
            return
        reasons = Counter((sample.label, sample.finish_reason) for sample in samples)
        rows = [SetAside(*key, count) for key, count in reasons.most_common()]
        raise BackendFailed(
            f"None of the {counted(len(samples), 'answer')} is a usable text: "
            f"{set_aside_words(rows)}.",
            "Read the answers on the Texts tab, change the prompt, the max tokens or the model, "
            "and start a new run.",
        )

    def _plan(self) -> Iterator[Round]:
        """The rounds, each planned when the one before it is absorbed."""
        cycle = 0
        while True:
            cycle += 1
            wanted = [
                Iteration(cycle, place, count)
                for place, name in enumerate(self.spec.task.label_names)
                if (count := self._count(name)) > 0
            ]
            if not wanted:
                return
            if self.spec.condition.strict_order:
                for position, iteration in enumerate(wanted):
                    yield Round(cycle, position, (iteration,))
            else:
                yield Round(cycle, 0, tuple(wanted))

    def _count(self, name: str) -> int:
        return texts_to_request(
            self.spec, name, accepted=self._accepted[name], asked=self._asked[name]
        )

    def _generate(
        self, current: Round, between_steps: Callable[[], None]
    ) -> Iterator[list[Sample]]:
        names = self.spec.task.label_names
        requests, asked = [], []
        for iteration in current.iterations:
            name = names[iteration.label_index]
            indices: Sequence[int] = range(iteration.count)
            if not self._backend.repeatable:
                stored = self._stored
                indices = [i for i in indices if (iteration.cycle, name, i) not in stored]
            if not indices:
                continue
            asked.append(iteration)
            requests.append(
                Request(
                    prompt=sent_prompt(
                        self.spec,
                        cycle=iteration.cycle,
                        label_index=iteration.label_index,
                        written=self._written,
                    ),
                    indices=tuple(indices),
                    biases=tuple((row.token, row.bias) for row in self.suppressed(name)),
                    entropy=(self.spec.seed, TEXTS, iteration.cycle, iteration.label_index),
                )
            )
        if not requests:
            return
        first_soon = current.cycle == 1 and current.position == 0
        for batch in self._backend.complete(
            requests,
            sent_condition(self.spec.condition),
            first_soon=first_soon,
            between_steps=between_steps,
        ):
            fresh = [
                self._arrive(completion, asked[completion.request])
                for completion in batch
                if self._key(completion, asked) not in self._stored
            ]
            if fresh:
                yield fresh

    def _key(self, completion: Completion, asked: Sequence[Iteration]) -> tuple[int, str, int]:
        iteration = asked[completion.request]
        name = self.spec.task.label_names[iteration.label_index]
        return iteration.cycle, name, completion.index

    def _arrive(self, completion: Completion, iteration: Iteration) -> Sample:
        sample = self._arrivals.sample(
            completion,
            cycle=iteration.cycle,
            label=self.spec.task.label_names[iteration.label_index],
            seconds=self._clock() - self._start,
        )
        self._stored[sample.cycle, sample.label, sample.index] = sample
        return sample

    def _absorb(self, current: Round) -> None:
        """Let a finished round's samples decide what comes next, by index, not by arrival."""
        names = self.spec.task.label_names
        for iteration in current.iterations:
            name = names[iteration.label_index]
            self._asked[name] += iteration.count
            for index in range(iteration.count):
                sample = self._stored.get((iteration.cycle, name, index))
                if sample is None:
                    continue  # asked for and not returned: topped up in a later cycle
                self._tallies[name].add(sample.token_ids)
                self._whole_tally.add(sample.token_ids)
                if sample.outcome == "usable":
                    self._written[name].append(sample.text)
                    if not (self.spec.condition.only_new and sample.duplicate_of):
                        self._accepted[name] += 1


def texts_to_request(spec: RunSpec, label: str, *, accepted: int, asked: int) -> int:
    """Texts to ask for next: what is missing, at most one request's, up to `PATIENCE`.

    Args:
        spec: of the run.
        label: its name.
        accepted: texts of it that count towards its target.
        asked: texts of it that were asked for.
    """
    size, wanted = spec.condition.texts_a_request, spec.wanted[label]
    limit = PATIENCE * wanted + size
    return max(0, min(size, wanted - accepted, limit - asked))


def outcome_of(text: str, finish_reason: str) -> Outcome:
    """`empty` without a letter, digit or symbol, or where the reason is that no text came;
    `truncated` if it was cut off; else `usable`."""
    if not find_finish_reason(finish_reason).has_text:
        return "empty"
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
            stripped=", ".join(completion.stripped),
        )
