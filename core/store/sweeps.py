"""Sweeps in the store: what each is asked for, its trials, and the assessments of its runs."""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from core.domain.runs import RunSpec
from core.domain.settings_key import settings_key
from core.store.database import Database
from core.store.generation.runs import RunRecord, runs_of
from core.store.records import RecordTable, clean_name, new_id


@dataclass(frozen=True, slots=True)
class Assessment:
    """What a recipe found of a run.

    Args:
        recipe: `Recipe.key`.
        n: how many usable texts the run had then.
        result: `AssessmentResult.to_dict` (JSON).
        created_at: seconds since 1970, UTC.
    """

    run_id: str
    recipe: str
    n: int
    result: Mapping[str, Any]
    created_at: float


def save_assessment(
    db: Database,
    run_id: str,
    *,
    recipe: str,
    n: int,
    settings: Mapping[str, object],
    result: Mapping[str, object],
) -> None:
    """Store an assessment in place of the one before; arguments as of `Assessment`.

    `settings` is the recipe (JSON), of which its key was made.

    Raises:
        StoreFull, StoreBusy: nothing was stored.
        ValueError: the result holds NaN or infinity.
    """
    written = json.dumps(dict(result), allow_nan=False)
    with db.write() as connection:
        connection.execute(
            "INSERT INTO assessments (run_id, recipe, n, settings, result, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (run_id, recipe) DO UPDATE SET"
            " n = excluded.n, settings = excluded.settings, result = excluded.result,"
            " created_at = excluded.created_at",
            (run_id, recipe, n, json.dumps(dict(settings)), written, db.now()),
        )


def find_assessments(
    db: Database,
    run_ids: Iterable[str] | None = None,
    *,
    sweep_ids: Sequence[str] | None = None,
    recipe: str | None = None,
) -> list[Assessment]:
    """Assessments by run and recipe; what is given narrows the choice, a deleted run has none.

    Args:
        run_ids: only of these runs.
        sweep_ids: only of runs in these sweeps.
        recipe: only by the recipe of that key.
    """
    one_of = "IN (SELECT value FROM json_each(?))"
    conditions: dict[str, str | None] = {
        f"run_id {one_of}": None if run_ids is None else json.dumps([*run_ids]),
        f"run_id IN (SELECT run_id FROM trials WHERE sweep_id {one_of})": (
            None if sweep_ids is None else json.dumps([*sweep_ids])
        ),
        "recipe = ?": recipe,
    }
    given = {condition: value for condition, value in conditions.items() if value is not None}
    with db.read() as connection:
        rows = connection.execute(
            "SELECT run_id, recipe, n, result, assessments.created_at FROM assessments"
            " JOIN runs ON runs.id = run_id"
            f" WHERE {' AND '.join(['runs.deleted_at IS NULL', *given])} ORDER BY run_id, recipe",
            list(given.values()),
        ).fetchall()
    return [Assessment(**{**row, "result": json.loads(row["result"])}) for row in map(dict, rows)]


TrialState = Literal["waiting", "generated", "done", "failed"]


@dataclass(frozen=True, slots=True)
class SweepRecord:
    """A sweep as stored.

    Args:
        id: made by us, only a-z and 0-9, later ones sort later.
        name: for display only.
        study: the name that it shares with other sweeps; empty for one of its own.
        task_key: `Task.key` of its task.
        grid: what was asked for (JSON): `Grid.to_dict`, or `{"runs": ids, "recipe": ...}` where
            runs that are there are assessed and nothing is generated. Never changes.
        job_id: the job that runs it, None before there is one.
        created_at: seconds since 1970, UTC.
        deleted_at: when it was hidden, None for a living one.
    """

    id: str
    name: str
    study: str
    task_key: str
    grid: Mapping[str, object]
    job_id: str | None
    created_at: float
    deleted_at: float | None = None


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """A run of a sweep that has begun; those that have not yet are in the plan alone.

    Args:
        position: its place in the sweep, from 0.
        repeat: its place among the runs of its condition, from 0.
        state: `waiting` until its texts are there, then `generated`, `done` with its assessment.
        reused: whether the run was there before the sweep.
        message: what happened to a failed one, for people.
        remedy: what to do about it.
    """

    sweep_id: str
    position: int
    run: RunRecord
    repeat: int
    state: TrialState
    reused: bool
    message: str
    remedy: str


def _sweep(row: sqlite3.Row) -> SweepRecord:
    values = dict(row)
    values["grid"] = json.loads(values["grid"])
    del values["settings_key"]
    return SweepRecord(**values)


_SWEEPS = RecordTable("sweeps", "sweep", _sweep)
get_sweep, rename_sweep = _SWEEPS.get, _SWEEPS.rename
delete_sweep, restore_sweep = _SWEEPS.delete, _SWEEPS.restore


