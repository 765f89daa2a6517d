"""What the Explore page has to show: texts, measures and places, as far as they are there."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import streamlit as st

from core.diversity.map.frame import texts_frame
from core.diversity.map.projection import principal_axes
from core.domain.datasets import Dataset
from core.jobs.cached_measurements import Mapped, Work, mapped, measured
from core.jobs.queue import LIVE, states_of_runs
from core.store.database import Database
from core.store.datasets import load_dataset, reference_key, run_key
from core.store.diversity.embeddings import matrix_of
from core.store.generation.samples import counts, cycles_of
from pages.components.explore.choice import Choice
from pages.components.shell import AppContext

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Exploration:
    """See the top of the file.

    Args:
        choice: what was chosen.
        datasets: of the runs, in their order.
        results: their measurements; None while one is missing.
        reference: the reference's train part, None without one.
        reference_result: its own measurement, None while it is missing.
        frame: all texts, see `core.diversity.map.frame`, with display names.
        places: where they lie on the task's map.
        works: the jobs that make what is missing.
        going: names of chosen runs that still generate; they are measured at rest.
        signature: tells the frame's texts from those of another choice or time.
    """

    choice: Choice
    datasets: tuple[Dataset, ...]
    results: tuple[Mapping[str, Any] | None, ...]
    reference: Dataset | None
    reference_result: Mapping[str, Any] | None
    frame: pd.DataFrame
    places: Mapped
    works: tuple[Work, ...]
    going: tuple[str, ...]
    signature: tuple[Any, ...]

    @property
    def names(self) -> list[str]:
        """Display names of the runs, in their order, as they stand in the frame."""
        shown = self.frame[~self.frame["reference"]]["dataset"]
        return list(dict.fromkeys(shown.to_numpy()))

    @property
    def reference_name(self) -> str | None:
        """The display name of the reference in the frame."""
        shown = self.frame[self.frame["reference"]]["dataset"]
        return None if shown.empty else str(shown.iloc[0])

    @property
    def label_names(self) -> list[str]:
        """The task's labels, in its order."""
        return list(self.choice.task.label_names)

    @property
    def fingerprint(self) -> str | None:
        """The encoder's fingerprint, None before anything was measured with it."""
        for result in (*self.results, self.reference_result):
            if result is not None:
                return str(result["encoder_facts"]["fingerprint"])
        return None if self.places.map is None else self.places.map.encoder


def explore(app: AppContext, choice: Choice) -> Exploration:
    """Gather what is there; queue what is missing."""
    db = app.db
    states = states_of_runs(db)
    going = tuple(
        name
        for run, name in zip(choice.runs, choice.names, strict=True)
        if states.get(run.id) in LIVE
    )
    keys = [run_key(run.id) for run in choice.runs]
    datasets = tuple(
        replace(
            _dataset(db, key, sum(row.usable for row in counts(db, run.id).values())),
            name=name,
        )
        for key, run, name in zip(keys, choice.runs, choice.names, strict=True)
    )
    reference, beside = None, None
    if choice.reference is not None:
        beside = reference_key(choice.reference.id, "train")
        reference = _dataset(db, beside, 0)
    works: list[Work] = []
    results: list[Mapping[str, Any] | None] = []
    for run, key, dataset in zip(choice.runs, keys, datasets, strict=True):
        found = None
        if states.get(run.id) not in LIVE:
            known = measured(db, key, n=len(dataset), choice=choice.encoder, reference=beside)
            found = known.result
            works += [known.work] if known.work is not None else []
        results.append(found)
    own = None
    if reference is not None and beside is not None:
        known = measured(db, beside, n=len(reference), choice=choice.encoder, reference=None)
        own = known.result
        works += [known.work] if known.work is not None else []
    signature = (tuple((data.key, data.name, len(data)) for data in datasets), beside)
    frame = _frame(
        db,
        datasets,
        tuple(results),
        reference,
        signature,
        tuple(result is not None for result in results),
        choice.encoder,
    )
    hashes = list(frame["hash"].to_numpy())
    at_rest = [
        key for key, run in zip(keys, choice.runs, strict=True) if states.get(run.id) not in LIVE
    ]
    places = Mapped(None, {}, None)
    if at_rest:
        places = mapped(
            db,
            [*at_rest, *([beside] if beside is not None else [])],
            hashes,
            first=[run_key(run.id) for run in choice.others if states.get(run.id) not in LIVE],
            task_key=choice.task.key,
            choice=choice.encoder,
        )
        works += [places.work] if places.work is not None else []
    return Exploration(
        choice,
        datasets,
        tuple(results),
        reference,
        own,
        frame,
        places,
        tuple(works),
        going,
        signature,
    )


def placed(seen: Exploration, db: Database, method: str) -> pd.DataFrame:
    """The frame with x and y, texts without a place left out.

    Args:
        seen: what there is.
        db: the store.
        method: `UMAP` of the task's map, or `PCA` of the texts on view, which needs no worker.
    """
    frame = seen.frame
    where = np.full((len(frame), 2), np.nan)
    if method == "UMAP":
        points = seen.places.points
        spots = [points.get(key, (np.nan, np.nan)) for key in frame["hash"].to_numpy()]
        where = np.array(spots, dtype=np.float64).reshape(-1, 2)
    elif (found := vectors_of(seen, db)) is not None:
        where = _principal(found, seen.fingerprint, seen.signature)
    shown = frame.assign(x=where[:, 0], y=where[:, 1])
    return shown[shown["x"].notna()]


def vectors_of(seen: Exploration, db: Database) -> Vectors | None:
    """The vectors of the frame's texts, float32 (texts, size); None while one is missing."""
    if seen.fingerprint is None:
        return None
    try:
        return _vectors(db, seen.frame, seen.fingerprint, seen.signature)
    except LookupError:
        return None


@st.cache_resource(max_entries=3, show_spinner=False)
def _vectors(
    _db: Database, _frame: pd.DataFrame, fingerprint: str, signature: tuple[Any, ...]
) -> Vectors:
    found = matrix_of(_db, fingerprint, list(_frame["hash"].to_numpy()))
    if found is None:
        raise LookupError("a vector is missing")  # what is raised is not kept
    return found


@st.cache_resource(max_entries=3, show_spinner=False)
def _principal(
    _vectors: Vectors, fingerprint: str | None, signature: tuple[Any, ...]
) -> npt.NDArray[np.float64]:
    """Places on the first two principal axes; the other arguments tell vectors apart."""
    return np.asarray(principal_axes(_vectors).place(_vectors), dtype=np.float64)


@st.cache_resource(max_entries=16, show_spinner=False)
def _dataset(_db: Database, key: str, n: int) -> Dataset:
    """A dataset; `n` tells a run that grew from its younger self."""
    return load_dataset(_db, key)


@st.cache_resource(max_entries=4, show_spinner=False)
def _frame(
    _db: Database,
    _datasets: tuple[Dataset, ...],
    _results: tuple[Mapping[str, Any] | None, ...],
    _reference: Dataset | None,
    signature: tuple[Any, ...],
    known: tuple[bool, ...],
    encoder: Any,
) -> pd.DataFrame:
    """The frame of all texts; what follows `_reference` tells one from another."""
    cycles: dict[str, int] = {}
    for dataset in _datasets:
        cycles |= cycles_of(_db, dataset.key.partition(":")[2])
    return texts_frame(_datasets, results=_results, cycles=cycles, reference=_reference)
