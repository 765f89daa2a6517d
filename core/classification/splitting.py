"""Drawing texts so that labels keep their shares."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]


def stratified_split(
    labels: Sequence[str], share: float, *, rng: np.random.Generator
) -> tuple[Rows, Rows]:
    """Rows to train on and rows to validate on, each in ascending order.

    Of a label with n texts, `share * n` are held out, rounded, at least 1 and at most n - 1.

    Args:
        labels: one a text; every label that occurs does so at least twice.
        share: between 0 and 1.
        rng: draws the texts.
    """
    held: list[Rows] = []
    for rows in _rows_of(labels):
        count = min(len(rows) - 1, max(1, round(share * len(rows))))
        held.append(rng.permutation(rows)[:count])
    out = np.sort(np.concatenate(held))
    return np.setdiff1d(np.arange(len(labels)), out), out


def stratified_draw(labels: Sequence[str], size: int, *, rng: np.random.Generator) -> Rows:
    """So many rows in ascending order; all of them if there are no more.

    Each label gets its share of `size` by largest remainders, but at least 2 texts where it has
    them and `size` allows for it.

    Args:
        labels: one a text.
        size: at least 1.
        rng: draws the texts.
    """
    if size >= len(labels):
        return np.arange(len(labels))
    groups = _rows_of(labels)
    floors = np.array([min(2, len(rows)) for rows in groups])
    if floors.sum() > size:
        floors[:] = 0
    shares = np.array([len(rows) for rows in groups]) * size / len(labels)
    counts = np.maximum(np.floor(shares).astype(np.int64), floors)
    while counts.sum() != size:
        step = 1 if counts.sum() < size else -1
        gap = (shares - counts) * step
        room = counts < [len(rows) for rows in groups] if step > 0 else counts > floors
        counts[np.where(room, gap, -np.inf).argmax()] += step
    drawn = [
        rng.permutation(rows)[:count] for rows, count in zip(groups, counts.tolist(), strict=True)
    ]
    return np.sort(np.concatenate(drawn))


def _rows_of(labels: Sequence[str]) -> list[Rows]:
    """The rows of each label, labels in the order of first occurrence."""
    groups: dict[str, list[int]] = {}
    for row, label in enumerate(labels):
        groups.setdefault(label, []).append(row)
    return [np.array(rows, dtype=np.int64) for rows in groups.values()]
