"""Which version a run stands at, and the way back and forth through its versions.

Every step is a move that stays in the store. Undo goes to what a version derives from; redo goes
the way that was gone last. Deriving anew after an undo leaves the other branch where it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from core.errors import BadInput, StaleEdit
from core.store.database import Database
from core.store.versions import (
    Kind,
    VersionRecord,
    VersionRow,
    create_version,
    get_version,
    list_versions,
)

Action = Literal["derive", "undo", "redo", "choose"]


@dataclass(frozen=True, slots=True)
class Move:
    """A step: to which version, how, by whom, when (seconds since 1970, UTC)."""

    number: int
    version_id: str
    action: Action
    who: str
    at: float


def moves_of(db: Database, run_id: str) -> list[Move]:
    """A run's moves, the earliest first."""
    with db.read() as connection:
        rows = connection.execute(
            "SELECT number, version_id, action, who, at FROM version_moves WHERE run_id = ?"
            " ORDER BY number",
            (run_id,),
        ).fetchall()
    return [Move(*row) for row in rows]


def head(db: Database, run_id: str) -> VersionRecord | None:
    """The version that a run stands at; None while nothing was ever derived."""
    with db.read() as connection:
        row = connection.execute(
            "SELECT version_id FROM version_moves WHERE run_id = ? ORDER BY number DESC LIMIT 1",
            (run_id,),
        ).fetchone()
    return None if row is None else get_version(db, row["version_id"])


def derive(
    db: Database,
    parent_id: str,
    kind: Kind,
    rows: Sequence[VersionRow],
    *,
    who: str,
    name: str = "",
    spec: Mapping[str, Any],
    facts: Mapping[str, Any],
) -> VersionRecord:
    """Derive a version (see `create_version`) and stand at it, in one step."""
    with db.write():
        version = create_version(db, parent_id, kind, rows, name=name, spec=spec, facts=facts)
        _move(db, version, "derive", who)
    return version


def undo(db: Database, run_id: str, *, who: str, seen: str) -> VersionRecord:
    """Stand at what the present version derives from.

    Args:
        db: the store.
        run_id: the run.
        who: the person.
        seen: id of the version that the person saw the run stand at.

    Raises:
        BadInput: there is nothing before it.
        StaleEdit: the run stands at another version meanwhile; nothing was changed.
    """
    with db.write():
        now = _expected_head(db, run_id, seen)
        if now.parent_id is None:
            raise BadInput("There is nothing to undo: these are the texts as generated.")
        target = get_version(db, now.parent_id)
        _move(db, target, "undo", who)
    return target


def redo(db: Database, run_id: str, *, who: str, seen: str) -> VersionRecord:
    """Undo the last undo that was not redone; arguments as `undo`.

    Raises:
        BadInput: nothing derives from the present version.
        StaleEdit: as `undo`.
    """
    with db.write():
        target = redo_target(db, run_id)
        _expected_head(db, run_id, seen)
        if target is None:
            raise BadInput("There is nothing to redo: nothing derives from this version.")
        _move(db, target, "redo", who)
    return target


def redo_target(db: Database, run_id: str) -> VersionRecord | None:
    """Where redo goes: one step towards the version below that the run stood at last."""
    now = head(db, run_id)
    if now is None:
        return None
    living = {version.id: version for version in list_versions(db, run_id)}
    for move in reversed(moves_of(db, run_id)):
        step = living.get(move.version_id)
        while step is not None and step.parent_id is not None:
            if step.parent_id == now.id:
                return step
            step = living.get(step.parent_id)
    return None


def choose(db: Database, version_id: str, *, who: str) -> VersionRecord:
    """Stand at any living version.

    Raises:
        BadInput: there is none of that id.
    """
    with db.write():
        version = get_version(db, version_id)
        if version.deleted_at is not None:
            raise BadInput(f"The version '{version.name}' was deleted.", "Choose another.")
        _move(db, version, "choose", who)
    return version


def delete_version(db: Database, version_id: str) -> None:
    """Hide a version from which nothing derives; its rows stay. Twice is once.

    Raises:
        BadInput: there is none of that id, the run stands at it, or others derive from it.
    """
    with db.write() as connection:
        version = get_version(db, version_id)
        now = head(db, version.run_id)
        if now is not None and now.id == version_id:
            raise BadInput(f"The run stands at '{version.name}'.", "Undo it first.")
        if any(other.parent_id == version_id for other in list_versions(db, version.run_id)):
            raise BadInput(f"Other versions derive from '{version.name}'.", "Delete them first.")
        connection.execute(
            "UPDATE versions SET deleted_at = coalesce(deleted_at, ?) WHERE id = ?",
            (db.now(), version_id),
        )


def _expected_head(db: Database, run_id: str, seen: str) -> VersionRecord:
    now = head(db, run_id)
    if now is None:
        raise BadInput("There is nothing to undo or redo: nothing was derived yet.")
    if now.id != seen:
        raise StaleEdit(
            f"The run stands at '{now.name}' meanwhile; nothing was changed.",
            "Look at it and try again if you still want to.",
        )
    return now


def _move(db: Database, version: VersionRecord, action: Action, who: str) -> None:
    with db.write() as connection:
        connection.execute(
            "INSERT INTO version_moves (run_id, version_id, action, who, at)"
            " VALUES (?, ?, ?, ?, ?)",
            (version.run_id, version.id, action, who, db.now()),
        )
