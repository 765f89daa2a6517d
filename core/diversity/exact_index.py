"""The neighbours that umap lays a map out by, found exactly."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from core.diversity.remote_clique import Vectors

_CELLS = 8_000_000  # cosines held at once: 32 MB


class ExactIndex:
    """Nearest neighbours by all cosines, with the face of umap's own index.

    Args:
        unit: vectors of length 1, float32 (texts, size).
    """

    _angular_trees = False  # umap asks; it decides on `epsilon`, which means nothing here

    def __init__(self, unit: Vectors) -> None:
        self.unit = unit

    def query(
        self,
        vectors: Vectors,
        k: int,
        epsilon: float = 0.0,
        between: Callable[[], None] = lambda: None,
    ) -> "tuple[npt.NDArray[np.int32], Vectors]":
        """Each vector's k nearest, nearest first: rows and cosine distances, (vectors, k) each."""
        rows: list[npt.NDArray[np.int64]] = []
        cosines: list[Vectors] = []
        height = max(1, _CELLS // len(self.unit))
        for start in range(0, len(vectors), height):
            between()
            block = vectors[start : start + height] @ self.unit.T
            near = np.argpartition(block, -k, axis=1)[:, -k:]
            values = np.take_along_axis(block, near, axis=1)
            # Equal ones in the order of their rows, however the partition left them.
            order = np.lexsort((near, -values), axis=1)
            rows.append(np.take_along_axis(near, order, axis=1))
            cosines.append(np.take_along_axis(values, order, axis=1))
        distances = np.clip(1 - np.concatenate(cosines), 0, 2)
        # Rounding alone; umap takes whatever is above 0 for the distance to another text.
        distances[distances < 1e-6] = 0
        return np.concatenate(rows).astype(np.int32), distances.astype(np.float32)


def exact_index(unit: Vectors) -> ExactIndex:
    """An index that umap takes, over vectors of length 1, float32 (texts, size)."""
    from umap.umap_ import NNDescent

    # umap takes an index for its `transform` only if it is one of these by type.
    kind: Any = type("UmapIndex", (ExactIndex, NNDescent), {})
    index: ExactIndex = kind(unit)
    return index
