"""Runs in the store: made once, renamed and deleted by people, counted in one query."""

import json
import sqlite3
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from core.domain.errors import BadInput, StaleEdit
from core.domain.runs import RunSpec, spec_from_dict
from core.domain.settings_key import settings_key
from core.store.database import Database
from core.store.generation.samples import COUNT_COLUMNS, Counts, counts_in
from core.store.ids import new_id

MAX_NAME = 200
UNNAMED = "Unnamed run"
_AT_ONCE = 500  # values a query; SQLite allows 999 in its oldest versions

# Marks and overrides of writing direction: harmless in a text, misleading in a list of names.
_HIDDEN = ("Cc", "Cs", "Zl", "Zp")
_DIRECTION = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run as stored.

    Args:
        id: made by us, only a-z and 0-9, later runs sort later; paths are made from it alone.
        name: for display only.
        spec: what was asked for; never changes.
        facts: what the backend made of it (precision, device, fingerprint, ...).
        revision: counts the edits from 1, for `rename_run`.
        created_at: seconds since 1970, UTC.
        deleted_at: when it was deleted, None for a living run.
        job_id: the job that generates it, None before there is one.
    """

    id: str
    name: str
    spec: RunSpec
    facts: Mapping[str, Any]
    revision: int
    created_at: float
    deleted_at: float | None = None
    job_id: str | None = None


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run and the counts of its samples over all labels."""

    run: RunRecord
    counts: Counts


def clean_name(name: str) -> str:
    """A name fit for display: one line of 1 to 200 characters.

    Control characters, halves of surrogate pairs and marks of writing direction are taken out,
    white space is collapsed; nothing left gives "Unnamed run".
    """
    kept = "".join(
        char
        for char in name
        if char.isspace() or (unicodedata.category(char) not in _HIDDEN and char not in _DIRECTION)
    )
    return " ".join(kept.split())[:MAX_NAME].rstrip() or UNNAMED


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
        facts={},
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


def get_run(db: Database, run_id: str) -> RunRecord:
    """A run, deleted or not.

    Raises:
        BadInput: there is none of that id.
    """
    with db.read() as connection:
        row = connection.execute("SELECT * FROM runs WHERE id = ?", (run_id,)).fetchone()
    if row is None:
        raise _unknown(run_id)
    return _run(row)


def runs_of(db: Database, run_ids: Iterable[str]) -> dict[str, RunRecord]:
    """Runs by their ids, deleted or not, in few queries; ids without a run are missing."""
    ids = list(dict.fromkeys(run_ids))
    records: dict[str, RunRecord] = {}
    with db.read() as connection:
        for start in range(0, len(ids), _AT_ONCE):
            part = ids[start : start + _AT_ONCE]
            marks = ",".join("?" * len(part))
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
            ORDER BY created_at DESC, id DESC
            """,
            (include_deleted,),
        ).fetchall()
    return [RunSummary(_run(row), counts_in(row)) for row in rows]


def rename_run(db: Database, run_id: str, name: str, *, expected_revision: int) -> RunRecord:
    """Give a run another name, if nobody edited it since that revision was read.

    Raises:
        BadInput: there is no such run.
        StaleEdit: somebody did; nothing was changed.
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


def delete_run(db: Database, run_id: str) -> None:
    """Hide a run; its samples stay, and `restore_run` brings it back. Idempotent.

    Raises:
        BadInput: there is no such run.
    """
    _update(db, run_id, "deleted_at = coalesce(deleted_at, ?)", db.now())


def restore_run(db: Database, run_id: str) -> None:
    """Undo `delete_run`.

    Raises:
        BadInput: there is no such run.
    """
    _update(db, run_id, "deleted_at = ?", None)


def set_facts(db: Database, run_id: str, facts: Mapping[str, Any]) -> None:
    """Replace what is known of how the run is generated (JSON-ready).

    Raises:
        BadInput: there is no such run.
    """
    _update(db, run_id, "facts = ?", json.dumps(dict(facts)))


def set_job(db: Database, run_id: str, job_id: str) -> None:
    """Note the job that generates the run.

    Raises:
        BadInput: there is no such run.
    """
    _update(db, run_id, "job_id = ?", job_id)


def _update(db: Database, run_id: str, assignment: str, value: float | str | None) -> None:
    with db.write() as connection:
        changed = connection.execute(
            f"UPDATE runs SET {assignment} WHERE id = ?", (value, run_id)
        ).rowcount
    if not changed:
        raise _unknown(run_id)


def _run(row: sqlite3.Row) -> RunRecord:
    return RunRecord(
        id=row["id"],
        name=row["name"],
        spec=_spec(row["spec"]),
        facts=json.loads(row["facts"]),
        revision=row["revision"],
        created_at=row["created_at"],
        deleted_at=row["deleted_at"],
        job_id=row["job_id"],
    )


@lru_cache(maxsize=4096)
def _spec(data: str) -> RunSpec:
    """A spec never changes, and every page that lists runs reads all of them."""
    return spec_from_dict(json.loads(data))


def _unknown(run_id: str) -> BadInput:
    return BadInput(
        f"There is no run '{clean_name(run_id)[:40]}' in this store.", "Choose one from the list."
    )
