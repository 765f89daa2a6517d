"""Label replacement (LR; paper, section 5): labels by the annotator, or by what proxies learned.

A text that the annotator inspected gets the annotator's label. Every other text gets the label f
with the highest

    S_f = w * S_specified + (1 - w) * S_proxy

where S_specified is 1 for the label that the text was generated for and 0 for the others, S_proxy
the confidence of that label's SVC (see `proxies`), and w = 0.3 in the paper. On a tie the text
keeps its label. The confidences of different labels come from separate SVCs: they need not add up
to 1.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from core.diversity.measures.remote_clique import Numbers, Pause, Vectors, no_pause, unit_vectors
from core.domain.errors import BadInput
from core.interventions.relabelling.proxies import (
    FIXED,
    MAX_ITERATIONS,
    MIN_EACH,
    shared_curve,
    train_proxy,
)

WEIGHT = 0.3
PRESETS = (90, 180, 270)
"""Numbers of inspected texts in the paper."""
_TIE = 1e-9

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Replacement:
    """What label replacement would make of each text, in the texts' order; nothing is changed yet.

    Args:
        label_names: all labels, in task order.
        old: the labels before.
        new: the labels after.
        judged: the annotator's labels; None for texts that were not inspected.
        proxy: the labels that the proxies alone would give; None without proxies.
        confidence: confidence in the new label, 0 to 1: that of the label's proxy, or of the oracle
            where it relabels all. None for a text whose label a person gave, or that keeps its
            label because its proxies can't tell.
        explanations: what was done otherwise than asked, or rests on little; whole sentences.
        own: the replacement as it is without people's labels, see `overruled`; None if this is it.
    """

    label_names: tuple[str, ...]
    old: tuple[str, ...]
    new: tuple[str, ...]
    judged: tuple[str | None, ...]
    proxy: tuple[str | None, ...]
    confidence: tuple[float | None, ...]
    explanations: tuple[str, ...] = ()
    own: "Replacement | None" = None

    @property
    def inspected(self) -> int:
        """How many texts the annotator saw."""
        return sum(label is not None for label in self.judged)

    @property
    def changed(self) -> tuple[int, ...]:
        """Rows whose label changes."""
        pairs = zip(self.old, self.new, strict=True)
        return tuple(row for row, (old, new) in enumerate(pairs) if old != new)

    @property
    def flows(self) -> list["Flow"]:
        """How many texts change from which label to which, the most first, then by name."""
        counts = Counter((self.old[row], self.new[row]) for row in self.changed)
        flows = [Flow(*labels, count) for labels, count in counts.items()]
        return sorted(flows, key=lambda flow: (-flow.count, flow.old, flow.new))


def relabel_all(
    specified: Sequence[str],
    judged: Sequence[str],
    *,
    label_names: Sequence[str],
    confidence: Sequence[float | None] | None = None,
) -> Replacement:
    """Give every text the annotator's label; `specified` are the labels before, `confidence` the
    annotator's in each label, 0 to 1."""
    _check(specified, dict(enumerate(judged)), label_names)
    return Replacement(
        label_names=tuple(label_names),
        old=tuple(specified),
        new=tuple(judged),
        judged=tuple(judged),
        proxy=(None,) * len(specified),
        confidence=(None,) * len(specified) if confidence is None else tuple(confidence),
    )


def replace_labels(
    vectors: Vectors,
    specified: Sequence[str],
    inspected: Mapping[int, str],
    *,
    label_names: Sequence[str],
    weight: float = WEIGHT,
    seed: int = 0,
    between: Pause = no_pause,
) -> Replacement:
    """Learn from the inspected texts and relabel all; equal arguments give equal labels.

    A label that the annotator gave to no text has no proxy, hence S_proxy = 0. If inspected texts
    were generated for it and turned out otherwise, the formula stands. If none was, nothing is
    known of it, and its texts keep their labels.

    Args:
        vectors: embeddings, float32 (texts, size); normalised here.
        specified: the labels before, one a text.
        inspected: the annotator's label by row.
        label_names: all labels, in task order.
        weight: w, 0 (proxies alone) to 1 (nothing but the inspected texts changes).
        seed: of the proxies' training.
        between: called between two proxies.

    Raises:
        BadInput: the weight is out of range, no text was inspected, or all inspected ones got one
            and the same label, which teaches a proxy nothing.
        ValueError: a label is none of `label_names`, or a row is out of range.
    """
    _check(specified, inspected, label_names)
    if not 0 <= weight <= 1:
        raise BadInput(f"The weight is {weight}.", "Choose from 0 to 1; the paper has 0.3.")
    rows = np.array(sorted(inspected), dtype=np.int64)
    annotated = np.array([inspected[row] for row in rows.tolist()], dtype=object)
    old = np.array(specified, dtype=object)
    if len(rows) == 0:
        raise BadInput("No text was inspected; no label was changed.", "Judge some texts first.")
    named = [name for name in label_names if (annotated == name).any()]
    if len(named) == 1:
        raise BadInput(
            f"All {len(rows)} inspected texts were labelled '{named[0]}', so nothing tells labels "
            "apart; no label was changed.",
            "Inspect texts of other labels, too.",
        )
    names = np.array(label_names, dtype=object)
    proxy, notes = _confidences(unit_vectors(vectors), rows, annotated, label_names, seed, between)
    place = {name: column for column, name in enumerate(label_names)}
    columns = np.array([place[label] for label in specified], dtype=np.int64)
    texts = np.arange(len(old))
    total = (1 - weight) * proxy
    total[texts, columns] += weight
    best = total.argmax(axis=1)
    best = np.where(total[texts, columns] >= total[texts, best] - _TIE, columns, best)
    unknown = [n for n in label_names if n not in named and not (old[rows] == n).any()]
    untouched = np.isin(old, np.array(unknown, dtype=object))
    best = np.where(untouched, columns, best)
    new = names[best]
    new[rows] = annotated
    confidence: list[float | None] = proxy[texts, best].tolist()
    judged: list[str | None] = [None] * len(old)
    for row in np.flatnonzero(untouched).tolist():
        confidence[row] = None
    for row in rows.tolist():
        confidence[row], judged[row] = None, inspected[row]
    denied = [n for n in label_names if n not in named and n not in unknown and (old == n).any()]
    return Replacement(
        label_names=tuple(label_names),
        old=tuple(specified),
        new=tuple(new.tolist()),
        judged=tuple(judged),
        proxy=tuple(names[proxy.argmax(axis=1)].tolist()),
        confidence=tuple(confidence),
        explanations=(*_of_unseen(unknown, denied, weight), *notes),
    )


