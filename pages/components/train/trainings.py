"""Trainings of a task as stored: their jobs, their names, and their predictions."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd
import streamlit as st

from core.classification.evaluation.comparison import (
    Difference,
    Shares,
    paired_bootstrap,
    right_shares,
)
from core.classification.ladder import RUNG_TITLES, kind_of
from core.classification.results import TrainingResult
from core.diversity.map.frame import display_names
from core.domain.datasets import Dataset
from core.domain.errors import BadInput
from core.domain.registries.stages import STAGE
from core.domain.serialization import from_json
from core.domain.tasks import Task
from core.domain.wording import counted
from core.jobs.queue import Job, State, status
from core.store.database import Database
from core.store.datasets import load_dataset
from core.store.generation.runs import list_runs
from core.store.interventions.versions import list_versions
from core.store.trainings import TrainingRecord, list_trainings, predictions_of

TRAINED_KINDS = (*STAGE, "real")
"""Kinds of rows that learn from texts."""
_ORDER = tuple(RUNG_TITLES)

BOOTSTRAP_SEED = 0
"""So that the same two models always get the same interval."""


@dataclass(frozen=True)
class Training:
    """A training, finished or not.

    Args:
        record: as stored.
        name: for display, unique.
        kind: of what it learned from, or of baseline.
        job: None if it is gone.
        state: of the job, None without one.
    """

    record: TrainingRecord
    name: str
    kind: str
    job: Job | None
    state: State | None

    @property
    def id(self) -> str:
        """The record's."""
        return self.record.id

    @cached_property
    def result(self) -> TrainingResult:
        """Of a training that is `done`."""
        return from_json(TrainingResult, self.record.result)

    @property
    def done(self) -> bool:
        """Whether it has a result."""
        return self.record.result is not None

    @property
    def has_model(self) -> bool:
        """Whether it trained a model."""
        return self.done and self.record.spec["kind"] in ("fine-tuning", "probe")


def trainings_of(db: Database, task: Task) -> list[Training]:
    """All of a task: baselines, then by stage, then real data; older ones first."""
    version_kinds = {
        version.id: version.kind
        for row in list_runs(db, include_deleted=True)
        if row.run.spec.task.key == task.key
        for version in list_versions(db, row.run.id, include_deleted=True)
    }
    records = list_trainings(db, task_key=task.key)[::-1]
    names = _unique_names(records)
    trainings = []
    for record in records:
        job, state = _job(db, record)
        kind = kind_of(record.spec, version_kinds)
        trainings.append(Training(record, names[record.id], kind, job, state))
    return sorted(trainings, key=_sort_key)


def _sort_key(training: Training) -> tuple[int, bool, int, str]:
    spec = training.record.spec
    return _ORDER.index(training.kind), spec["kind"] != "probe", len(spec["examples"]), training.id


def _unique_names(records: Sequence[TrainingRecord]) -> dict[str, str]:
    """Names by id; equal names get their size, those still equal a number.

    Args:
        records: oldest first.
    """
    equal: dict[str, int] = {}
    for record in records:
        equal[record.name] = equal.get(record.name, 0) + 1
    names = [
        record.name if equal[record.name] == 1 else f"{record.name}{_size_words(record)}"
        for record in records
    ]
    return dict(zip([record.id for record in records], display_names(names), strict=True))


def _size_words(record: TrainingRecord) -> str:
    size = (record.result or {}).get("n_train", record.spec["size"])
    return "" if size is None else f", {counted(size, 'text')}"


def _job(db: Database, record: TrainingRecord) -> tuple[Job | None, State | None]:
    if record.job_id is None:
        return None, None
    try:
        return status(db, record.job_id)
    except BadInput:
        return None, None


def choose_training(
    label: str, trainings: Sequence[Training], *, key: str, default: int = -1, width: int = 420
) -> Training:
    """Draw the choice of a training.

    Args:
        label: of the widget.
        trainings: at least one.
        key: of the widget.
        default: position of the one that is selected first.
        width: in pixels.
    """
    by_id = {training.id: training for training in trainings}
    ids = list(by_id)
    if st.session_state.get(key) not in by_id:
        st.session_state[key] = ids[max(-len(ids), default)]
    chosen = st.selectbox(
        label,
        ids,
        format_func=lambda training_id: (
            by_id[training_id].name if training_id in by_id else training_id
        ),
        key=key,
        persist_state="session",
        width=width,
    )
    return by_id[chosen]


@st.cache_resource(max_entries=32, show_spinner=False)
def dataset_at(_db: Database, key: str, n: int = 0) -> Dataset:
    """The texts of a key; `n` distinguishes the states of a run that grows."""
    return load_dataset(_db, key)


@dataclass(frozen=True)
class Answers:
    """What a training predicted, in the order of the test texts.

    Args:
        test: the test texts.
        by_seed: the predicted label of each text, by repeat.
        labels: the label of the highest mean probability over the repeats, one per text.
        confidence: that probability, float64 (texts,).
        right: share of the repeats that predicted the text's own label, float64 (texts,).
    """

    test: Dataset
    by_seed: tuple[tuple[str, ...], ...]
    labels: tuple[str, ...]
    confidence: "npt.NDArray[np.float64]"
    right: Shares


def answers_of(db: Database, training: Training) -> Answers:
    """The predictions of a training.

    Raises:
        BadInput: it has none, or its test set has changed.
    """
    return _answers(
        db,
        training.id,
        training.record.spec["test"],
        training.result.seeds,
        training.result.label_names,
    )


@st.cache_resource(max_entries=16, show_spinner=False)
def _answers(
    _db: Database, training_id: str, test: str, seeds: tuple[int, ...], names: tuple[str, ...]
) -> Answers:
    repeats = [predictions_of(_db, training_id, seed) for seed in seeds]
    data = dataset_at(_db, test)
    if any(repeat.text_ids != data.ids for repeat in repeats):
        raise BadInput("The test texts have changed since the training.", "Train it again.")
    means = np.mean([repeat.probabilities.astype(np.float64) for repeat in repeats], axis=0)
    by_seed = tuple(repeat.labels for repeat in repeats)
    return Answers(
        data,
        by_seed,
        tuple(names[place] for place in means.argmax(axis=1)),
        means.max(axis=1),
        right_shares(data.labels, by_seed),
    )


def answers_frame(answers: Answers, seeds: Sequence[int]) -> pd.DataFrame:
    """A row per test text: its label, the prediction of each repeat, the mean's confidence."""
    test = answers.test
    frame = pd.DataFrame({"id": test.ids, "text": test.texts, "label": test.labels})
    for seed, labels in zip(seeds, answers.by_seed, strict=True):
        frame[f"seed {seed}"] = labels
    return frame.assign(predicted=answers.labels, confidence=answers.confidence)


@st.cache_data(max_entries=32, show_spinner=False)
def difference_of(_first: Shares, _second: Shares, ids: tuple[str, str], n: int) -> Difference:
    """How much more accurate the second is; `ids` and `n` distinguish the pairs."""
    return paired_bootstrap(_first, _second, rng=np.random.default_rng(BOOTSTRAP_SEED))
