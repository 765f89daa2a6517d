"""References of a task: from a person's files, a folder, the example, or the Hugging Face hub."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from core.domain.errors import BadInput
from core.domain.references import TEST_SHARE, Division, Reference, divided
from core.domain.runs import Example
from core.domain.tasks import Task, preset
from core.files.hub import HubDataset, fetch_dataset
from core.files.labelled import columns_of, content_of, read_labelled
from core.files.mapping import Source, read_mapped
from core.store.database import Database
from core.store.datasets import load_dataset, reference_key
from core.store.references import add_reference, list_references

REFERENCE_FOLDER = Path(__file__).parents[2] / "assets" / "reference"
TRAIN_FILE = REFERENCE_FOLDER / "train.csv"
TEST_FILE = REFERENCE_FOLDER / "test.csv"


def example_task() -> Task:
    """The task of the example, which is also the preset `support`: five labels."""
    return preset("support")


def example_reference() -> tuple[list[Example], list[Example]]:
    """The example's reference: train part (60 texts a label) and test part (30 a label).

    No text is in both. Each part is in its file's order, which visits the labels in turn.
    """
    task = example_task()
    train = read_labelled(TRAIN_FILE, name=TRAIN_FILE.name, task=task)
    test = read_labelled(TEST_FILE, name=TEST_FILE.name, task=task)
    return train, test


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
    origin: Mapping[str, object] = field(default_factory=dict)

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
        held_out = read_mapped(
            [test],
            task=task,
            text_column=mapped.text_column,
            label_column=mapped.label_column,
            label_map=mapping.label_map,
        ).examples
    parts = divided(mapped.examples, test=held_out, test_share=test_share, seed=seed)
    files = {"file": train[0], "test_file": None if test is None else test[0]}
    return _prepared(parts, name or train[0], {**files, **mapped.origin})


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


def _prepared(parts: Division, name: str, origin: Mapping[str, object]) -> PreparedReference:
    return PreparedReference(parts.train, parts.test, None, name, {**origin, **parts.origin})


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


Fetch = Callable[..., HubDataset]
"""Behaves as `core.files.hub.fetch_dataset`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HubRequest:
    """Which dataset of the hub becomes a task's reference; None is chosen or guessed.

    Args:
        hub: the dataset's id.
        task: whose reference.
        config: its configuration.
        split: its split.
        text_column: column of the texts.
        label_column: column of the labels.
        map: the task's name for a label of the dataset; see `read_mapped`.
        test_share: see `core.domain.references.split`.
        seed: likewise.
        name: the reference's; empty is the dataset's id.
    """

    hub: str
    task: Task
    config: str | None = None
    split: str | None = None
    text_column: str | None = None
    label_column: str | None = None
    map: Mapping[str, str] | None = None
    test_share: float = TEST_SHARE
    seed: int = 0
    name: str = ""


def add_from_hub(
    db: Database,
    request: HubRequest,
    *,
    fetch: Fetch = fetch_dataset,
    job_id: str | None = None,
) -> Reference:
    """Fetch a dataset, split it, add it.

    Args:
        db: the store.
        request: which dataset.
        fetch: gives the dataset.
        job_id: the job that does it, if one does.

    Raises:
        WidesetError: the dataset can't be fetched or is refused; nothing was added.
    """
    dataset = fetch(request.hub, config=request.config, split=request.split)
    mapped = read_mapped(
        dataset.files,
        task=request.task,
        text_column=request.text_column,
        label_column=request.label_column,
        label_map=request.map,
    )
    parts = divided(mapped.examples, test_share=request.test_share, seed=request.seed)
    origin = {
        "hub": dataset.id,
        "config": dataset.config,
        "split": dataset.split,
        "commit": dataset.commit,
        **mapped.origin,
        **parts.origin,
        "job": job_id,
    }
    name = request.name or dataset.id
    return add_reference(db, request.task, name, parts.train, parts.test, origin)


def reference_of_job(db: Database, job_id: str) -> Reference | None:
    """The reference that a job added, so that a resumed job adds no second one."""
    references = list_references(db, include_deleted=True)
    return next((item for item in references if item.origin.get("job") == job_id), None)
