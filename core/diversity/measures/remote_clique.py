"""Measures of the directions of embeddings: Remote-Clique, similarity to a reference, Vendi score.

Remote-Clique is the mean distance between two texts (paper, section 4.2, after Cox et al. 2021).
The distance is cosine distance, 1 minus the cosine of two embeddings, from 0 to 2. The mean over
all pairs of different texts has a closed form: with unit vectors x, their sum s and their number n

    mean distance = (n^2 - |s|^2) / (n (n - 1))

so a million texts take one pass, and one more text takes one addition. The paper states neither
distance nor pooling; values of 0.1 to 0.2, as in its figures, fit cosine distance. Higher is more
diverse. It does not depend on the number of texts but for chance, and duplicates count.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.float64]

Pause = Callable[[], None]
"""Called between blocks of a long computation; what it raises ends it."""

_BLOCK = 512  # small enough for the cache, and for products of it to stay on one core: sharing them
# out costs more than it saves, and much more while another process computes
_NORMAL_95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its 95 % interval.

    Args:
        value: the estimate; None where there is nothing to measure.
        low: lower end of the interval; None where there is none.
        high: upper end.
        n: how many texts it rests on.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int


class CliqueSum:
    """What Remote-Clique needs to know of the texts so far; another batch costs the batch alone.

    Args:
        size: length of the vectors.
    """

    def __init__(self, size: int) -> None:
        self.n = 0
        self.total: Numbers = np.zeros(size)
        # Sum of the outer products: with it the spread of the texts' mean distances is closed, too.
        self._outer: Numbers = np.zeros((size, size))

    def add(self, vectors: Vectors) -> None:
        """Count some texts more.

        Args:
            vectors: embeddings, float32 (texts, size); normalised here.

        Raises:
            ValueError: a vector is zero or not finite.
        """
        for block in _unit_blocks(vectors):
            self.n += len(block)
            self.total += block.sum(axis=0, dtype=np.float64)
            self._outer += block.T @ block

    @property
    def value(self) -> float | None:
        """Remote-Clique, 0 to 2 (above 1 only for very few texts); None below two texts."""
        return mean_distance_of(self.n, self.total)

    def estimate(self) -> Estimate:
        """Remote-Clique with its interval by the delta method.

        A mean over pairs is a U-statistic: its variance is about 4 / n times that of the texts' own
        mean distances (Hoeffding 1948). Quick enough for every redraw; `bootstrap` assumes less.
        """
        value, n = self.value, self.n
        if value is None or n < 3:
            return Estimate(value, None, None, n)
        # A text's mean distance to the others is (n - x.s) / (n - 1); here is the spread of x.s.
        mean = float(self.total @ self.total) / n
        square = float(self.total @ self._outer @ self.total) / n
        spread = math.sqrt(max(0.0, square - mean * mean) * n / (n - 1)) / (n - 1)
        margin = _NORMAL_95 * 2 * spread / math.sqrt(n)
        return Estimate(value, max(0.0, value - margin), min(2.0, value + margin), n)


def remote_clique(vectors: Vectors) -> float | None:
    """Mean cosine distance over all pairs of different texts.

    Args:
        vectors: embeddings, float32 (texts, size), of any length above 0.

    Returns:
        0 to 2; None below two texts.

    Raises:
        ValueError: a vector is zero or not finite.
    """
    total: Numbers = np.zeros(vectors.shape[1])
    for start in range(0, len(vectors), _BLOCK):
        block = vectors[start : start + _BLOCK]
        # Dividing by the lengths while adding up saves writing the unit vectors down.
        total += _inverse_lengths(block) @ block
    return mean_distance_of(len(vectors), total)


def mean_distances(vectors: Vectors) -> Numbers:
    """Each text's mean cosine distance to the others: what it contributes; their mean is the score.

    Args:
        vectors: embeddings, float32 (texts, size), at least two.

    Returns:
        float64 (texts,), 0 to 2.
    """
    n = len(vectors)
    unit = unit_vectors(vectors)
    total = unit.sum(axis=0, dtype=np.float64)
    distances: Numbers = (n - unit @ total) / (n - 1)
    return distances


def no_pause() -> None:
    """A `Pause` that does nothing."""


def unit_vectors(vectors: Vectors) -> Vectors:
    """The vectors at length 1, float32.

    Raises:
        ValueError: a vector is zero or not finite.
    """
    unit: Vectors = vectors * _inverse_lengths(vectors)[:, None]
    return unit


def _unit_blocks(vectors: Vectors) -> Iterator[Vectors]:
    for start in range(0, len(vectors), _BLOCK):
        yield unit_vectors(vectors[start : start + _BLOCK])


def _inverse_lengths(vectors: Vectors) -> Vectors:
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    if not (np.isfinite(lengths) & (lengths > 0)).all():
        raise ValueError("an embedding is zero or not finite")
    inverse: Any = (1 / lengths).astype(np.float32)
    return inverse  # type: ignore[no-any-return]


def mean_distance_of(n: int, total: Numbers) -> float | None:
    """Remote-Clique of n texts whose unit vectors add up to `total`, float64 (size,)."""
    if n < 2:
        return None
    # Rounding alone can take equal texts below 0.
    return max(0.0, (n * n - float(total @ total)) / (n * (n - 1)))


_WEIGHTS = 2_000_000  # weights of resamples held at once: about 50 ms of work between two pauses


def bootstrap(
    vectors: Vectors,
    rng: np.random.Generator,
    *,
    resamples: int = 1000,
    between: Pause = no_pause,
) -> Estimate:
    """Remote-Clique with its percentile bootstrap interval over texts.

    In a resample a text stands as often as it was drawn. Pairs of a text with itself are left out:
    their distance of 0 says nothing about the texts, and would pull every resample down.

    Args:
        vectors: embeddings, float32 (texts, size).
        rng: draws the resamples.
        resamples: how many.
        between: called between blocks.
    """
    n = len(vectors)
    value = remote_clique(vectors)
    if value is None or n < 3:
        return Estimate(value, None, None, n)
    resampled: list[Numbers] = []
    for sums, squares in resampled_sums(
        unit_vectors(vectors), rng, resamples=resamples, between=between
    ):
        lengths = np.einsum("ij,ij->i", sums, sums)
        # Drawn n times the same text: no pair at all.
        pairs = np.where(squares < n * n, n * n - squares, np.nan)
        resampled.append((n * n - lengths) / pairs)
    low, high = np.nanpercentile(np.concatenate(resampled), [2.5, 97.5])
    return Estimate(value, max(0.0, float(low)), min(2.0, float(high)), n)


def resampled_sums(
    unit: Vectors, rng: np.random.Generator, *, resamples: int, between: Pause = no_pause
) -> Iterator[tuple[Numbers, Numbers]]:
    """Sums of the vectors in resamples of the texts, some resamples at a time.

    Args:
        unit: vectors, float32 (texts, size).
        rng: draws n of the n texts, with replacement, for each resample.
        resamples: how many.
        between: called between blocks.

    Yields:
        The sums, float64 (some, size), and how often each text was drawn, squared and added up,
        float64 (some,).
    """
    n = len(unit)
    width = max(1, _WEIGHTS // n)
    for start in range(0, resamples, width):
        count = min(width, resamples - start)
        drawn = rng.integers(0, n, size=(count, n), dtype=np.int64)
        drawn += np.arange(count)[:, None] * n
        weights = np.bincount(drawn.reshape(-1), minlength=count * n).reshape(count, n)
        sums = (weights.astype(np.float32) @ unit).astype(np.float64)
        yield sums, np.einsum("ij,ij->i", weights, weights).astype(np.float64)
        between()


def size_matched(
    vectors: Vectors,
    n: int,
    rng: np.random.Generator,
    *,
    draws: int = 200,
    between: Pause = no_pause,
) -> Estimate:
    """Remote-Clique of random subsets of n texts: their mean, and where 95 % of them lie.

    For comparing with a dataset of n texts: the value does not hang on n, its chance does.

    Args:
        vectors: embeddings, float32 (texts, size), at least n.
        n: texts a subset, at least 2.
        rng: draws the subsets.
        draws: how many.
        between: called between two draws.

    Raises:
        ValueError: n is below 2 or above the number of texts.
    """
    if not 2 <= n <= len(vectors):
        raise ValueError(f"a subset of {n} of {len(vectors)} texts has no pairs to measure")
    unit = unit_vectors(vectors)
    values = []
    for _ in range(draws):
        drawn = unit[rng.permutation(len(unit))[:n]]
        values.append(mean_distance_of(n, drawn.sum(axis=0, dtype=np.float64)))
        between()
    known = np.array(values, dtype=np.float64)
    low, high = np.percentile(known, [2.5, 97.5])
    return Estimate(float(known.mean()), float(low), float(high), n)


@dataclass(frozen=True, slots=True)
class Decomposition:
    """Remote-Clique by kind of pair.

    Args:
        value: over all pairs, 0 to 2; None below two texts.
        within: mean over pairs of one label; None where there is no such pair.
        between: mean over pairs of different labels; None where there is no such pair.
        share_within: pairs of one label over all pairs, 0 to 1; 0 where there is no pair.
    """

    value: float | None
    within: float | None
    between: float | None
    share_within: float


def decomposed(vectors: Vectors, labels: Sequence[str]) -> Decomposition:
    """Remote-Clique within labels and between them.

    `value = share_within * within + (1 - share_within) * between`.

    Args:
        vectors: embeddings, float32 (texts, size).
        labels: each text's label.

    Raises:
        ValueError: a vector is zero or not finite, or the lengths differ.
    """
    if len(vectors) != len(labels):
        raise ValueError(f"{len(vectors)} vectors have {len(labels)} labels")
    n = len(vectors)
    if n < 2:
        return Decomposition(None, None, None, 0.0)
    unit = unit_vectors(vectors)
    names, places = np.unique(np.array(labels, dtype=object), return_inverse=True)
    sums = np.zeros((len(names), vectors.shape[1]))
    np.add.at(sums, places, unit.astype(np.float64))
    sizes = np.bincount(places, minlength=len(names)).astype(np.float64)
    squares = np.einsum("ij,ij->i", sums, sums)
    whole = sums.sum(axis=0)
    # Sums over ordered pairs of different texts: their number, and their distances.
    pairs_within = float((sizes * (sizes - 1)).sum())
    far_within = float((sizes * sizes - squares).sum())
    pairs = float(n * (n - 1))
    far = float(n * n - whole @ whole)
    return Decomposition(
        value=max(0.0, far / pairs),
        within=max(0.0, far_within / pairs_within) if pairs_within else None,
        between=max(0.0, (far - far_within) / (pairs - pairs_within))
        if pairs > pairs_within
        else None,
        share_within=pairs_within / pairs,
    )


def similarity(
    vectors: Vectors,
    others: Vectors,
    rng: np.random.Generator,
    *,
    resamples: int = 1000,
    between: Pause = no_pause,
) -> Estimate:
    """The paper's similarity with its percentile bootstrap interval over the texts of both sets.

    -1 to 1, higher is nearer to the reference; it does not depend on the numbers of texts but for
    chance. The paper gives 1 minus the mean distance; that the distance is cosine fits its values
    near 0.8.

    Args:
        vectors: embeddings, float32 (texts, size).
        others: the reference's, float32 (texts, size).
        rng: draws the resamples.
        resamples: how many.
        between: called between blocks.

    Returns:
        Without an interval where a set has fewer than two texts; n counts the texts measured.
    """
    n = len(vectors)
    if not n or not len(others):
        return Estimate(None, None, None, n)
    unit, real = unit_vectors(vectors), unit_vectors(others)
    value = float(unit.mean(axis=0, dtype=np.float64) @ real.mean(axis=0, dtype=np.float64))
    if min(n, len(others)) < 2:
        return Estimate(value, None, None, n)
    means: list[Numbers] = []
    for part in (unit, real):
        sums = [s for s, _ in resampled_sums(part, rng, resamples=resamples, between=between)]
        means.append(np.concatenate(sums) / len(part))
    cosines = np.einsum("ij,ij->i", *means)
    low, high = np.percentile(cosines, [2.5, 97.5])
    return Estimate(value, max(-1.0, float(low)), min(1.0, float(high)), n)


def vendi_score(vectors: Vectors) -> float | None:
    """Exponential of the entropy of the eigenvalues of K / n, K the cosines of all pairs.

    1 (all texts the same) to the smaller of the number of texts and the size of the vectors; higher
    is more diverse. It grows with the dataset: compare datasets of equal size only. Computed on the
    size x size matrix, whose eigenvalues above 0 are the same, so that it costs O(n size^2).

    Args:
        vectors: embeddings, float32 (texts, size), of any length above 0.

    Returns:
        None if there is no text.

    Raises:
        ValueError: a vector is zero or not finite.
    """
    if not len(vectors):
        return None
    size = vectors.shape[1]
    gram = np.zeros((size, size))
    for block in _unit_blocks(vectors):
        wide = block.astype(np.float64)
        gram += wide.T @ wide
    shares = np.linalg.eigvalsh(gram / len(vectors))
    shares = shares[shares > 1e-12]
    return float(np.exp(-(shares * np.log(shares)).sum()))
