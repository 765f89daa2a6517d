"""Tasks that people saved."""

import json
import sqlite3
from dataclasses import dataclass

from core.domain.errors import BadInput, StaleEdit
from core.domain.serialization import to_json
from core.domain.tasks import Task, task_from_dict
from core.store.database import Database
from core.store.records import RecordTable, new_id


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """A saved task; `revision` counts its edits from 1, times are seconds since 1970, UTC."""

    id: str
    task: Task
    revision: int
    created_at: float
    deleted_at: float | None = None


def _record(row: sqlite3.Row) -> TaskRecord:
    return TaskRecord(
        id=row["id"],
        task=task_from_dict(json.loads(row["task"])),
        revision=row["revision"],
        created_at=row["created_at"],
        deleted_at=row["deleted_at"],
    )


_TASKS = RecordTable("tasks", "task", _record)
get_task, delete_task = _TASKS.get, _TASKS.delete


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
    data = json.dumps(to_json(task))
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


def list_tasks(db: Database, *, include_deleted: bool = False) -> list[TaskRecord]:
    """Saved tasks by name."""
    return _TASKS.select(db, include_deleted=include_deleted, order="name, created_at")
