"""Trainings that are over, as the worker would leave them: straight in the store."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from streamlit.testing.v1 import AppTest

from core.classification.results import Prediction, given_labels, label_names_of, result_of
from core.classification.settings import TrainingSpec
from core.classification.training import look_before
from core.domain.progress import Epoch
from core.domain.references import Reference
from core.domain.runs import Example
from core.domain.serialization import to_json
from core.jobs import claims
from core.jobs.handlers.train import start_training
from core.jobs.lease import release, take
from core.store.database import Database
from core.store.datasets import load_dataset
from core.store.references import add_reference
from core.store.trainings import (
    Predictions,
    Repeat,
    TrainingRecord,
    add_repeat,
    get_training,
    set_result,
)
from tests.store.making import TASK

REAL = (
    ("a real joy to watch", "pos"),
    ("what a bore", "neg"),
    ("two hours that I loved", "pos"),
    ("I left before the end", "neg"),
)
LEARNED = (
    ("it made me laugh", "pos"),
    ("it made me yawn", "neg"),
    ("well acted", "pos"),
    ("badly acted", "neg"),
)


def attach(db: Database, test: Sequence[tuple[str, str]] = REAL) -> Reference:
    """A reference of the task."""
    parts = [[Example(*row) for row in rows] for rows in (LEARNED, test)]
    return add_reference(db, TASK, "Real ones", parts[0], parts[1], {"file": "real.csv"})


def finished(
    db: Database,
    spec: TrainingSpec,
    given: Sequence[Sequence[str]],
    *,
    name: str,
    sure: float = 0.9,
    history: Sequence[Epoch] = (),
) -> TrainingRecord:
    """A training whose repeats gave these labels to the test texts, all with that confidence."""
    record, job = start_training(db, spec, task_key=TASK.key, name=name)
    test = load_dataset(db, spec.test)
    train = None if spec.train is None else load_dataset(db, spec.train)
    names = label_names_of(train, test, spec)
    n_train = len(spec.examples) if train is None else len(train)
    predictions = []
    for seed, labels in zip(spec.seeds, given, strict=True):
        shares = np.full((len(test), len(names)), (1 - sure) / (len(names) - 1))
        for row, label in enumerate(labels):
            shares[row, names.index(label)] = sure
        kept = shares.astype("<f4")
        one = Prediction(seed, kept.astype("float64"), history, {"n_train": n_train})
        said = given_labels(one.probabilities, names)
        add_repeat(
            db,
            record.id,
            Repeat(seed, to_json(history), one.facts),
            Predictions(test.ids, tuple(said), kept),
        )
        predictions.append(one)
    warnings, leakage = look_before(spec, train, test, None)
    set_result(
        db,
        record.id,
        to_json(result_of(spec, train, test, predictions, warnings=warnings, leakage=leakage)),
    )
    owner = f"worker of {record.id}"
    assert take(db, owner, 1, seconds=600)
    assert claims.claim(db, owner, job_id=job.id)
    claims.settle(db, job.id, owner, "done")
    release(db, owner)
    return get_training(db, record.id)


def probe_of(train: str, test: str, *, seeds: tuple[int, ...] = (0,), **more: Any) -> TrainingSpec:
    """A probe's spec."""
    return replace(TrainingSpec("probe", test=test, train=train, seeds=seeds), **more)


def open_train(app: AppTest, tab: str = "Results") -> None:
    """The page with a tab open."""
    app.switch_page("pages/train.py")
    app.session_state["train_tabs"] = tab
    app.run()
    assert not app.exception
