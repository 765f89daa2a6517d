"""Label accuracy (paper, section 4.2): how often a text is of the label that it bears."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.classification.evaluation.intervals import Interval, wilson


@dataclass(frozen=True, slots=True)
class Share:
    """A share of texts.

    Args:
        hits: how many.
        n: of how many.
        interval: the share, 0 to 1, with Wilson's interval of 95 %; None if n is 0. It holds what
            the choice of the texts varies, so it says nothing more where all texts were judged.
    """

    hits: int
    n: int
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class LabelAccuracy:
    """How the labels of texts agree with an annotator's.

    Args:
        overall: over all judged texts.
        by_label: over the judged texts that bear a label, by label name in task order.
        label_names: all labels, in task order.
        confusion: how many texts that bear label i (row) were judged to be label j (column).
    """

    overall: Share
    by_label: dict[str, Share]
    label_names: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]


def label_accuracy(
    labels: Sequence[str], judged: Sequence[str], *, label_names: Sequence[str]
) -> LabelAccuracy:
    """The agreement of labels with an annotator's.

    Args:
        labels: the labels that the judged texts bear: specified, or after an intervention.
        judged: the annotator's.
        label_names: all labels, in task order.

    Raises:
        ValueError: a label is none of `label_names`, or the lengths differ.
    """
    place = {name: column for column, name in enumerate(label_names)}
    if not place.keys() >= {*labels, *judged}:
        raise ValueError("a label is none of the task's")
    table = [[0] * len(place) for _ in place]
    for label, judged_label in zip(labels, judged, strict=True):
        table[place[label]][place[judged_label]] += 1
    return LabelAccuracy(
        overall=share(sum(table[at][at] for at in range(len(table))), len(labels)),
        by_label={name: share(table[at][at], sum(table[at])) for name, at in place.items()},
        label_names=tuple(label_names),
        confusion=tuple(map(tuple, table)),
    )


def correct_for_oracle_errors(agreement: float, own: float, *, labels: int) -> float | None:
    """Label accuracy as it would be without the oracle's errors (Rogan and Gladen 1978).

    An oracle that is right on a share o agrees with labels that are right on a share a on

        a o + (1 - a) (1 - o) / (L - 1)

    if it errs independently of them, and alike on all of L labels. Neither quite holds, so this
    serves to warn, not to report.

    Args:
        agreement: share of texts whose label is the oracle's, 0 to 1.
        own: o, the oracle's own accuracy, 0 to 1.
        labels: L, at least 2.

    Returns:
        a, cut to 0 to 1; None for an oracle no better than chance.
    """
    by_chance = (1 - own) / (labels - 1)
    if own <= by_chance:
        return None
    return min(1.0, max(0.0, (agreement - by_chance) / (own - by_chance)))


def share(hits: int, n: int) -> Share:
    """So many out of so many."""
    return Share(hits, n, wilson(hits, n) if n else None)