def overruled(
    replacement: Replacement, labels: Mapping[int, str], *, old: Sequence[str]
) -> Replacement:
    """The replacement with people's labels, which win over every other annotator's and proxy's.

    Args:
        replacement: by whomever; its own proposal for the people's texts stays on record.
        labels: the people's, by row.
        old: the labels before, those that people gave earlier included.
    """
    own = replacement.own or replacement

    def with_labels(values: Sequence[T]) -> tuple[T | str, ...]:
        return tuple(labels.get(row, value) for row, value in enumerate(values))

    _check(old, labels, own.label_names)
    return replace(
        own,
        old=tuple(old),
        new=with_labels(own.new),
        judged=with_labels(own.judged),
        confidence=tuple(
            None if row in labels else value for row, value in enumerate(own.confidence)
        ),
        own=own,
    )


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


def label_changes(ids: Sequence[str], replacement: Replacement) -> list[Change]:
    """The changes, in the texts' order; `ids` are those of the replacement's rows."""
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
    wanted = set(accepted)
    if not wanted <= changing:
        raise ValueError("an accepted change is none of the replacement's")
    refused = [key in changing and key not in wanted for key in ids]
    labels = zip(replacement.old, replacement.new, refused, strict=True)
    confidences = zip(replacement.confidence, refused, strict=True)
    return replace(
        replacement,
        new=tuple(old if is_refused else new for old, new, is_refused in labels),
        confidence=tuple(None if is_refused else value for value, is_refused in confidences),
    )


def _confidences(
    unit: Vectors,
    rows: "np.typing.NDArray[np.int64]",
    annotated: "np.typing.NDArray[np.object_]",
    label_names: Sequence[str],
    seed: int,
    between: Pause,
) -> tuple[Numbers, list[str]]:
    """S_proxy, float64 (texts, labels), 0 for labels never given; and what is to be said of it."""
    proxies = {}
    for name in label_names:
        if (annotated == name).any():
            between()
            proxies[name] = train_proxy(unit, rows, annotated == name, seed=seed)
    shared = shared_curve([p.curve for p in proxies.values() if p.curve is not None])
    confidences = np.zeros((len(unit), len(label_names)))
    for column, name in enumerate(label_names):
        if name in proxies:
            curve = proxies[name].curve or shared
            confidences[:, column] = curve.confidence(proxies[name].margins)
    notes = []
    few = [name for name, proxy in proxies.items() if proxy.curve is None]
    if few:
        how = "a fixed curve" if shared is FIXED else "the curve of the other labels"
        notes.append(
            f"Fewer than {MIN_EACH} inspected texts tell {_listed(few)} from the rest: the "
            f"confidence comes from {how} there."
        )
    flat = [n for n, proxy in proxies.items() if proxy.curve and proxy.curve.source == "flat"]
    if flat:
        notes.append(
            f"The proxy of {_listed(flat)} does no better than chance on held-out texts: its "
            "confidence is the same for every text."
        )
    failed = sum(proxy.unconverged for proxy in proxies.values())
    if failed:
        fits = sum(proxy.fits for proxy in proxies.values())
        notes.append(
            f"{failed} of {fits} SVCs had not converged after {MAX_ITERATIONS:,} iterations."
        )
    return confidences, notes


def _of_unseen(unknown: Sequence[str], denied: Sequence[str], weight: float) -> list[str]:
    notes = []
    if unknown:
        notes.append(
            f"No inspected text has the label {_listed(unknown)} or was generated for it: texts "
            "of that label keep it, and no other text gets it."
        )
    if denied:
        # Another label's S_f is at most 1 - w.
        sure = "" if weight >= 0.5 else f" by more than {weight / (1 - weight):.2f}"
        keep = sure and f" unless another label's proxy is sure{sure}"
        notes.append(
            f"No inspected text turned out to be {_listed(denied)}: no text gets that label, and "
            f"those that have it keep it{keep}."
        )
    return notes


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"


def _check(specified: Sequence[str], judged: Mapping[int, str], label_names: Sequence[str]) -> None:
    known = set(label_names)
    if not known.issuperset(specified) or not known.issuperset(judged.values()):
        raise ValueError("a label is none of the task's")
    if judged and not 0 <= min(judged) <= max(judged) < len(specified):
        raise ValueError("an inspected row is out of range")
