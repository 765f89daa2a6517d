"""References in the store: added whole, never changed, deleted so that they can be brought back."""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from core.domain.errors import BadInput
from core.domain.references import Reference
from core.domain.runs import Example
from core.domain.tasks import Task
from core.store.database import Database
from core.store.records import UNNAMED, RecordTable, clean_name, new_id


def _reference(row: sqlite3.Row) -> Reference:
    kept = json.loads(row["origin"])
    return Reference(
        id=row["id"],
        name=row["name"],
        task_key=row["task_key"],
        label_names=tuple(json.loads(row["label_names"])),
        origin=kept["origin"],
        created_at=row["created_at"],
        train=kept["counts"]["train"],
        test=kept["counts"]["test"],
        deleted_at=row["deleted_at"],
    )


_REFERENCES = RecordTable("reference_sets", "reference", _reference)
get_reference = _REFERENCES.get
delete_reference, restore_reference = _REFERENCES.delete, _REFERENCES.restore


def add_reference(
    db: Database,
    task: Task,
    name: str,
    train: Sequence[Example],
    test: Sequence[Example],
    origin: Mapping[str, object],
) -> Reference:
    """Store a reference of a task in one transaction; from now on it is the task's.

    Args:
        db: the store.
        task: the task, and with it all tasks of the same key.
        name: any text, see `core.store.records.clean_name`; without one, the task's.
        train: the part to learn from, in order.
        test: the part to be measured by, in order.
        origin: where it is from, JSON-ready; see `core.domain.references.Reference`.

    Raises:
        BadInput: a part is empty, or a label is none of the task's.
        StoreFull, StoreBusy: nothing was stored.
    """
    for what, texts in (("train", train), ("test", test)):
        if not texts:
            raise BadInput(f"The {what} part has no texts.", "Give at least one.")
        unknown = sorted({example.label for example in texts} - set(task.label_names))
        if unknown:
            raise BadInput(
                f"The {what} part has the label '{unknown[0][:60]}', which the task lacks.",
                "Map the labels to the task's.",
            )
    now = db.now()
    named = clean_name(name)
    reference = Reference(
        id=new_id(now),
        name=clean_name(f"{task.name} reference") if named == UNNAMED else named,
        task_key=task.key,
        label_names=task.label_names,
        origin=dict(origin),
        created_at=now,
        train=_counted(train, task.label_names),
        test=_counted(test, task.label_names),
    )
    # The texts never change, so their counts are kept with them: a page asks for them all the time.
    kept = {
        "origin": dict(origin),
        "counts": {"train": dict(reference.train), "test": dict(reference.test)},
    }
    with db.write() as connection:
        connection.execute(
            "INSERT INTO reference_sets (id, name, task_key, label_names, origin, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (
                reference.id,
                reference.name,
                reference.task_key,
                json.dumps(reference.label_names),
                json.dumps(kept),
                now,
            ),
        )
        for part, examples in (("train", train), ("test", test)):
            connection.executemany(
                "INSERT INTO reference_texts (id, reference_id, part, position, label, text)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (
                    (f"{reference.id}-{part}-{n}", reference.id, part, n, e.label, e.text)
                    for n, e in enumerate(examples)
                ),
            )
    return reference


def list_references(
    db: Database, task_key: str | None = None, *, include_deleted: bool = False
) -> list[Reference]:
    """References, the newest first; only those of a task if its key is given."""
    return _REFERENCES.select(db, include_deleted=include_deleted, task_key=task_key)


def reference_of(db: Database, task: Task) -> Reference | None:
    """The reference of a task: the newest living one of its key."""
    return next(iter(list_references(db, task.key)), None)


def _counted(examples: Iterable[Example], names: Sequence[str]) -> dict[str, int]:
    counts = Counter(example.label for example in examples)
    return {name: counts[name] for name in names}
