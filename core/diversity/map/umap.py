"""The neighbours that umap lays a map out by, found exactly."""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core.diversity.map.projection import Axes, Coordinates, different, principal_axes
from core.diversity.measures.remote_clique import Vectors, unit_vectors

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


NEIGHBOURS = 15
MIN_DIST = 0.1
FEWEST = 10  # different vectors; of fewer, neighbours say nothing
PLACE_AT_ONCE = 1000

Progress = Callable[[int, int], None]

# Without an OpenMP or TBB library numba ends the process when two threads compute at a time.
_one_at_a_time = threading.Lock()


@dataclass(frozen=True, slots=True)
class FittedMap:
    """A plane with the places of the texts it was fitted on, on which others can be placed.

    Args:
        method: "umap", or "pca" where there are too few texts for it.
        coordinates: of the fitted texts, float32 (texts, 2), finite.
        note: a sentence if the map is not what one expects; else empty.
    """

    method: str
    coordinates: Coordinates
    note: str
    _axes: Axes
    _reducer: Any = None
    _epochs: "_Epochs | None" = None

    def place(self, vectors: Vectors, *, progress: Progress | None = None) -> Coordinates:
        """Where texts that came later lie; those that are placed already do not move.

        Args:
            vectors: embeddings, float32 (texts, size).
            progress: called often with texts done and texts in all; what it raises ends the
                placing.

        Returns:
            float32 (texts, 2), finite.

        Raises:
            ValueError: a vector is zero or not finite.
        """
        if self._reducer is None or self._epochs is None:
            return self._axes.place(vectors)
        unit = unit_vectors(vectors)
        parts = [np.zeros((0, 2), dtype=np.float32)]
        with _one_at_a_time:
            for start in range(0, len(unit), PLACE_AT_ONCE):

                def step(_: int, place: int = start) -> None:
                    if progress is not None:
                        progress(place, len(unit))

                self._epochs.listen = step
                step(0)
                parts.append(self._reducer.transform(unit[start : start + PLACE_AT_ONCE]))
        return np.concatenate(parts).astype(np.float32)


def fit_map(
    vectors: Vectors,
    *,
    seed: int,
    neighbours: int = NEIGHBOURS,
    min_dist: float = MIN_DIST,
    progress: Progress | None = None,
) -> FittedMap:
    """Fit a map by cosine distance; principal axes if there are fewer than 10 different vectors.

    Args:
        vectors: embeddings, float32 (texts, size), at least one; their order matters.
        seed: equal seeds give equal maps.
        neighbours: a text's neighbourhood, itself included; more shows the whole, fewer the detail.
        min_dist: how close points may lie, in units of the plane; 0 to 1.
        progress: called often with epochs done and epochs in all; what it raises ends the fitting.

    Raises:
        ValueError: there is no vector, or one is zero or not finite.
    """
    axes = principal_axes(vectors)
    distinct = different(vectors, at_most=FEWEST)
    if distinct < FEWEST:
        return FittedMap("pca", axes.place(vectors), _why_plain(len(vectors), distinct), axes)
    unit = unit_vectors(vectors)
    total = _epochs_for(len(unit))
    epochs = _Epochs()
    if progress is not None:
        epochs.listen = lambda done: progress(done, total)
    with _one_at_a_time:
        from umap import UMAP

        index = exact_index(unit)
        rows, distances = index.query(unit, min(neighbours, len(unit) - 1), between=epochs.begin)
        reducer = UMAP(
            n_neighbors=rows.shape[1],
            min_dist=min_dist,
            metric="cosine",
            n_epochs=total,
            # Its own default, the spectrum of the graph, fails on small and unconnected ones.
            init=_start(axes.place(vectors), seed),
            random_state=seed,
            transform_seed=seed,
            n_jobs=1,  # what a seed demands
            precomputed_knn=(rows, distances, index),
            disconnection_distance=np.inf,  # no text is left without a place
            tqdm_kwds=epochs.options(),
        )
        coordinates = reducer.fit_transform(unit)
    return FittedMap("umap", np.array(coordinates, dtype=np.float32), "", axes, reducer, epochs)


def keep_compiled(folder: Path | None) -> None:
    """Keep in a folder what numba compiles; call before the first map of the process.

    numba keeps nothing of umap by itself. The folder is as trusted as Python's own `__pycache__`.
    """
    if folder is not None:
        os.environ.setdefault("NUMBA_CACHE_DIR", str(folder))
    with _one_at_a_time:
        import umap.layouts
        import umap.umap_
        import umap.utils

        # Had something imported numba before, it would still go by the folder of that time.
        umap.layouts.numba.config.reload_config()
        for module in (umap.umap_, umap.layouts, umap.utils):
            for function in vars(module).values():
                if hasattr(function, "enable_caching") and hasattr(function, "py_func"):
                    function.enable_caching()


def warm_up(folder: Path | None) -> None:
    """Compile or load what a map needs, so that the first one does not wait for it.

    Half a minute with an empty folder, seconds afterwards.

    Args:
        folder: keeps what is compiled; None leaves the place to numba.
    """
    keep_compiled(folder)
    vectors = np.random.default_rng(0).normal(size=(40, 8)).astype(np.float32)
    fit_map(vectors, seed=0).place(vectors[:3] + 1)


def version() -> str:
    """The versions that a map depends on."""
    from importlib.metadata import version as of

    return f"umap-learn {of('umap-learn')}, numba {of('numba')}"


class _Epochs:
    """Hears of umap's epochs as the file that its progress bar writes to."""

    def __init__(self) -> None:
        self.listen: Callable[[int], None] = lambda done: None

    def options(self) -> dict[str, object]:
        """For tqdm: write the number of the epoch, and nothing else, at most ten times a second."""
        return {
            "file": self,
            "disable": False,
            "bar_format": "{n}",
            "mininterval": 0.1,
            "miniters": 1,
            "leave": True,
        }

    def begin(self) -> None:
        """No epoch is done yet."""
        self.listen(0)

    def write(self, text: str) -> None:
        """What the bar shows."""
        if text.strip().isdigit():
            self.listen(int(text))

    def flush(self) -> None:
        """Nothing waits."""


def _start(coordinates: Coordinates, seed: int) -> Coordinates:
    """Where the points begin: on the principal axes, and no two in one place."""
    noise = np.random.default_rng(seed).normal(scale=1e-3, size=coordinates.shape)
    spread = coordinates.max(axis=0) - coordinates.min(axis=0)
    start: Coordinates = (
        10 * (coordinates - coordinates.min(axis=0)) / np.where(spread > 0, spread, 1) + noise
    ).astype(np.float32)
    return start


def _epochs_for(texts: int) -> int:
    """umap's own 500, falling to its 200 from 2,000 to 5,000 texts, so that time hardly grows."""
    return min(500, max(200, 1_000_000 // texts))


def _why_plain(texts: int, distinct: int) -> str:
    if texts < FEWEST:
        return (
            f"The map shows principal components: {texts} {'text' if texts == 1 else 'texts'},"
            f" fewer than the {FEWEST} that UMAP needs."
        )
    return (
        f"The map shows principal components: the texts have only {distinct} different"
        f" {'embedding' if distinct == 1 else 'embeddings'}; UMAP needs {FEWEST}."
    )


class MapCache:
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
