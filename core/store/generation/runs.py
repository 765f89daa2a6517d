"""Runs in the store: made once, renamed and deleted by people, counted in one query."""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

from core.domain.errors import StaleEdit
from core.domain.runs import ModelChoice, ModelMetadata, RunSpec, spec_from_dict
from core.domain.serialization import from_json
from core.domain.settings_key import settings_key
from core.store.database import Database
from core.store.generation.samples import COUNT_COLUMNS, Counts, counts_in
from core.store.records import RecordTable, clean_name, new_id, query_batches


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run as stored.

    Args:
        id: made by us, only a-z and 0-9, later runs sort later; paths are made from it alone.
        name: for display only.
        spec: what was asked for; never changes.
        metadata: of the model that generates it, None before it begins; stored as `facts`.
        revision: counts the edits from 1, for `rename_run`.
        created_at: seconds since 1970, UTC.
        deleted_at: when it was deleted, None for a living run.
        job_id: the job that generates it, None before there is one.
    """

    id: str
    name: str
    spec: RunSpec
    metadata: ModelMetadata | None
    revision: int
    created_at: float
    deleted_at: float | None = None
    job_id: str | None = None


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run and the counts of its samples over all labels."""

    run: RunRecord
    counts: Counts


def default_name(spec: RunSpec) -> str:
    """The task and the two main knobs, which tell most runs from each other."""
    condition = spec.condition
    strength = condition.suppression.strength if condition.suppression.on else 0
    return f"{spec.task.name}, T {condition.temperature:g}, S {strength:g}"


def create_run(db: Database, spec: RunSpec, *, name: str = "") -> RunRecord:
    """Store a new run.

    Args:
        db: the store.
        spec: what is asked for.
        name: any text, see `clean_name`; without one, `default_name`.
    """
    now = db.now()
    run = RunRecord(
        id=new_id(now),
        name=clean_name(name if name.strip() else default_name(spec)),
        spec=spec,
        metadata=None,
        revision=1,
        created_at=now,
    )
    with db.write() as connection:
        connection.execute(
            "INSERT INTO runs (id, name, spec, settings_key, facts, revision, created_at)"
            " VALUES (?, ?, ?, ?, '{}', 1, ?)",
            (run.id, run.name, json.dumps(spec.to_dict()), settings_key(spec), now),
        )
    return run


def runs_of(db: Database, run_ids: Iterable[str]) -> dict[str, RunRecord]:
    """Runs by their ids, deleted or not, in few queries; ids without a run are missing."""
    ids = list(dict.fromkeys(run_ids))
    records: dict[str, RunRecord] = {}
    with db.read() as connection:
        for marks, part in query_batches(ids):
            for row in connection.execute(f"SELECT * FROM runs WHERE id IN ({marks})", part):
                records[row["id"]] = _run(row)
    return records


def list_runs(db: Database, *, include_deleted: bool = False) -> list[RunSummary]:
    """All runs with their counts, the newest first."""
    with db.read() as connection:
        rows = connection.execute(
            f"""
            SELECT * FROM runs LEFT JOIN (
                SELECT run_id, {COUNT_COLUMNS} FROM samples GROUP BY run_id
            ) ON run_id = runs.id
            WHERE ? OR deleted_at IS NULL
            ORDER BY runs.rowid DESC
            """,
            (include_deleted,),
        ).fetchall()
    return [RunSummary(_run(row), counts_in(row)) for row in rows]


def recent_runs(db: Database, model: ModelChoice, *, limit: int) -> list[RunRecord]:
    """Runs with a server's model, deleted or not, the newest first."""
    with db.read() as connection:
        rows = connection.execute(
            "SELECT * FROM runs WHERE json_extract(spec, '$.model.base_url') = ?"
            " AND json_extract(spec, '$.model.model') = ? ORDER BY rowid DESC LIMIT ?",
            (model.base_url, model.model, limit),
        ).fetchall()
    return [_run(row) for row in rows]


def rename_run(db: Database, run_id: str, name: str, *, expected_revision: int) -> RunRecord:
    """Give a run another name, if nobody edited it since that revision was read.

    Raises:
        BadInput: there is no such run.
        StaleEdit: somebody edited it; nothing was changed.
    """
    with db.write() as connection:
        changed = connection.execute(
            "UPDATE runs SET name = ?, revision = revision + 1 WHERE id = ? AND revision = ?",
            (clean_name(name), run_id, expected_revision),
        ).rowcount
        run = get_run(db, run_id)
    if not changed:
        raise StaleEdit(
            f"The run was changed by somebody else meanwhile; it is called '{run.name}' now.",
            "Look at it and rename it again if you still want to.",
        )
    return run


@lru_cache(maxsize=4096)
def _spec(data: str) -> RunSpec:
    """A spec never changes, and every page that lists runs reads all of them."""
    return spec_from_dict(json.loads(data))


@lru_cache(maxsize=256)
def _metadata(data: str) -> ModelMetadata:
    """Most runs have the same."""
    return from_json(ModelMetadata, json.loads(data))


def _run(row: sqlite3.Row) -> RunRecord:
    return RunRecord(
        id=row["id"],
        name=row["name"],
        spec=_spec(row["spec"]),
        metadata=None if row["facts"] == "{}" else _metadata(row["facts"]),
        revision=row["revision"],
        created_at=row["created_at"],
        deleted_at=row["deleted_at"],
        job_id=row["job_id"],
    )


_RUNS = RecordTable("runs", "run", _run)
get_run, delete_run, restore_run = _RUNS.get, _RUNS.delete, _RUNS.restore


def set_metadata(db: Database, run_id: str, metadata: ModelMetadata) -> None:
    """Replace what is known of the model that generates the run.

    Raises:
        BadInput: there is no such run.
    """
    _RUNS.update(db, run_id, facts=json.dumps(metadata.to_dict()))


def rename_model(db: Database, run: RunRecord, name: str) -> RunRecord:
    """Give a run's model the name that its server has for it now.

    Raises:
        BadInput: there is no such run, or the name is unusable.
    """
    before = run.spec.model.model
    spec = replace(run.spec, model=replace(run.spec.model, model=name))
    metadata = run.metadata
    if metadata is not None:
        earlier = (*(metadata.earlier_models or ()), before)
        metadata = replace(metadata, model=name, earlier_models=earlier)
    with db.write():
        _RUNS.update(db, run.id, spec=json.dumps(spec.to_dict()), settings_key=settings_key(spec))
        if metadata is not None:
            set_metadata(db, run.id, metadata)
        return get_run(db, run.id)


def set_job(db: Database, run_id: str, job_id: str) -> None:
    """Note the job that generates the run.

    Raises:
        BadInput: there is no such run.
    """
    _RUNS.update(db, run_id, job_id=job_id)
