"""What stands of a run's judgements: one label and one word on scope for each text.

Where several people judged a text, most of them decide; on a tie, the latest of those in it. A
person counts before a machine (the oracle, a judging model). Texts of the audit set stay apart:
they are there to measure with, and a measure on what was trained on would flatter.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from core.store.interventions.judgements import Judgement

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
        judgements: those in effect, oldest first
        (`core.store.interventions.judgements.judgements_of`); skips
            are passed over.
    """
    of_text: dict[str, list[Judgement]] = {}
    for judgement in judgements:
        if not judgement.verdict.skipped:
            of_text.setdefault(judgement.verdict.sample_id, []).append(judgement)
    return {sample_id: _settled(events) for sample_id, events in of_text.items()}


def labels_by_row(
    ids: Sequence[str], found: Mapping[str, Settled], *, audit: bool | None = False
) -> dict[int, str]:
    """The labels that were given, by the rows of some texts.

    Args:
        ids: the texts' ids, in the order of the rows.
        found: what stands, by text id.
        audit: False gives what proxies may learn from, True the audit set to measure with, None
            both.
    """
    given = ((row, found[key]) for row, key in enumerate(ids) if key in found)
    return {
        row: said.label
        for row, said in given
        if said.label is not None and audit in (None, said.audit)
    }


def scopes_by_row(ids: Sequence[str], found: Mapping[str, Settled]) -> dict[int, bool]:
    """Whether texts were judged in scope, by row; the filter measures itself, so audits count."""
    given = ((row, found[key]) for row, key in enumerate(ids) if key in found)
    return {row: said.in_scope for row, said in given if said.in_scope is not None}


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