def create_sweep(
    db: Database,
    grid: Mapping[str, object],
    *,
    task_key: str,
    name: str,
    study: str = "",
    key: str = "",
) -> SweepRecord:
    """Store a new sweep; see `SweepRecord`.

    Args:
        grid: what is asked for.
        task_key: `Task.key`.
        name: any text, see `clean_name`.
        study: see `SweepRecord`.
        key: `Grid.key`, for `find_sweep`; empty for a sweep that is never looked for.
    """
    now = db.now()
    record = SweepRecord(new_id(now), clean_name(name), study.strip(), task_key, grid, None, now)
    with db.write() as connection:
        connection.execute(
            "INSERT INTO sweeps (id, name, study, task_key, grid, settings_key, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (record.id, record.name, record.study, task_key, json.dumps(dict(grid)), key, now),
        )
    return record


def find_sweep(db: Database, key: str) -> SweepRecord | None:
    """The newest living sweep of the grid with that `Grid.key`."""
    with db.read() as connection:
        row = connection.execute(
            "SELECT * FROM sweeps WHERE settings_key = ? AND deleted_at IS NULL"
            " ORDER BY rowid DESC LIMIT 1",
            (key,),
        ).fetchone()
    return None if row is None else _sweep(row)


def list_sweeps(
    db: Database,
    *,
    task_key: str | None = None,
    study: str | None = None,
    include_deleted: bool = False,
) -> list[SweepRecord]:
    """Sweeps, the newest first; of one task or one study if asked for."""
    return _SWEEPS.select(db, include_deleted=include_deleted, task_key=task_key, study=study)


def set_sweep_job(db: Database, sweep_id: str, job_id: str) -> None:
    """Note the job that runs the sweep.

    Raises:
        BadInput: there is no such sweep.
    """
    _SWEEPS.update(db, sweep_id, job_id=job_id)


def add_trial(
    db: Database, sweep_id: str, position: int, run_id: str, *, repeat: int, reused: bool
) -> None:
    """Note that a sweep's place has a run; one that has keeps it.

    Raises:
        sqlite3.IntegrityError: there is no such sweep or run.
    """
    with db.write() as connection:
        connection.execute(
            "INSERT INTO trials (sweep_id, position, run_id, repeat, state, reused, message,"
            " remedy) VALUES (?, ?, ?, ?, 'waiting', ?, '', '') ON CONFLICT DO NOTHING",
            (sweep_id, position, run_id, repeat, reused),
        )


def set_trial(
    db: Database,
    sweep_id: str,
    position: int,
    state: TrialState,
    *,
    message: str = "",
    remedy: str = "",
) -> None:
    """Note how far a trial is, and why it failed if it did."""
    with db.write() as connection:
        connection.execute(
            "UPDATE trials SET state = ?, message = ?, remedy = ?"
            " WHERE sweep_id = ? AND position = ?",
            (state, message, remedy, sweep_id, position),
        )


def trials_of(db: Database, sweep_id: str) -> list[TrialRecord]:
    """A sweep's trials with their runs, by position."""
    with db.read() as connection:
        rows = connection.execute(
            "SELECT * FROM trials WHERE sweep_id = ? ORDER BY position", (sweep_id,)
        ).fetchall()
        runs = runs_of(db, {row["run_id"] for row in rows})
    return [
        TrialRecord(
            sweep_id=sweep_id,
            position=row["position"],
            run=runs[row["run_id"]],
            repeat=row["repeat"],
            state=row["state"],
            reused=bool(row["reused"]),
            message=row["message"],
            remedy=row["remedy"],
        )
        for row in rows
    ]


def find_run_of_spec(db: Database, spec: RunSpec) -> RunRecord | None:
    """The newest living run with equal settings that was generated to its end.

    One without a job, as it comes with a project made elsewhere, counts where it has as many
    usable texts as it wants.
    """
    with db.read() as connection:
        row = connection.execute(_FINISHED, (settings_key(spec), spec.target)).fetchone()
        return None if row is None else runs_of(db, [row["id"]])[row["id"]]


_FINISHED = """
SELECT id FROM (
    SELECT id, rowid AS number, (
        SELECT state FROM jobs WHERE jobs.run_id = runs.id AND kind = 'generate'
        ORDER BY rowid DESC LIMIT 1
    ) AS state FROM runs WHERE settings_key = ? AND deleted_at IS NULL
) AS found
WHERE state = 'done' OR state IS NULL AND ? <= (
    SELECT count(*) FROM samples WHERE run_id = found.id AND outcome = 'usable'
)
ORDER BY number DESC LIMIT 1
"""
