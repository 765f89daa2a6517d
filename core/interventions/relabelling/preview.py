"""Changes before they happen: what label replacement would change, and which of it is accepted."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from core.interventions.relabelling.relabel import Replacement


@dataclass(frozen=True, slots=True)
class Change:
    """A label that would change.

    Args:
        id: the text's id.
        old: its label before.
        new: its label after.
        confidence: in the new label, 0 to 1; None where the annotator gave it without one.
        judged: whether the annotator saw the text.
    """

    id: str
    old: str
    new: str
    confidence: float | None
    judged: bool


@dataclass(frozen=True, slots=True)
class Flow:
    """How many texts go from one label to another."""

    old: str
    new: str
    count: int


@dataclass(frozen=True, slots=True)
class Band:
    """Changes with a confidence from `low` to below `high`; the last band includes 1.

    Args:
        low: 0 to 1; None, like `high`, for what the annotator labelled without a confidence.
        high: see `low`.
        ids: of the changes.
    """

    low: float | None
    high: float | None
    ids: tuple[str, ...]


def label_changes(ids: Sequence[str], replacement: Replacement) -> list[Change]:
    """The changes, in the texts' order.

    Args:
        ids: the texts' ids, in the order of the replacement's rows.
    """
    if len(ids) != len(replacement.old):
        raise ValueError("ids and replacement differ in length")
    return [
        Change(
            ids[row],
            replacement.old[row],
            replacement.new[row],
            replacement.confidence[row],
            replacement.judged[row] is not None,
        )
        for row in replacement.changed
    ]


def label_flows(changes: Iterable[Change]) -> list[Flow]:
    """The changes as a flow from label to label, the largest first, then by name."""
    counts = Counter((change.old, change.new) for change in changes)
    flows = [Flow(old, new, count) for (old, new), count in counts.items()]
    return sorted(flows, key=lambda flow: (-flow.count, flow.old, flow.new))


def confidence_bands(
    changes: Iterable[Change], *, edges: Sequence[float] = (0.5, 0.7, 0.9)
) -> list[Band]:
    """The changes by confidence: what has none first, then the least confident; all bands named.

    Args:
        changes: the changes.
        edges: where one band ends and the next begins, rising, within 0 and 1.
    """
    given = list(changes)
    marks = [0.0, *edges, 1.0]
    bands = [Band(None, None, tuple(change.id for change in given if change.confidence is None))]
    for low, high in pairwise(marks):
        bands.append(
            Band(
                low,
                high,
                tuple(
                    change.id
                    for change in given
                    if change.confidence is not None
                    and low <= change.confidence
                    and (change.confidence < high or high == 1.0)
                ),
            )
        )
    return bands


def within_confidence(changes: Iterable[Change], low: float, high: float = 1.0) -> list[Change]:
    """The changes with a confidence from low to high, and all with none (the annotator's own)."""
    return [c for c in changes if c.confidence is None or low <= c.confidence <= high]


def accept_changes(
    replacement: Replacement, ids: Sequence[str], accepted: Collection[str]
) -> Replacement:
    """The replacement with the accepted changes alone; all other texts keep their label.

    What the annotator and the proxies said stays on record for every text. A text whose change was
    not accepted has no confidence: it was that of the other label.

    Args:
        replacement: the whole of it.
        ids: the texts' ids, in the order of its rows.
        accepted: ids of the changes to make.

    Raises:
        ValueError: an id is none of a changing text's.
    """
    changing = {change.id for change in label_changes(ids, replacement)}
    taken = set(accepted)
    if not taken <= changing:
        raise ValueError("an accepted change is none of the replacement's")
    refused = [key in changing and key not in taken for key in ids]
    pairs = list(zip(replacement.old, replacement.new, refused, strict=True))
    left = zip(replacement.confidence, refused, strict=True)
    return Replacement(
        label_names=replacement.label_names,
        old=replacement.old,
        new=tuple(old if no else new for old, new, no in pairs),
        judged=replacement.judged,
        proxy=replacement.proxy,
        confidence=tuple(None if no else value for value, no in left),
        explanations=replacement.explanations,
    )
