"""What stands of a run's judgements: one label and one word on scope for each text.

Where several people judged a text, most of them decide; on a tie, the latest of those in it. A
person counts before a machine (the oracle, a judging model). Texts of the audit set stay apart:
they are there to measure with, and a measure on what was trained on would flatter.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from core.store.judgements import Judgement

Said = TypeVar("Said", str, bool)

MACHINES = ("oracle", "judge")


@dataclass(frozen=True, slots=True)
class Settled:
    """What stands of a text's judgements.

    Args:
        label: None where nobody gave one.
        in_scope: None where nobody said.
        who: the annotators that it rests on, joined by commas.
        audit: whether the text belongs to the audit set.
    """

    label: str | None
    in_scope: bool | None
    who: str
    audit: bool


def settled(judgements: Iterable[Judgement]) -> dict[str, Settled]:
    """What stands, by the texts' ids.

    Args:
        judgements: those in effect, oldest first (`core.store.judgements.judgements_of`); skips
            are passed over.
    """
    of_text: dict[str, list[Judgement]] = {}
    for judgement in judgements:
        if not judgement.verdict.skipped:
            of_text.setdefault(judgement.verdict.sample_id, []).append(judgement)
    return {sample_id: _settled(events) for sample_id, events in of_text.items()}


def _settled(events: list[Judgement]) -> Settled:
    people = [event for event in events if event.why not in MACHINES] or events
    labels = [e.verdict.label for e in people if e.verdict.label is not None]
    scopes = [e.verdict.in_scope for e in people if e.verdict.in_scope is not None]
    return Settled(
        label=_most(labels),
        in_scope=_most(scopes),
        who=", ".join(dict.fromkeys(event.who for event in people)),
        audit=any(event.why == "audit" for event in events),
    )


def _most(said: list[Said]) -> Said | None:
    """What was said most often; the latest of equals."""
    counts = Counter(said)
    top = max(counts.values(), default=0)
    return next((word for word in reversed(said) if counts[word] == top), None)
