"""How good the oracle is, for which labels, and what that means for labels that it replaces."""

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from core.classification.evaluation.intervals import Interval
from core.domain.serialization import to_json
from core.domain.wording import UNKNOWN, counted, percent, percent_interval
from core.interventions.relabelling.label_accuracy import (
    Share,
    correct_for_oracle_errors,
)

FEW_TEXTS = 10
"""Fewer real texts of a label teach the oracle little, and measure it badly."""

SELF_JUDGED = (
    "The oracle gave these labels itself, so it can't measure them. Judge an audit set yourself."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OracleQuality:
    """How good the oracle is, on labelled texts that it did not learn from.

    Args:
        accuracy: its own, for the mix of labels that the reference has.
        measured_on: which texts that rests on, in a few words.
        notes: sentences on labels that it can't predict or hardly knows.
        by_label: how many of the real texts of a label it recognises, by label; a label that it
            can't predict is missing. Empty in what was stored before this was measured.
        learned_from: how many texts of each label it learned from.
    """

    accuracy: Share
    measured_on: str
    notes: tuple[str, ...] = ()
    by_label: Mapping[str, Share] = field(default_factory=dict)
    learned_from: Mapping[str, int] = field(default_factory=dict)

    def for_labels(self, labels: Sequence[str]) -> Interval | None:
        """Its accuracy on texts of these labels: `weighed_share` by their mix.

        Returns:
            None where that is unknown: for a label that it can predict there was no text to
            measure on, or nothing was measured by label.
        """
        if not self.by_label:
            return None
        shares = dict(self.by_label)
        for name in set(labels):
            if name not in self.learned_from:
                shares[name] = Share(0, 0, Interval(0.0, 0.0, 0.0))  # it never predicts it
            elif name not in shares or shares[name].interval is None:
                return None
        return weighed_share(shares, Counter(labels))

    def facts(self, labels: Sequence[str]) -> dict[str, object]:
        """What is stored of it beside texts of these labels, JSON-ready."""
        return {
            "accuracy": to_json(self.accuracy),
            "accuracy_for_these_labels": to_json(self.for_labels(labels)),
            "measured_on": self.measured_on,
        }

    def words(self, labels: Sequence[str]) -> str:
        """Its accuracy for the mix of these labels and for the reference's own: "66.7% (41.6% to
        81.0%) for these labels, 94.1% for the reference's (n = 51; 3-fold cross-validation on the
        reference)"."""
        own, here = self.accuracy.interval, self.for_labels(labels)
        if own is None:
            return UNKNOWN
        of_mix = percent(own.mean)
        if here is None:
            here, of_mix = own, ""
        words = f"{percent(here.mean)} ({percent_interval(here.low, here.high)})"
        if of_mix:
            words += f" for texts with these labels, {of_mix} for the reference's mix"
        else:
            words += " for the reference's mix of labels"
        return f"{words} (n = {self.accuracy.n:,}; {self.measured_on})"


def weighed_share(shares: Mapping[str, Share], mix: Mapping[str, int]) -> Interval | None:
    """The mean of shares by label, each weighed by how many texts have the label.

    The interval is that of Zou and Donner (2008) for sums of independent estimates: the distances
    to the labels' own limits, weighed and added in squares. Of one label it is the label's own.

    Args:
        shares: by label, each with its interval.
        mix: texts by label; labels without a text don't matter.

    Returns:
        None if there is no text.
    """
    total = sum(mix.values())
    if not total:
        return None
    mean, below, above = 0.0, 0.0, 0.0
    for name, count in mix.items():
        own = shares[name].interval
        if own is None or own.low is None or own.high is None:
            raise ValueError(f"the share of '{name}' has no interval")
        weight = count / total
        mean += weight * own.mean
        below += (weight * (own.mean - own.low)) ** 2
        above += (weight * (own.high - own.mean)) ** 2
    return Interval(mean, max(0.0, mean - math.sqrt(below)), min(1.0, mean + math.sqrt(above)))


def few_texts_notes(label_names: Sequence[str], quality: OracleQuality) -> list[str]:
    """A sentence per label of which the oracle saw few real texts, with how well it knows it."""
    notes = []
    for name in label_names:
        count, known = quality.learned_from.get(name, 0), quality.by_label.get(name)
        if 0 < count < FEW_TEXTS:
            recognised = (
                f"; it recognises {known.hits} of {known.n} texts of that label"
                if known is not None and known.n
                else ""
            )
            notes.append(
                f"The oracle learned the label '{name}' from {counted(count, 'real text')} "
                f"only{recognised}."
            )
    return notes


def likely_worse_notes(
    old: Sequence[str],
    new: Sequence[str],
    judged: Sequence[str],
    quality: OracleQuality,
    *,
    label_names: Sequence[str],
) -> list[str]:
    """Sentences where labels are likely worse after a replacement than before: of all together, and
    of each label.

    That is so where the labels before are estimated to be right at least as often as the oracle is
    on such real texts, see `seems_worse`.

    Args:
        old: the labels before.
        new: the labels after.
        judged: the oracle's.
        quality: of the oracle.
        label_names: all labels, in task order.
    """
    notes: list[str] = []
    if list(old) == list(new) or len(label_names) < 2:
        return notes
    agreement = sum(a == b for a, b in zip(old, judged, strict=True)) / len(old)
    own = quality.for_labels(old) or quality.accuracy.interval
    if own is not None and seems_worse(agreement, own.mean, labels=len(label_names)):
        notes.append(
            "The oracle seems to err at least as often as the labels do, so they may be worse "
            "after than before; judge some texts yourself."
        )
    for name in label_names:
        rows = [row for row, label in enumerate(old) if label == name]
        changed = sum(new[row] != name for row in rows)
        known = quality.by_label.get(name)
        taught = name in quality.learned_from
        if not changed or (taught and (known is None or known.interval is None)):
            continue
        mean = 0.0 if known is None or known.interval is None else known.interval.mean
        agreement = sum(judged[row] == name for row in rows) / len(rows)
        if seems_worse(agreement, mean, labels=len(label_names)):
            recognised = (
                f"recognises {known.hits} of {counted(known.n, 'real text')} of it"
                if known is not None and taught
                else "has no real text of it"
            )
            notes.append(
                f"Labels of '{name}' are likely worse after than before: {changed:,} of "
                f"{counted(len(rows), 'text')} change, and the oracle {recognised}. Judge some of "
                "them yourself, or add real texts of that label."
            )
    return notes


def seems_worse(agreement: float, own: float, *, labels: int) -> bool:
    """Whether an oracle seems to be right no more often than the labels that it replaces.

    Args:
        agreement: share of texts whose label is the oracle's, 0 to 1.
        own: share of such real texts that the oracle recognises, 0 to 1.
        labels: how many there are, at least 2.
    """
    before = correct_for_oracle_errors(agreement, own, labels=labels)
    return before is None or before >= own


@dataclass(frozen=True, slots=True)
class AccuracyChange:
    """Label accuracy according to the oracle, before and after a replacement, 0 to 1.

    Args:
        before: of the texts measured.
        after: of the same texts; None where the oracle labelled all texts itself.
        n: texts measured: those that the oracle did not label itself, or else all.
    """

    before: float
    after: float | None
    n: int


def accuracy_change(
    old: Sequence[str], new: Sequence[str], judged: Sequence[str], *, inspected: Collection[int]
) -> AccuracyChange:
    """Measure a replacement by the oracle, on texts that it did not label itself: measured by the
    one that gave them, labels are right by definition.

    Args:
        old: the labels before.
        new: the labels after.
        judged: the oracle's.
        inspected: rows that the oracle labelled.
    """
    rows = [row for row in range(len(old)) if row not in inspected]
    measured = rows or range(len(old))
    before, after = (
        sum(labels[row] == judged[row] for row in measured) / len(measured) for labels in (old, new)
    )
    return AccuracyChange(before, after if rows else None, len(measured))
