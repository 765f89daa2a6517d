"""Vendi score: how many wholly different texts a dataset is worth (Friedman and Dieng 2023)."""

import numpy as np

from core.diversity.measures.remote_clique import Vectors, unit_vectors

_BLOCK = 4096


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
    for start in range(0, len(vectors), _BLOCK):
        block = unit_vectors(vectors[start : start + _BLOCK]).astype(np.float64)
        gram += block.T @ block
    shares = np.linalg.eigvalsh(gram / len(vectors))
    shares = shares[shares > 1e-12]
    return float(np.exp(-(shares * np.log(shares)).sum()))
