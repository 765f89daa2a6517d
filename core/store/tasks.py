"""Tasks that people saved."""

import json
import sqlite3
from dataclasses import dataclass

from core.domain.errors import BadInput, StaleEdit
from core.domain.tasks import Task, task_from_dict
from core.store.database import Database
from core.store.ids import new_id


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """A saved task; `revision` counts its edits from 1, times are seconds since 1970, UTC."""

    id: str
    task: Task
    revision: int
    created_at: float
    deleted_at: float | None = None


def save_task(
    db: Database, task: Task, *, task_id: str | None = None, expected_revision: int | None = None
) -> TaskRecord:
    """Save a new task, or a new state of a saved one.

    Args:
        db: the store.
        task: what to save.
        task_id: the saved task to replace; None saves a new one.
        expected_revision: the revision that the edit started from; needed with `task_id`.

    Raises:
        BadInput: another living task has the name, or there is no task `task_id`.
        StaleEdit: somebody edited or deleted it since that revision; nothing was changed.
    """
    now = db.now()
    data = json.dumps(task.to_dict())
    with db.write() as connection:
        namesake = connection.execute(
            "SELECT id FROM tasks WHERE name = ? AND deleted_at IS NULL AND id IS NOT ?",
            (task.name, task_id),
        ).fetchone()
        if namesake is not None:
            raise BadInput(f"There is a task '{task.name}' already.", "Choose another name.")
        if task_id is None:
            record = TaskRecord(new_id(now), task, 1, now)
            connection.execute(
                "INSERT INTO tasks (id, name, task, revision, created_at) VALUES (?, ?, ?, 1, ?)",
                (record.id, task.name, data, now),
            )
            return record
        changed = connection.execute(
            "UPDATE tasks SET name = ?, task = ?, revision = revision + 1"
            " WHERE id = ? AND revision = ? AND deleted_at IS NULL",
            (task.name, data, task_id, expected_revision),
        ).rowcount
        record = get_task(db, task_id)
    if not changed:
        raise StaleEdit(
            f"The task '{record.task.name}' was changed or deleted by somebody else meanwhile.",
            "Load it again, or save yours under another name.",
        )
    return record


def get_task(db: Database, task_id: str) -> TaskRecord:
    """A saved task, deleted or not.

    Raises:
        BadInput: there is none of that id.
    """
    with db.read() as connection:
        row = connection.execute("SELECT * FROM tasks WHERE id = ?", (task_id,)).fetchone()
    if row is None:
        raise BadInput("There is no such task in this store.", "Choose one from the list.")
    return _record(row)


def list_tasks(db: Database, *, include_deleted: bool = False) -> list[TaskRecord]:
    """Saved tasks by name."""
    with db.read() as connection:
        rows = connection.execute(
            "SELECT * FROM tasks WHERE ? OR deleted_at IS NULL ORDER BY name, created_at",
            (include_deleted,),
        ).fetchall()
    return [_record(row) for row in rows]


def delete_task(db: Database, task_id: str) -> None:
    """Hide a saved task, which frees its name; runs keep their own copy of it. Idempotent.

    Raises:
        BadInput: there is no such task.
    """
    with db.write() as connection:
        get_task(db, task_id)
        connection.execute(
            "UPDATE tasks SET deleted_at = coalesce(deleted_at, ?), revision = revision + 1"
            " WHERE id = ?",
            (db.now(), task_id),
        )


def _record(row: sqlite3.Row) -> TaskRecord:
    return TaskRecord(
        id=row["id"],
        task=task_from_dict(json.loads(row["task"])),
        revision=row["revision"],
        created_at=row["created_at"],
        deleted_at=row["deleted_at"],
    )
