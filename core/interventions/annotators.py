"""What the judgements of several annotators come to: a consensus per text, and how far they agree.

For the consensus, the majority decides; on a tie, the latest judgement of those tied. People take
precedence over machines (the oracle, a judging model). Proxies learn nothing from the audit set: it
is there to measure with, and measuring on training data would flatter. Agreement is counted beyond
chance.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TypeVar

import numpy as np

from core.domain.datasets import Dataset
from core.store.interventions.judgements import MACHINES, Judgement, Verdict, by_person

Vote = TypeVar("Vote", str, bool)


@dataclass(frozen=True, slots=True)
class Consensus:
    """The consensus on a text.

    Args:
        label: None where nobody gave one.
        in_scope: None where nobody judged it.
        who: the annotators who gave that label, joined by commas; without one, as `scope_who`.
        audit: whether the text belongs to the audit set.
        scope_who: the annotators who said that of its scope, likewise; empty where nobody did.
    """

    label: str | None
    in_scope: bool | None
    who: str
    audit: bool
    scope_who: str = ""


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
    dataset: Dataset, judgements: Mapping[str, Consensus], *, audit: bool | None = False
) -> dict[int, str]:
    """The labels that were given, by row; one that the dataset no longer has counts as none.

    Args:
        dataset: the texts.
        judgements: the consensus by text id.
        audit: False gives what proxies may learn from, True the audit set to measure with, None
            both.
    """
    known = set(dataset.label_names)
    judged = ((row, judgements[key]) for row, key in enumerate(dataset.ids) if key in judgements)
    return {
        row: consensus.label
        for row, consensus in judged
        if consensus.label in known and audit in (None, consensus.audit)
    }


def scopes_by_row(ids: Sequence[str], judgements: Mapping[str, Consensus]) -> dict[int, bool]:
    """Whether texts were judged in scope, by row; the filter measures itself, so audits count."""
    judged = ((row, judgements[key]) for row, key in enumerate(ids) if key in judgements)
    return {row: consensus.in_scope for row, consensus in judged if consensus.in_scope is not None}


def _consensus(events: list[Judgement]) -> Consensus:
    people = [event for event in events if event.why not in MACHINES] or events
    label = _majority([e.verdict.label for e in people if e.verdict.label is not None])
    scope = _majority([e.verdict.in_scope for e in people if e.verdict.in_scope is not None])
    scope_who = _names(e for e in people if scope is not None and e.verdict.in_scope == scope)
    return Consensus(
        label=label,
        in_scope=scope,
        who=scope_who if label is None else _names(e for e in people if e.verdict.label == label),
        audit=any(event.why == "audit" for event in events),
        scope_who=scope_who,
    )


def _names(events: Iterable[Judgement]) -> str:
    return ", ".join(dict.fromkeys(event.who for event in events))


def _majority(votes: list[Vote]) -> Vote | None:
    """The most frequent vote; the latest of equals."""
    counts = Counter(votes)
    most = max(counts.values(), default=0)
    return next((vote for vote in reversed(votes) if counts[vote] == most), None)


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two annotators over the texts that both labelled.

    Args:
        one: the one's name.
        other: the other's.
        n: texts that both labelled.
        same: how many of them got the same label.
        kappa: Cohen's kappa, -1 to 1; None where it is undefined (see `cohen_kappa`).
    """

    one: str
    other: str
    n: int
    same: int
    kappa: float | None


def cohen_kappa(one: Sequence[str], other: Sequence[str]) -> float | None:
    """Agreement of two annotators beyond what their habits alone would give (Cohen 1960).

        kappa = (observed - expected) / (1 - expected)

    where `expected` is the agreement of two who draw labels at random, each as often as these two
    used them.

    Args:
        one: the one's labels.
        other: the other's, of the same texts.

    Returns:
        -1 to 1 (full agreement); 0 is chance. None without texts, or if both gave one and the same
        label throughout: then chance agrees fully, too.
    """
    names = sorted({*one, *other})
    place = {name: column for column, name in enumerate(names)}
    table = np.zeros((len(names), len(names)))
    for label, other_label in zip(one, other, strict=True):
        table[place[label], place[other_label]] += 1
    n = table.sum()
    if n == 0:
        return None
    expected = float(table.sum(axis=1) @ table.sum(axis=0)) / n**2
    if expected == 1:
        return None
    return float((np.trace(table) / n - expected) / (1 - expected))


def pairwise_agreement(labels: Mapping[str, Mapping[str, str]]) -> list[Agreement]:
    """The agreement of every two annotators.

    Args:
        labels: by annotator and text id; `out of scope` counts as one more label.

    Returns:
        One per pair, in the annotators' order; pairs without a text in common have n = 0.
    """
    agreements = []
    for one, other in combinations(labels, 2):
        shared = [key for key in labels[one] if key in labels[other]]
        first, second = ([labels[who][key] for key in shared] for who in (one, other))
        same = sum(a == b for a, b in zip(first, second, strict=True))
        agreements.append(Agreement(one, other, len(shared), same, cohen_kappa(first, second)))
    return agreements


OUT_OF_SCOPE = "out of scope"


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A text on which annotators differ.

    Args:
        id: the text's.
        said: what each said, by name; those who did not judge it are missing.
    """

    id: str
    said: dict[str, str]


def verdict_name(verdict: Verdict) -> str | None:
    """A verdict as one of the labels or `out of scope`; None for a skip or a mere "in scope"."""
    if verdict.in_scope is False:
        return OUT_OF_SCOPE
    return verdict.label


def verdicts_by_annotator(judgements: Iterable[Judgement]) -> dict[str, dict[str, str]]:
    """Each annotator's verdicts, by name and text id; annotators in the order they began.

    Args:
        judgements: those in effect, oldest first.
    """
    verdicts = {
        who: {
            key: name
            for key, judgement in by_text.items()
            if (name := verdict_name(judgement.verdict)) is not None
        }
        for who, by_text in by_person(judgements).items()
    }
    return {who: names for who, names in verdicts.items() if names}


def disagreements(verdicts: Mapping[str, Mapping[str, str]]) -> list[Disagreement]:
    """The texts on which not all annotators agree, in the order they were first judged.

    Args:
        verdicts: by annotator and text id, see `verdicts_by_annotator`.
    """
    by_text: dict[str, dict[str, str]] = {}
    for who, names in verdicts.items():
        for key, name in names.items():
            by_text.setdefault(key, {})[who] = name
    return [Disagreement(key, said) for key, said in by_text.items() if len({*said.values()}) > 1]
