"""The reference that a grid file names: in the store, the example, or a folder of files."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.cli.lookup import find_reference
from core.domain.errors import BadInput
from core.domain.references import Reference, divided
from core.domain.runs import Example
from core.domain.tasks import Task
from core.files.example import TEST_FILE, TRAIN_FILE, example_reference, example_task
from core.files.labelled import columns_of, content_of, read_labelled
from core.files.mapping import read_mapped
from core.store.database import Database
from core.store.datasets import load_dataset, reference_key
from core.store.references import add_reference, list_references

EXAMPLE = "example"


@dataclass(frozen=True, slots=True)
class ChosenReference:
    """A reference, in the store or ready to be added.

    Args:
        train: its train part, in order.
        test: its test part, in order.
        known: as stored; None for one that is not there yet.
        name: for one that is not there yet.
        origin: the same.
    """

    train: tuple[Example, ...]
    test: tuple[Example, ...]
    known: Reference | None
    name: str = ""
    origin: Mapping[str, Any] | None = None

    def attached(self, db: Database, task: Task) -> Reference:
        """The reference as stored; added if it was not there."""
        if self.known is not None:
            return self.known
        return add_reference(db, task, self.name, self.train, self.test, self.origin or {})


def choose_reference(db: Database, wanted: str, task: Task) -> ChosenReference:
    """The reference that a name means; nothing is added yet.

    Args:
        db: the store.
        wanted: "example"; a folder with train.csv and test.csv (columns text and label) and maybe
            labels.csv (a file's label, the phrase or name of the task's); else an id or a name in
            the store. A folder that was added with the same content is not added again.
        task: whose reference it is to be.

    Raises:
        BadInput: there is none, it is another task's, or a file is refused.
    """
    if wanted == EXAMPLE:
        return _example(db, task)
    if Path(wanted).is_dir():
        return _folder(db, Path(wanted), task)
    known = find_reference(db, wanted)
    if known.task_key != task.key:
        raise BadInput(
            f"The reference '{known.name}' is that of another task.",
            f"Name one with the labels {', '.join(task.label_names[:20])}.",
        )
    return _stored(db, known)


def _example(db: Database, task: Task) -> ChosenReference:
    if task.key != example_task().key:
        raise BadInput(
            "The example is the reference of the task 'support' alone.",
            'Write task = "support", or name another reference.',
        )
    known = _known(db, task, "example", True)
    if known is not None:
        return _stored(db, known)
    train, test = example_reference()
    parts = divided(train, test=test)
    origin = {
        "file": TRAIN_FILE.name,
        "test_file": TEST_FILE.name,
        "example": True,
        "text_column": "text",
        "label_column": "label",
        **parts.facts,
    }
    return ChosenReference(parts.train, parts.test, None, "Example messages", origin)


def _folder(db: Database, folder: Path, task: Task) -> ChosenReference:
    train, _, _ = content_of(folder / "train.csv", name="train.csv")
    test, _, _ = content_of(folder / "test.csv", name="test.csv")
    label_map = _label_map(folder / "labels.csv", task)
    digest = hashlib.sha256(json.dumps(label_map, sort_keys=True).encode())
    for raw in (train, test):
        digest.update(hashlib.sha256(raw).digest())
    known = _known(db, task, "content", digest.hexdigest())
    if known is not None:
        return _stored(db, known)
    columns = {"text_column": "text", "label_column": "label"}
    mapped, rest = (
        read_mapped([(name, raw)], task=task, **columns, label_map=label_map)
        for name, raw in (("train.csv", train), ("test.csv", test))
    )
    parts = divided(mapped.examples, test=rest.examples)
    name = folder.resolve().name
    origin = {
        "file": f"{name}/train.csv",
        "test_file": f"{name}/test.csv",
        "content": digest.hexdigest(),
        **mapped.facts,
        **parts.facts,
    }
    return ChosenReference(parts.train, parts.test, None, name, origin)


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


def _known(db: Database, task: Task, key: str, value: object) -> Reference | None:
    references = list_references(db, task.key)
    return next((item for item in references if item.origin.get(key) == value), None)


def _stored(db: Database, known: Reference) -> ChosenReference:
    def part(name: str) -> tuple[Example, ...]:
        data = load_dataset(db, reference_key(known.id, name))
        return tuple(map(Example, data.texts, data.labels))

    return ChosenReference(part("train"), part("test"), known)
