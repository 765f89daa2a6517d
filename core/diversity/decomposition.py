"""Where Remote-Clique comes from: pairs within a label and pairs between labels, exactly.

The mean distance over all pairs is the mean within labels and the mean between labels, weighted by
their shares of the pairs. So a score that moved can be told apart: texts of one label spread, or
the labels drifted from each other. Both follow from the sums of unit vectors alone, in O(n d).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.diversity.remote_clique import Vectors, unit_vectors


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
