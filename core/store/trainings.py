"""Trainings in the store: what was trained on what, and what came of it."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core.domain.errors import BadInput
from core.domain.settings import Home
from core.store.database import Database
from core.store.records import RecordTable, clean_name, new_id


@dataclass(frozen=True, slots=True)
class TrainingRecord:
    """A training as stored.

    Args:
        id: made by us, only a-z and 0-9, later ones sort later; its folder is made from it alone.
        task_key: `Task.key` of the task whose texts it is about.
        name: for display only.
        spec: what was asked for (`classification.settings.TrainingSpec`); never changes.
        job_id: the job that trains, None before there is one.
        result: what came of it (`classification.results.result_of`), None before the end.
        created_at: seconds since 1970, UTC.
        deleted_at: when it was hidden, None for a living one.
    """

    id: str
    task_key: str
    name: str
    spec: Mapping[str, Any]
    job_id: str | None
    result: Mapping[str, Any] | None
    created_at: float
    deleted_at: float | None = None


@dataclass(frozen=True, slots=True)
class Repeat:
    """A seed's training that is over.

    Args:
        seed: its seed.
        history: its epochs (JSON data of `core.domain.progress.Epoch`).
        facts: what is known of how it was made.
    """

    seed: int
    history: Sequence[Mapping[str, float]]
    facts: Mapping[str, str | int | float | bool | None]


@dataclass(frozen=True, slots=True)
class Predictions:
    """What one repeat said of the test texts, in their order.

    Args:
        text_ids: the test texts.
        labels: the label given to each.
        probabilities: float32 (texts, labels), columns as in the result's `label_names`.
    """

    text_ids: tuple[str, ...]
    labels: tuple[str, ...]
    probabilities: npt.NDArray[np.float32]


def training_folder(home: Home, training_id: str) -> Path:
    """Where a training's models lie: `seed-N/model` is a classifier, `seed-N/probe` a probe.

    Raises:
        ValueError: it is no id of ours.
    """
    if not training_id or not training_id.isascii() or not training_id.isalnum():
        raise ValueError("not an id")
    return home.folder / "trainings" / training_id


def _record(row: sqlite3.Row) -> TrainingRecord:
    values = dict(row)
    values["spec"] = json.loads(values["spec"])
    values["result"] = None if values["result"] is None else json.loads(values["result"])
    return TrainingRecord(**values)


_TRAININGS = RecordTable("trainings", "training", _record)
get_training = _TRAININGS.get
delete_training, restore_training = _TRAININGS.delete, _TRAININGS.restore


def create_training(
    db: Database, spec: Mapping[str, Any], *, task_key: str, name: str
) -> TrainingRecord:
    """Store a new training.

    Args:
        db: the store.
        spec: what is asked for (JSON-ready).
        task_key: `Task.key`.
        name: any text, see `clean_name`.
    """
    now = db.now()
    record = TrainingRecord(new_id(now), task_key, clean_name(name), dict(spec), None, None, now)
    with db.write() as connection:
        connection.execute(
            "INSERT INTO trainings (id, task_key, name, spec, created_at) VALUES (?, ?, ?, ?, ?)",
            (record.id, task_key, record.name, json.dumps(dict(spec)), now),
        )
    return record


def list_trainings(
    db: Database, *, task_key: str | None = None, include_deleted: bool = False
) -> list[TrainingRecord]:
    """Trainings, the newest first; of one task if asked for."""
    return _TRAININGS.select(db, include_deleted=include_deleted, task_key=task_key)


def set_training_job(db: Database, training_id: str, job_id: str) -> None:
    """Note the job that trains.

    Raises:
        BadInput: there is none of that id.
    """
    _TRAININGS.update(db, training_id, job_id=job_id)


def set_result(db: Database, training_id: str, result: Mapping[str, Any]) -> None:
    """Keep what came of it (JSON-ready).

    Raises:
        BadInput: there is none of that id.
    """
    _TRAININGS.update(db, training_id, result=json.dumps(dict(result)))


def add_repeat(db: Database, training_id: str, repeat: Repeat, predictions: Predictions) -> None:
    """Store a repeat with its predictions in one step; one that is there already is replaced.

    Raises:
        StoreFull, StoreBusy: nothing of it was stored.
    """
    rows = [
        (training_id, repeat.seed, place, text_id, label, row.tobytes())
        for place, (text_id, label, row) in enumerate(
            zip(
                predictions.text_ids,
                predictions.labels,
                np.ascontiguousarray(predictions.probabilities, dtype="<f4"),
                strict=True,
            )
        )
    ]
    with db.write() as connection:
        here = (training_id, repeat.seed)
        connection.execute("DELETE FROM predictions WHERE training_id = ? AND seed = ?", here)
        connection.execute("DELETE FROM training_repeats WHERE training_id = ? AND seed = ?", here)
        connection.execute(
            "INSERT INTO training_repeats (training_id, seed, history, facts) VALUES (?, ?, ?, ?)",
            (*here, json.dumps(list(repeat.history)), json.dumps(dict(repeat.facts))),
        )
        connection.executemany(
            "INSERT INTO predictions (training_id, seed, position, text_id, label, probabilities)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            rows,
        )


def repeats_of(db: Database, training_id: str) -> list[Repeat]:
    """The repeats that are over, by seed."""
    with db.read() as connection:
        rows = connection.execute(
            "SELECT seed, history, facts FROM training_repeats WHERE training_id = ? ORDER BY seed",
            (training_id,),
        ).fetchall()
    return [
        Repeat(row["seed"], json.loads(row["history"]), json.loads(row["facts"])) for row in rows
    ]


def predictions_of(db: Database, training_id: str, seed: int) -> Predictions:
    """What a repeat said, in the order of the test texts.

    Raises:
        BadInput: there is no such repeat.
    """
    with db.read() as connection:
        rows = connection.execute(
            "SELECT text_id, label, probabilities FROM predictions"
            " WHERE training_id = ? AND seed = ? ORDER BY position",
            (training_id, seed),
        ).fetchall()
    if not rows:
        raise BadInput("This training has no predictions of that seed.", "Let it end first.")
    return Predictions(
        tuple(row["text_id"] for row in rows),
        tuple(row["label"] for row in rows),
        np.stack([np.frombuffer(row["probabilities"], dtype="<f4") for row in rows]),
    )
