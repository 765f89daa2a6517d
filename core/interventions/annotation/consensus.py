"""Consensus: one label and one scope per text, from all judgements of it.

The majority decides; on a tie, the latest judgement of those tied. People take precedence over
machines (the oracle, a judging model). Texts of the audit set are kept apart: they are there to
measure with, and measuring on training data would flatter.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from core.store.interventions.judgements import MACHINES, Judgement

Vote = TypeVar("Vote", str, bool)


@dataclass(frozen=True, slots=True)
class Consensus:
    """The consensus on a text.

    Args:
        label: None where nobody gave one.
        in_scope: None where nobody judged it.
        who: the annotators that it rests on, joined by commas.
        audit: whether the text belongs to the audit set.
    """

    label: str | None
    in_scope: bool | None
    who: str
    audit: bool


def consensus_by_text(judgements: Iterable[Judgement]) -> dict[str, Consensus]:
    """The consensus by text id.

    Args:
        judgements: those in effect, oldest first (`judgements_of`); skips are ignored.
    """
    of_text: dict[str, list[Judgement]] = {}
    for judgement in judgements:
        if not judgement.verdict.skipped:
            of_text.setdefault(judgement.verdict.sample_id, []).append(judgement)
    return {sample_id: _consensus(events) for sample_id, events in of_text.items()}


def labels_by_row(
    ids: Sequence[str], judgements: Mapping[str, Consensus], *, audit: bool | None = False
) -> dict[int, str]:
    """The labels that were given, by row.

    Args:
        ids: the texts' ids, in the order of the rows.
        judgements: the consensus by text id.
        audit: False gives what proxies may learn from, True the audit set to measure with, None
            both.
    """
    judged = ((row, judgements[key]) for row, key in enumerate(ids) if key in judgements)
    return {
        row: consensus.label
        for row, consensus in judged
        if consensus.label is not None and audit in (None, consensus.audit)
    }


def scopes_by_row(ids: Sequence[str], judgements: Mapping[str, Consensus]) -> dict[int, bool]:
    """Whether texts were judged in scope, by row; the filter measures itself, so audits count."""
    judged = ((row, judgements[key]) for row, key in enumerate(ids) if key in judgements)
    return {row: consensus.in_scope for row, consensus in judged if consensus.in_scope is not None}


def _consensus(events: list[Judgement]) -> Consensus:
    people = [event for event in events if event.why not in MACHINES] or events
    labels = [e.verdict.label for e in people if e.verdict.label is not None]
    scopes = [e.verdict.in_scope for e in people if e.verdict.in_scope is not None]
    return Consensus(
        label=_majority(labels),
        in_scope=_majority(scopes),
        who=", ".join(dict.fromkeys(event.who for event in people)),
        audit=any(event.why == "audit" for event in events),
    )


def _majority(votes: list[Vote]) -> Vote | None:
    """The most frequent vote; the latest of equals."""
    counts = Counter(votes)
    most = max(counts.values(), default=0)
    return next((vote for vote in reversed(votes) if counts[vote] == most), None)
