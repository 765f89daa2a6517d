"""Similarity to a reference: the mean cosine between a text and a real one (paper, section 4.2)."""

import numpy as np

from core.diversity.measures.remote_clique import (
    Estimate,
    Numbers,
    Pause,
    Vectors,
    no_pause,
    resampled_sums,
    unit_vectors,
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
    near 0.8. 1 minus it is `remote_clique.mean_distance_between`.

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
