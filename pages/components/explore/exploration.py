"""What the tabs of Explore show: texts, measurements and map positions, as far as they exist."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import streamlit as st

from core.diversity.embedding.encoder import EncoderChoice
from core.diversity.map.frame import texts_frame
from core.diversity.map.projection import principal_axes
from core.diversity.measures.remote_clique import Vectors
from core.diversity.measures.results import MeasureResult
from core.domain.datasets import Dataset
from core.files.exports import ExportFormat, export_table
from core.jobs.handlers.measurements import Mapped, mapped, measured
from core.jobs.queue import LIVE, Work, states_of_runs
from core.store.database import Database
from core.store.datasets import load_dataset, reference_key, run_key
from core.store.diversity import matrix_of
from core.store.generation.samples import counts, cycles_of
from pages.components.explore.choice import Choice
from pages.components.shell import AppContext
from pages.components.tables import download_buttons, show_texts

Signature = tuple[Hashable, ...]
"""Distinguishes the texts of one choice and time from those of another, for caches."""


@dataclass(frozen=True)
class Exploration:
    """What there is of a choice.

    Args:
        choice: what was chosen.
        datasets: of the runs, in their order.
        results: their measurements; None while one is missing.
        reference: the reference's train part, None without one.
        reference_result: its own measurement, None while it is missing.
        frame: all texts, see `core.diversity.map.frame`, with display names.
        places: their positions on the task's map.
        jobs: the jobs that compute what is missing.
        generating: names of chosen runs that are still generating; they are measured afterwards.
        signature: of the frame's texts.
    """

    choice: Choice
    datasets: tuple[Dataset, ...]
    results: tuple[MeasureResult | None, ...]
    reference: Dataset | None
    reference_result: MeasureResult | None
    frame: pd.DataFrame
    places: Mapped
    jobs: tuple[Work, ...]
    generating: tuple[str, ...]
    signature: Signature

    @property
    def names(self) -> list[str]:
        """Display names of the runs, in their order, as in the frame."""
        return list(dict.fromkeys(self.frame.loc[~self.frame["reference"], "dataset"].to_numpy()))

    @property
    def reference_name(self) -> str:
        """Display name of the reference in the frame."""
        names = self.frame.loc[self.frame["reference"], "dataset"]
        return "reference" if names.empty else str(names.iloc[0])

    @property
    def measured(self) -> dict[str, MeasureResult]:
        """The measurements that exist, by the runs' display names."""
        pairs = zip(self.names, self.results, strict=True)
        return {name: result for name, result in pairs if result is not None}

    @property
    def label_names(self) -> list[str]:
        """The task's labels, in its order."""
        return list(self.choice.task.label_names)

    @property
    def fingerprint(self) -> str | None:
        """The encoder's fingerprint, None before anything was measured with it."""
        for result in (*self.results, self.reference_result):
            if result is not None:
                return result.encoder_facts["fingerprint"]
        return None if self.places.map is None else self.places.map.encoder


def explore(app: AppContext, choice: Choice) -> Exploration:
    """Gather what exists; queue what is missing."""
    db = app.db
    states = states_of_runs(db)
    live = [states.get(run.id) in LIVE for run in choice.runs]
    keys = [run_key(run.id) for run in choice.runs]
    datasets = tuple(
        replace(
            _dataset(db, run_key(run.id), sum(row.usable for row in counts(db, run.id).values())),
            name=name,
        )
        for run, name in zip(choice.runs, choice.names, strict=True)
    )
    reference, reference_part = None, None
    if choice.reference is not None:
        reference_part = reference_key(choice.reference.id, "train")
        reference = _dataset(db, reference_part, 0)
    known = [
        None
        if generating
        else measured(db, key, n=len(data), choice=choice.encoder, reference=reference_part)
        for key, data, generating in zip(keys, datasets, live, strict=True)
    ]
    own = None
    if reference is not None and reference_part is not None:
        n = len(reference)
        own = measured(db, reference_part, n=n, choice=choice.encoder, reference=None)
    results = tuple(None if item is None else item.result for item in known)
    signature: Signature = (
        *((data.key, data.name, len(data)) for data in datasets),
        reference_part,
    )
    done = tuple(result is not None for result in results)
    frame = _frame(db, datasets, results, reference, (signature, done, choice.encoder))
    finished = [key for key, generating in zip(keys, live, strict=True) if not generating]
    places = Mapped(None, {}, None)
    if finished:
        places = mapped(
            db,
            [*finished, *([reference_part] if reference_part is not None else [])],
            list(frame["hash"].to_numpy()),
            first=[run_key(run.id) for run in choice.others if states.get(run.id) not in LIVE],
            task_key=choice.task.key,
            choice=choice.encoder,
        )
    jobs = [
        item.work for item in (*known, own, places) if item is not None and item.work is not None
    ]
    return Exploration(
        choice,
        datasets,
        results,
        reference,
        None if own is None else own.result,
        frame,
        places,
        tuple(jobs),
        tuple(name for name, generating in zip(choice.names, live, strict=True) if generating),
        signature,
    )


