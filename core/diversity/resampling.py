"""How sure a Remote-Clique is: resamples of the texts, and subsets of another dataset's size."""

from collections.abc import Iterator

import numpy as np

from core.diversity.remote_clique import (
    Estimate,
    Numbers,
    Pause,
    Vectors,
    mean_distance_of,
    no_pause,
    remote_clique,
    unit_vectors,
)

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
    found: list[Numbers] = []
    for sums, squares in resampled_sums(
        unit_vectors(vectors), rng, resamples=resamples, between=between
    ):
        lengths = np.einsum("ij,ij->i", sums, sums)
        # Drawn n times the same text: no pair at all.
        pairs = np.where(squares < n * n, n * n - squares, np.nan)
        found.append((n * n - lengths) / pairs)
    low, high = np.nanpercentile(np.concatenate(found), [2.5, 97.5])
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
