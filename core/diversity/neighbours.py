"""Nearest neighbours and near duplicates among the embedded texts, exact, a block at a time."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.diversity.remote_clique import Numbers, Vectors, unit_vectors

_CELLS = 8_000_000  # cosines held at once: 32 MB


@dataclass(frozen=True, slots=True)
class Pair:
    """Two texts and how far they lie apart.

    Args:
        one: row of the one; the smaller of the two.
        other: row of the other.
        distance: cosine distance, 0 to 2.
    """

    one: int
    other: int
    distance: float


def nearest_distances(vectors: Vectors) -> Numbers:
    """Each text's cosine distance to the text nearest to it; O(n^2), 20,000 texts take seconds.

    The mean of it, 0 to 2, is higher for data without near copies; it falls as a dataset grows.

    Args:
        vectors: embeddings, float32 (texts, size), at least two.

    Returns:
        float64 (texts,).
    """
    nearest = np.full(len(vectors), -np.inf, dtype=np.float32)
    for start, cosines in _cosines(vectors):
        rows = np.arange(len(cosines))
        cosines[rows, start + rows] = -np.inf
        nearest[start : start + len(cosines)] = cosines.max(axis=1)
    distances: Numbers = np.clip(1 - nearest.astype(np.float64), 0, 2)
    return distances


def near_duplicates(vectors: Vectors, threshold: float) -> "npt.NDArray[np.int64]":
    """For each text the first text that it nearly repeats, or -1.

    A text repeats an earlier one if their distance is at most the threshold and that one repeats
    none itself; so the texts with -1 are what is left when near duplicates are taken out.

    Args:
        vectors: embeddings, float32 (texts, size), in order of arrival.
        threshold: cosine distance, 0 to 2.

    Returns:
        int64 (texts,): rows of `vectors`, each smaller than its own place.
    """
    repeats = np.full(len(vectors), -1, dtype=np.int64)
    for start, cosines in _cosines(vectors):
        near = cosines >= 1 - threshold - 1e-6  # equal texts may differ by rounding
        for place, row in enumerate(near, start):
            earlier = np.flatnonzero(row[:place])
            originals = earlier[repeats[earlier] < 0]
            if len(originals):
                repeats[place] = originals[0]
    return repeats


def nearest_pairs(vectors: Vectors, count: int) -> list[Pair]:
    """The pairs that lie nearest together, nearest first.

    Args:
        vectors: embeddings, float32 (texts, size).
        count: how many pairs at most.
    """
    best: list[Pair] = []
    for start, cosines in _cosines(vectors):
        rows, columns = np.triu_indices(len(cosines), k=start + 1, m=cosines.shape[1])
        found = cosines[rows, columns]
        if len(found) > count:
            chosen = np.argpartition(-found, count)[:count]
            rows, columns, found = rows[chosen], columns[chosen], found[chosen]
        best += [
            Pair(start + int(row), int(column), float(np.clip(1 - cosine, 0, 2)))
            for row, column, cosine in zip(rows, columns, found, strict=True)
        ]
        best = sorted(best, key=lambda pair: (pair.distance, pair.one, pair.other))[:count]
    return best


def nearest_to(vectors: Vectors, row: int, count: int) -> list[tuple[int, float]]:
    """The texts nearest to one: (row, cosine distance), nearest first, without itself."""
    unit = unit_vectors(vectors)
    distances = np.clip(1 - (unit @ unit[row]).astype(np.float64), 0, 2)
    distances[row] = np.inf
    order = np.argsort(distances, kind="stable")[: min(count, len(vectors) - 1)]
    return [(int(place), float(distances[place])) for place in order]


def _cosines(vectors: Vectors) -> Iterator[tuple[int, Vectors]]:
    """Blocks of the matrix of cosines: (first row, float32 (rows, texts))."""
    unit = unit_vectors(vectors)
    height = max(1, _CELLS // max(1, len(unit)))
    for start in range(0, len(unit), height):
        yield start, unit[start : start + height] @ unit.T
