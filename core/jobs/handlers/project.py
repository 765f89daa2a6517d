"""The job that places the texts of some datasets on the map of their task.

A task has one map for each choice of encoder, and its points belong to texts: whichever dataset
holds a text finds it in the same place. It is fitted on the datasets chosen at that time; texts
that come later are placed on it and move nothing. Refitting makes another map of all.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from core.diversity.embedding.embedding import embedded
from core.diversity.embedding.encoder import Encoder, EncoderChoice, encoder_choice_from_dict
from core.diversity.map.projection import Coordinates, different
from core.diversity.map.texts import MapTexts, choose_texts
from core.diversity.map.umap import FEWEST, MIN_DIST, NEIGHBOURS, FittedMap, MapKeeper, version
from core.diversity.measures.remote_clique import Vectors
from core.domain.datasets import Dataset
from core.domain.errors import BadInput
from core.jobs.context import JobContext
from core.store.datasets import load_dataset
from core.store.diversity.embeddings import matrix_of
from core.store.diversity.maps import (
    MapRecord,
    Point,
    add_points,
    fitted_points,
    latest_map,
    new_map,
    points_of,
)

LIMIT = 20_000

# Points of a refitted map may lie this far from the stored ones, in units of a plane of some 10.
_TOLERANCE = 0.01


class Encoders(Protocol):
    """Opens encoders; `core.diversity.embedding.loading.EncoderKeeper` is the real one."""

    def encoder(self, choice: EncoderChoice) -> Encoder:
        """A loaded encoder."""
        ...


class _Stopped(Exception):
    """The job is to end now; what is stored stays."""


def project_job(
    context: JobContext, encoders: Encoders, maps: MapKeeper, *, limit: int = LIMIT
) -> None:
    """Run the job.

    Its spec has `datasets` (keys), `task_key`, `encoder` (a choice as JSON) and, each of which may
    be missing, `refit` and `seed`. It reports `phase`, `done` and `total`, and at its end also
    `map` (id), `texts` (different ones that are on the map), `of` (how many there are) and `note`.

    Args:
        context: the job.
        encoders: opens the encoder.
        maps: fits, and keeps what it fitted.
        limit: of more different texts a stratified sample is shown.

    Raises:
        BadInput: there is no such dataset, or no text in any.
        BackendFailed: the encoder can't be loaded, or failed.
    """
    job = _Projection(context, encoders, maps, limit)
    try:
        job.run()
    except _Stopped:
        context.report({**context.progress, "phase": "stopped"}, at_once=True)


class _Projection:
    """One such job."""

    def __init__(
        self, context: JobContext, encoders: Encoders, maps: MapKeeper, limit: int
    ) -> None:
        self.context, self.db, self.encoders, self.maps = context, context.db, encoders, maps
        self.limit = limit
        self.choice = encoder_choice_from_dict(context.spec["encoder"])
        self.task_key = str(context.spec["task_key"])
        self.seed = int(context.spec.get("seed", 0))

    def run(self) -> None:
        self.step("loading", 0, 1)
        record = latest_map(self.db, self.task_key, choice=self.choice)
        if self.context.spec.get("refit"):
            record = None
        datasets = tuple(load_dataset(self.db, key) for key in self.context.spec["datasets"])
        seed = self.seed if record is None else int(record.facts["seed"])
        chosen = choose_texts(datasets, limit=self.limit, seed=seed)
        if not chosen.texts:
            raise BadInput("There is no text to show on a map yet.", "Generate some texts first.")
        missing = list(chosen.texts)
        if record is not None:
            there = points_of(self.db, record.id, missing)
            missing = [key for key in missing if key not in there]
            if not missing:
                self.finish(record, chosen)
                return
        encoder = self.encoders.encoder(self.choice)
        why_new = ""
        if record is not None:
            fitted, why_new = self.fitted(record, encoder, chosen)
            if fitted is not None:
                vectors = self.vectors(encoder, [chosen.texts[key] for key in missing])
                placed = fitted.place(
                    vectors, progress=lambda done, total: self.step("placing", done, total)
                )
                add_points(self.db, record.id, _points(missing, placed))
                self.finish(record, chosen)
                return
        self.finish(self.fit(encoder, chosen, datasets, note=why_new), chosen)

    def vectors(self, encoder: Encoder, texts: Sequence[str]) -> Vectors:
        return embedded(
            self.db,
            encoder,
            texts,
            between=self.between,
            progress=lambda done, total: self.step("embedding", done, total),
        )

    def fit(
        self, encoder: Encoder, chosen: MapTexts, datasets: Sequence[Dataset], *, note: str
    ) -> MapRecord:
        """A new map, which replaces the one there was."""
        vectors = self.vectors(encoder, list(chosen.texts.values()))
        self.step("fitting", 0, 1)
        fitted = self.fit_on(vectors, seed=self.seed, neighbours=NEIGHBOURS, min_dist=MIN_DIST)
        facts = {
            "choice": self.choice.to_dict(),
            "fingerprint": encoder.fingerprint,
            "method": fitted.method,
            "seed": self.seed,
            "neighbours": NEIGHBOURS,
            "min_dist": MIN_DIST,
            "datasets": [
                {"key": dataset.key, "name": dataset.name, "n": len(dataset)}
                for dataset in datasets
            ],
            "texts": len(chosen.texts),
            "of": chosen.of,
            "sampled": len(chosen.texts) < chosen.of,
            "versions": version(),
            "note": " ".join(part for part in (note, fitted.note, chosen.note) if part),
        }
        record = new_map(
            self.db,
            task_key=self.task_key,
            encoder=encoder.fingerprint,
            choice=self.choice,
            facts=facts,
            fitted=_points(list(chosen.texts), fitted.coordinates),
        )
        self.maps.keep(record.id, fitted)
        return record

    def fitted(
        self, record: MapRecord, encoder: Encoder, chosen: MapTexts
    ) -> tuple[FittedMap | None, str]:
        """The fitted map; or none, and why there must be another."""
        if encoder.fingerprint != record.encoder:
            return None, "The map was made anew, as the encoder is not what it was."
        if record.facts["method"] == "pca":
            vectors = self.vectors(encoder, list(chosen.texts.values()))
            if different(vectors, at_most=FEWEST) == FEWEST:
                return None, "The map was made anew, as there are texts enough for UMAP now."
        kept = self.maps.kept(record.id)
        if kept is not None:
            return kept, ""
        before = fitted_points(self.db, record.id)
        known = matrix_of(self.db, encoder.fingerprint, list(before))
        if known is None:
            return None, "The map was made anew, as vectors that it was fitted on are gone."
        again = self.fit_on(
            known,
            seed=int(record.facts["seed"]),
            neighbours=int(record.facts["neighbours"]),
            min_dist=float(record.facts["min_dist"]),
        )
        if not np.allclose(again.coordinates, list(before.values()), rtol=0, atol=_TOLERANCE):
            return None, (
                "The map was made anew, as fitting the old one again gives other points here:"
                f" it was made with {record.facts['versions']}, and this is {version()}."
            )
        self.maps.keep(record.id, again)
        return again, ""

    def fit_on(self, vectors: Vectors, *, seed: int, neighbours: int, min_dist: float) -> FittedMap:
        return self.maps.fit(
            vectors,
            seed=seed,
            neighbours=neighbours,
            min_dist=min_dist,
            progress=lambda done, total: self.step("fitting", done, total),
        )

    def finish(self, record: MapRecord, chosen: MapTexts) -> None:
        texts = len(chosen.texts)
        self.context.report(
            {
                "phase": "done",
                "done": texts,
                "total": texts,
                "map": record.id,
                "texts": texts,
                "of": chosen.of,
                "note": record.facts["note"],
            },
            at_once=True,
        )

    def step(self, phase: str, done: int, total: int) -> None:
        """Report, then see to questions and Stop."""
        changed = self.context.progress.get("phase") != phase
        self.context.report({"phase": phase, "done": done, "total": total}, at_once=changed)
        self.between()

    def between(self) -> None:
        """Answer what is asked, and end the job if it is to end."""
        self.context.serve_questions()
        if self.context.should_stop():
            raise _Stopped


def _points(keys: Sequence[bytes], coordinates: Coordinates) -> dict[bytes, Point]:
    return {
        key: (float(x), float(y)) for key, (x, y) in zip(keys, coordinates.tolist(), strict=True)
    }