def points_frame(view: Exploration, db: Database, method: str) -> pd.DataFrame:
    """The frame with x and y, without texts that have no position.

    Args:
        view: what there is.
        db: the store.
        method: `UMAP` of the task's map, or `PCA` of the texts shown, which needs no worker.
    """
    frame = view.frame
    xy = np.full((len(frame), 2), np.nan)
    if method == "UMAP":
        points = view.places.points
        pairs = [points.get(key, (np.nan, np.nan)) for key in frame["hash"].to_numpy()]
        xy = np.array(pairs, dtype=np.float64).reshape(-1, 2)
    else:
        vectors = vectors_of(view, db)
        if vectors is not None:
            xy = _principal(vectors, view.fingerprint, view.signature)
    placed = frame.assign(x=xy[:, 0], y=xy[:, 1])
    return placed[placed["x"].notna()]


def vectors_of(view: Exploration, db: Database) -> Vectors | None:
    """The vectors of the frame's texts, float32 (texts, size); None while one is missing."""
    if view.fingerprint is None:
        return None
    try:
        return _vectors(db, view.frame, view.fingerprint, view.signature)
    except LookupError:
        return None


@st.cache_resource(max_entries=3, show_spinner=False)
def _vectors(
    _db: Database, _frame: pd.DataFrame, fingerprint: str, signature: Signature
) -> Vectors:
    vectors = matrix_of(_db, fingerprint, list(_frame["hash"].to_numpy()))
    if vectors is None:
        raise LookupError("a vector is missing")  # exceptions are not cached
    return vectors


@st.cache_resource(max_entries=3, show_spinner=False)
def _principal(
    _vectors: Vectors, fingerprint: str | None, signature: Signature
) -> npt.NDArray[np.float64]:
    """Coordinates on the first two principal axes, float64 (texts, 2)."""
    return np.asarray(principal_axes(_vectors).place(_vectors), dtype=np.float64)


@st.cache_resource(max_entries=16, show_spinner=False)
def _dataset(_db: Database, key: str, n: int) -> Dataset:
    """A dataset; `n` distinguishes the states of a run that grows."""
    return load_dataset(_db, key)


@st.cache_resource(max_entries=4, show_spinner=False)
def _frame(
    _db: Database,
    _datasets: tuple[Dataset, ...],
    _results: tuple[MeasureResult | None, ...],
    _reference: Dataset | None,
    signature: tuple[Signature, tuple[bool, ...], EncoderChoice],
) -> pd.DataFrame:
    """The frame of all texts; cached by signature, which measurements exist, and encoder."""
    cycles: dict[str, int] = {}
    for dataset in _datasets:
        cycles |= cycles_of(_db, dataset.key.partition(":")[2])
    distances = [None if result is None else result.texts for result in _results]
    return texts_frame(_datasets, distances=distances, cycles=cycles, reference=_reference)


_SHOWN = ("label", "text", "distance", "dataset", "mean_distance", "nearest", "fluency")
_EXPORTED = ("id", "text", "label", "dataset", "cycle", "fluency", "mean_distance", "nearest")


def show_rows(frame: pd.DataFrame, *, labels: Sequence[str], key: str, height: int = 360) -> None:
    """Draw texts and their downloads.

    Args:
        frame: rows of `core.diversity.map.frame`; a column `distance` is shown as well.
        labels: names in task order, for the colours.
        key: of the table and its buttons.
        height: at most, in pixels.
    """
    show_texts(
        frame[[name for name in _SHOWN if name in frame]],
        labels=labels,
        key=f"{key}-table",
        height=height,
        alt="Texts with label, origin and distances",
    )
    columns = [name for name in (*_EXPORTED, "distance") if name in frame]

    def content(form: ExportFormat) -> bytes:
        exported = frame[columns].astype(object)
        rows = exported.where(exported.notna(), None).to_dict("records")
        return export_table(rows, columns=columns, format=form)

    with st.container(horizontal=True, vertical_alignment="center"):
        download_buttons(
            content, file_name="wideset-texts", key=key, help=f"The {len(frame):,} rows shown."
        )
