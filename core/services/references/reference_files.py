"""References from files: a person's, those of a folder, and the example's."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.domain.errors import BadInput
from core.domain.references import TEST_SHARE, Division, Reference, divided
from core.domain.runs import Example
from core.domain.tasks import Task
from core.files.example import TEST_FILE, TRAIN_FILE, example_reference, example_task
from core.files.labelled import columns_of, content_of, read_labelled
from core.files.mapping import Source, read_mapped
from core.store.database import Database
from core.store.datasets import load_dataset, reference_key
from core.store.references import add_reference, list_references


@dataclass(frozen=True, slots=True)
class PreparedReference:
    """A reference, in the store or ready to be added.

    Args:
        train: its train part, in order.
        test: its test part, in order.
        known: as stored; None for one that is not there yet.
        name: for one that is not there yet.
        origin: the same, see `Reference`.
    """

    train: tuple[Example, ...]
    test: tuple[Example, ...]
    known: Reference | None = None
    name: str = ""
    origin: Mapping[str, Any] = field(default_factory=dict)

    def attached(self, db: Database, task: Task) -> Reference:
        """The reference as stored; added if it was not there."""
        if self.known is not None:
            return self.known
        return add_reference(db, task, self.name, self.train, self.test, self.origin)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileMapping:
    """Where a file's texts and labels are; None is guessed.

    Args:
        text_column: column of the texts.
        label_column: column of the labels.
        label_map: the task's name for a label of the file; see `read_mapped`.
    """

    text_column: str | None = None
    label_column: str | None = None
    label_map: Mapping[str, str] | None = None


def reference_from_files(
    train: Source,
    test: Source | None,
    task: Task,
    mapping: FileMapping,
    *,
    name: str = "",
    test_share: float = TEST_SHARE,
    seed: int = 0,
) -> PreparedReference:
    """The labelled texts of a file, which is split, or of a file for each part.

    Args:
        train: name and path or content of the file.
        test: the test part; None splits it off.
        task: whose labels the texts have.
        mapping: the columns, of both files.
        name: the reference's; empty is the file's.
        test_share: see `core.domain.references.split`.
        seed: likewise.

    Raises:
        BadInput: a file is refused.
    """
    mapped = read_mapped(
        [train],
        task=task,
        text_column=mapping.text_column,
        label_column=mapping.label_column,
        label_map=mapping.label_map,
    )
    held_out = None
    if test is not None:
        columns = {key: mapped.facts[key] for key in ("text_column", "label_column")}
        held_out = read_mapped([test], task=task, **columns, label_map=mapping.label_map).examples
    parts = divided(mapped.examples, test=held_out, test_share=test_share, seed=seed)
    files = {"file": train[0], "test_file": None if test is None else test[0]}
    return _prepared(parts, name or train[0], {**files, **mapped.facts})


def reference_of_example(db: Database, task: Task) -> PreparedReference:
    """The reference that comes along with the task `support`.

    Raises:
        BadInput: the task is another.
    """
    if task.key != example_task().key:
        raise BadInput(
            "The example is the reference of the task 'support' alone.",
            'Write task = "support", or name another reference.',
        )
    known = _find(db, task, "example", True)
    return prepare_example() if known is None else stored_reference(db, known)


def prepare_example() -> PreparedReference:
    """The example's reference, to be added."""
    train, test = example_reference()
    origin = {
        "file": TRAIN_FILE.name,
        "test_file": TEST_FILE.name,
        "example": True,
        "text_column": "text",
        "label_column": "label",
    }
    return _prepared(divided(train, test=test), "Example messages", origin)


def reference_of_folder(db: Database, folder: Path, task: Task) -> PreparedReference:
    """The reference of a folder with train.csv and test.csv (columns text and label) and maybe
    labels.csv (a file's label, the phrase or name of the task's). One that was added with the same
    content is that one.

    Raises:
        BadInput: a file is missing or refused.
    """
    train, _, _ = content_of(folder / "train.csv", name="train.csv")
    test, _, _ = content_of(folder / "test.csv", name="test.csv")
    label_map = _label_map(folder / "labels.csv", task)
    digest = hashlib.sha256(json.dumps(label_map, sort_keys=True).encode())
    for raw in (train, test):
        digest.update(hashlib.sha256(raw).digest())
    known = _find(db, task, "content", digest.hexdigest())
    if known is not None:
        return stored_reference(db, known)
    name = folder.resolve().name
    mapping = FileMapping(text_column="text", label_column="label", label_map=label_map)
    prepared = reference_from_files(
        ("train.csv", train), ("test.csv", test), task, mapping, name=name
    )
    origin = {
        **prepared.origin,
        "file": f"{name}/train.csv",
        "test_file": f"{name}/test.csv",
        "content": digest.hexdigest(),
    }
    return PreparedReference(prepared.train, prepared.test, None, name, origin)


def stored_reference(db: Database, known: Reference) -> PreparedReference:
    """A reference of the store with its texts."""

    def part(name: str) -> tuple[Example, ...]:
        data = load_dataset(db, reference_key(known.id, name))
        return tuple(map(Example, data.texts, data.labels))

    return PreparedReference(part("train"), part("test"), known)


def _prepared(parts: Division, name: str, origin: Mapping[str, Any]) -> PreparedReference:
    return PreparedReference(parts.train, parts.test, None, name, {**origin, **parts.facts})


def _find(db: Database, task: Task, key: str, value: object) -> Reference | None:
    references = list_references(db, task.key)
    return next((item for item in references if item.origin.get(key) == value), None)


def _label_map(path: Path, task: Task) -> dict[str, str]:
    """The task's name for each label of the files, by the phrases beside them."""
    if not path.exists():
        return {}
    columns = columns_of(path, name=path.name)
    if len(columns) < 2:
        raise BadInput(
            f"{path.name} has no second column.",
            "Write a label of the files and its phrase in the prompt on each line.",
        )
    rows = read_labelled(
        path, name=path.name, task=None, text_column=columns[1], label_column=columns[0]
    )
    phrases = {label.name.casefold(): label.name for label in task.labels}
    phrases |= {label.phrase.casefold(): label.name for label in task.labels}
    names = {row.label: phrases.get(row.text.casefold()) for row in rows}
    return {label: name for label, name in names.items() if name is not None}
