"""Nearest neighbours and near duplicates among the embedded texts, exact, a block at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.diversity.measures.remote_clique import Numbers, Pause, Vectors, no_pause, unit_vectors
from core.domain.texts import fold

_CELLS = 8_000_000  # cosines held at once: 32 MB
_HEIGHT = 1024  # rows at once where only what lies before them is looked at


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


def nearest_distances(vectors: Vectors, *, between: Pause = no_pause) -> Numbers:
    """Each text's cosine distance to the text nearest to it; O(n^2), 20,000 texts take seconds.

    The mean of it, 0 to 2, is higher for data without near copies; it falls as a dataset grows.

    Args:
        vectors: embeddings, float32 (texts, size), at least two.
        between: called between blocks.

    Returns:
        float64 (texts,).
    """
    nearest = np.full(len(vectors), -np.inf, dtype=np.float32)
    for start, cosines in _cosines(vectors):
        rows = np.arange(len(cosines))
        cosines[rows, start + rows] = -np.inf
        nearest[start : start + len(cosines)] = cosines.max(axis=1)
        between()
    distances: Numbers = np.clip(1 - nearest.astype(np.float64), 0, 2)
    return distances


def nearest_earlier(
    vectors: Vectors,
    *,
    apart: "npt.NDArray[np.int64] | None" = None,
    between: Pause = no_pause,
) -> tuple[Numbers, "npt.NDArray[np.int64]"]:
    """For each text the nearest of those before it; O(n^2), half of `nearest_distances`.

    At a threshold t the texts at most t from an earlier one are the near duplicates, so that this
    once computed tells their number at every threshold.

    Args:
        vectors: embeddings, float32 (texts, size), in order of arrival.
        apart: a number for each text, (texts,): those of the same number are passed over.
        between: called between blocks.

    Returns:
        Cosine distances, 0 to 2, float64 (texts,), and rows, int64 (texts,), the first of equally
        near ones; NaN and -1 where there is none before.
    """
    unit = unit_vectors(vectors)
    n = len(unit)
    distances: Numbers = np.full(n, np.nan)
    rows = np.full(n, -1, dtype=np.int64)
    height = max(1, min(_HEIGHT, _CELLS // max(1, n)))
    for start in range(0, n, height):
        end = min(n, start + height)
        cosines = unit[start:end] @ unit[:end].T
        cosines[:, start:][np.triu_indices(end - start)] = -np.inf
        if apart is not None:
            cosines[apart[start:end, None] == apart[None, :end]] = -np.inf
        nearest = cosines.argmax(axis=1)
        best = cosines[np.arange(end - start), nearest].astype(np.float64)
        some = np.isfinite(best)
        distances[start:end][some] = np.clip(1 - best[some], 0, 2)
        rows[start:end][some] = nearest[some]
        between()
    return distances, rows


def nearest_pairs(
    vectors: Vectors,
    count: int,
    *,
    apart: "npt.NDArray[np.int64] | None" = None,
    between: Pause = no_pause,
) -> list[Pair]:
    """The pairs that lie nearest together, nearest first; O(n^2), as `nearest_earlier`.

    Args:
        vectors: embeddings, float32 (texts, size).
        count: how many pairs at most.
        apart: a number for each text, (texts,): two of the same number make no pair.
        between: called between blocks.
    """
    distances, _ = nearest_earlier(vectors, apart=apart, between=between)
    # The later text of one of these pairs is among the `count` texts that lie nearest to an earlier
    # one: if it were not, each of those would have a nearer pair.
    later = np.argsort(distances, kind="stable")[: min(count, int(np.isfinite(distances).sum()))]
    unit = unit_vectors(vectors)
    pairs: list[Pair] = []
    for row in later:
        cosines = unit[:row] @ unit[row]
        if apart is not None:
            cosines[apart[:row] == apart[row]] = -np.inf
        nearest = np.argsort(-cosines, kind="stable")[:count]
        pairs += [
            Pair(int(place), int(row), float(np.clip(1 - cosines[place], 0, 2)))
            for place in nearest
            if np.isfinite(cosines[place])
        ]
        between()
    return sorted(pairs, key=lambda pair: (pair.distance, pair.one, pair.other))[:count]


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


DEFAULT_THRESHOLD = 0.1
"""Cosine distance at which two texts count as near duplicates unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Repeats:
    """How many texts repeat an earlier one.

    Args:
        count: these texts; the first of each kind is none of them.
        share: of all texts, 0 to 1, lower is more diverse; None without texts.
    """

    count: int
    share: float | None


def wordings(texts: Sequence[str]) -> "npt.NDArray[np.int64]":
    """A number for each wording: texts that differ in case and white space alone share it.

    Returns:
        int64 (texts,): the row of the first text of that wording.
    """
    first: dict[str, int] = {}
    return np.array([first.setdefault(fold(t), row) for row, t in enumerate(texts)], dtype=np.int64)


def exact_duplicates(texts: Sequence[str]) -> Repeats:
    """Texts whose wording (`core.domain.texts.fold`) an earlier one has."""
    kinds = wordings(texts)
    return _repeats(int((kinds < np.arange(len(kinds))).sum()), len(texts))


def near_duplicates_at(nearest_earlier: Numbers, threshold: float) -> Repeats:
    """Texts that lie within the threshold of an earlier one, exact duplicates among them.

    Counting is all it does, so that a person can move the threshold.

    Args:
        nearest_earlier: each text's distance to the nearest earlier one; NaN for the first.
        threshold: cosine distance, 0 to 2.
    """
    near = nearest_earlier <= threshold  # never true of NaN
    return _repeats(int(near.sum()), len(nearest_earlier))


def _repeats(count: int, n: int) -> Repeats:
    return Repeats(count, count / n if n else None)
