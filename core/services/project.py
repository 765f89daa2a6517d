"""Placing the texts of some datasets on the map of their task.

A task has one map for each choice of encoder, and its points belong to texts: whichever dataset
holds a text finds it in the same place. It is fitted on the datasets chosen at that time; texts
that come later are placed on it and move nothing. Refitting makes another map of all.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from core.diversity.embedding.encoder import Encoder, EncoderChoice
from core.diversity.map.projection import Coordinates, MapTexts, choose_texts, different
from core.diversity.map.umap import FEWEST, MIN_DIST, NEIGHBOURS, FittedMap, MapCache, version
from core.diversity.measures.live import Encoders
from core.diversity.measures.remote_clique import Vectors
from core.domain.datasets import Dataset
from core.domain.errors import BadInput
from core.domain.progress import JobProgress
from core.services.embedding import Embedder
from core.services.progress import NO_PROGRESS, Progress
from core.store.database import Database
from core.store.datasets import load_dataset
from core.store.diversity import (
    MapFacts,
    MappedDataset,
    MapRecord,
    Point,
    add_points,
    fitted_points,
    latest_map,
    matrix_of,
    new_map,
    points_of,
)

LIMIT = 20_000

# Points of a refitted map may lie this far from the stored ones, in units of a plane of some 10.
_TOLERANCE = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class MapRequest:
    """Which texts are placed on which map: the spec of a job.

    Args:
        datasets: keys of the datasets.
        task_key: `core.domain.tasks.Task.key`.
        encoder: the encoder.
        refit: fit a new map of these datasets, whatever there is.
        seed: of a new map.
    """

    datasets: tuple[str, ...]
    task_key: str
    encoder: EncoderChoice
    refit: bool = False
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MapProgress(JobProgress):
    """The progress of placing texts; the further fields are known at its end.

    Args:
        map: id of the map.
        texts: different texts that are on the map.
        of: how many different texts there are.
        note: what to mind about the map; may be empty.
    """

    map: str | None = None
    texts: int | None = None
    of: int | None = None
    note: str = ""


def project(
    db: Database,
    request: MapRequest,
    *,
    encoders: Encoders,
    maps: MapCache,
    limit: int = LIMIT,
    progress: Progress = NO_PROGRESS,
) -> MapRecord:
    """Place all texts of some datasets on the map of their task, which is made where it is missing.

    Reports the phases loading, embedding, fitting, placing, and done with all of `MapProgress`.

    Args:
        db: the store.
        request: which texts.
        encoders: opens the encoder.
        maps: fits, and keeps what it fitted.
        limit: of more different texts a stratified sample is shown.
        progress: follows the work.

    Raises:
        BadInput: there is no such dataset, or no text in any.
        BackendFailed: the encoder can't be loaded, or failed.
        Stopped: the work is to end; vectors that are stored stay.
    """
    return _Projection(db, request, encoders, maps, limit, progress).run()


class _Projection:
    """One such piece of work."""

    def __init__(
        self,
        db: Database,
        request: MapRequest,
        encoders: Encoders,
        maps: MapCache,
        limit: int,
        progress: Progress,
    ) -> None:
        self.db, self.request, self.maps = db, request, maps
        self.limit, self.progress = limit, progress
        self.embedder = Embedder(db, encoders, request.encoder, progress)

    def run(self) -> MapRecord:
        self.step("loading", 0, 1)
        record = latest_map(self.db, self.request.task_key, choice=self.request.encoder)
        if self.request.refit:
            record = None
        datasets = tuple(load_dataset(self.db, key) for key in self.request.datasets)
        seed = self.request.seed if record is None else record.facts.seed
        chosen = choose_texts(datasets, limit=self.limit, seed=seed)
        if not chosen.texts:
            raise BadInput("There is no text to show on a map yet.", "Generate some texts first.")
        missing = list(chosen.texts)
        if record is not None:
            placed_before = points_of(self.db, record.id, missing)
            missing = [key for key in missing if key not in placed_before]
            if not missing:
                return self.finish(record, chosen)
        note = ""
        if record is not None:
            try:
                fitted = self.fitted(record, chosen)
            except _NewMapNeeded as reason:
                note = str(reason)
            else:
                vectors = self.embedder.embed([chosen.texts[key] for key in missing])
                placed = fitted.place(vectors, progress=self.stepper("placing"))
                add_points(self.db, record.id, _points(missing, placed))
                return self.finish(record, chosen)
        return self.finish(self.fit(chosen, datasets, note=note), chosen)

    def fit(self, chosen: MapTexts, datasets: Sequence[Dataset], *, note: str) -> MapRecord:
        """A new map, which replaces the one there was."""
        encoder = self.embedder.encoder
        vectors = self.embedder.embed(list(chosen.texts.values()))
        self.step("fitting", 0, 1)
        seed = self.request.seed
        fitted = self.fit_on(vectors, seed=seed, neighbours=NEIGHBOURS, min_dist=MIN_DIST)
        facts = MapFacts(
            choice=self.request.encoder.to_dict(),
            fingerprint=encoder.fingerprint,
            method=fitted.method,
            seed=seed,
            neighbours=NEIGHBOURS,
            min_dist=MIN_DIST,
            datasets=tuple(MappedDataset(data.key, data.name, len(data)) for data in datasets),
            texts=len(chosen.texts),
            of=chosen.of,
            sampled=len(chosen.texts) < chosen.of,
            versions=version(),
            note=" ".join(part for part in (note, fitted.note, chosen.note) if part),
        )
        record = new_map(
            self.db,
            task_key=self.request.task_key,
            encoder=encoder.fingerprint,
            choice=self.request.encoder,
            facts=facts,
            fitted=_points(list(chosen.texts), fitted.coordinates),
        )
        self.maps.keep(record.id, fitted)
        return record

    def fitted(self, record: MapRecord, chosen: MapTexts) -> FittedMap:
        """The fitted map, from memory or fitted again.

        Raises:
            _NewMapNeeded: the map can't take more texts.
        """
        encoder: Encoder = self.embedder.encoder
        if encoder.fingerprint != record.encoder:
            raise _NewMapNeeded("The map was made anew, as the encoder is not what it was.")
        if record.facts.method == "pca":
            vectors = self.embedder.embed(list(chosen.texts.values()))
            if different(vectors, at_most=FEWEST) == FEWEST:
                raise _NewMapNeeded(
                    "The map was made anew, as there are texts enough for UMAP now."
                )
        kept = self.maps.kept(record.id)
        if kept is not None:
            return kept
        before = fitted_points(self.db, record.id)
        known = matrix_of(self.db, encoder.fingerprint, list(before))
        if known is None:
            raise _NewMapNeeded("The map was made anew, as vectors that it was fitted on are gone.")
        again = self.fit_on(
            known,
            seed=record.facts.seed,
            neighbours=record.facts.neighbours,
            min_dist=record.facts.min_dist,
        )
        if not np.allclose(again.coordinates, list(before.values()), rtol=0, atol=_TOLERANCE):
            raise _NewMapNeeded(
                "The map was made anew, as fitting the old one again gives other points here:"
                f" it was made with {record.facts.versions}, and this is {version()}."
            )
        self.maps.keep(record.id, again)
        return again

    def fit_on(self, vectors: Vectors, *, seed: int, neighbours: int, min_dist: float) -> FittedMap:
        return self.maps.fit(
            vectors,
            seed=seed,
            neighbours=neighbours,
            min_dist=min_dist,
            progress=self.stepper("fitting"),
        )

    def finish(self, record: MapRecord, chosen: MapTexts) -> MapRecord:
        texts = len(chosen.texts)
        self.progress.report(
            MapProgress(
                phase="done",
                done=texts,
                total=texts,
                map=record.id,
                texts=texts,
                of=chosen.of,
                note=record.facts.note,
            )
        )
        return record

    def step(self, phase: str, done: int, total: int) -> None:
        """Report, then see to questions and Stop."""
        self.progress.report(MapProgress(phase=phase, done=done, total=total))
        self.progress.checkpoint()

    def stepper(self, phase: str) -> Callable[[int, int], None]:
        """A callback (done, total) that reports a phase."""
        return lambda done, total: self.step(phase, done, total)


class _NewMapNeeded(Exception):
    """The stored map can't take more texts; its message says why."""


def _points(keys: Sequence[bytes], coordinates: Coordinates) -> dict[bytes, Point]:
    return {
        key: (float(x), float(y)) for key, (x, y) in zip(keys, coordinates.tolist(), strict=True)
    }
