"""Keeps the fitted map that was used last, so that the next texts are placed at once."""

from pathlib import Path

from core.diversity.remote_clique import Vectors
from core.diversity.umap_map import FittedMap, Progress, fit_map, keep_compiled, warm_up


class MapKeeper:
    """Fits maps and keeps the last one.

    Args:
        compiled: folder for what numba compiles; several processes may share it. None leaves the
            place to numba.
    """

    def __init__(self, compiled: Path | None = None) -> None:
        self._compiled = compiled
        self._ready = False
        self._map_id = ""
        self._fitted: FittedMap | None = None

    def kept(self, map_id: str) -> FittedMap | None:
        """The fitted map of that id if it is here."""
        return self._fitted if map_id == self._map_id else None

    def keep(self, map_id: str, fitted: FittedMap) -> None:
        """Keep a map instead of the last one."""
        self._map_id, self._fitted = map_id, fitted

    def fit(
        self,
        vectors: Vectors,
        *,
        seed: int,
        neighbours: int,
        min_dist: float,
        progress: Progress | None = None,
    ) -> FittedMap:
        """As `fit_map`, with its compiled code from the folder and into it."""
        if not self._ready:
            keep_compiled(self._compiled)
            self._ready = True
        return fit_map(
            vectors, seed=seed, neighbours=neighbours, min_dist=min_dist, progress=progress
        )

    def warm_up(self) -> None:
        """Pay now, while nobody waits, what the first map would pay; see `umap_map.warm_up`."""
        warm_up(self._compiled)
        self._ready = True
