"""Runs, references, tasks and datasets by what a person types for them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from core.domain.errors import BadInput
from core.domain.references import Reference
from core.domain.settings import home_from
from core.domain.tasks import Task, preset, preset_names, read_task_file
from core.files.labelled import read_labelled
from core.files.rows import shown
from core.services.references import (
    PreparedReference,
    reference_of_example,
    reference_of_folder,
    stored_reference,
)
from core.store.database import Database, open_database
from core.store.generation.runs import RunRecord, get_run, list_runs
from core.store.references import list_references
from core.store.tasks import list_tasks

if TYPE_CHECKING:
    from core.domain.datasets import Dataset

_ENDINGS = (".csv", ".jsonl", ".ndjson", ".parquet")
_EXAMPLE = "example"
_KEYS = ("run", "version", "reference")


class _Record(Protocol):
    @property
    def id(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def deleted_at(self) -> float | None: ...


R = TypeVar("R", bound=_Record)


def _find(records: Sequence[R], wanted: str, *, noun: str, command: str) -> R:
    """The record of that id, else of that exact name, else the only one whose id begins so.

    A deleted one is found by its full id only.
    """
    living = [record for record in records if record.deleted_at is None]
    matches = (
        [record for record in records if record.id == wanted]
        or [record for record in living if record.name == wanted]
        or [record for record in living if wanted and record.id.startswith(wanted)]
    )
    if len(matches) > 1:
        ids = ", ".join(record.id for record in matches[:5]) + (", ..." if len(matches) > 5 else "")
        raise BadInput(f"'{wanted}' means {len(matches)} {noun}s: {ids}.", "Give the full id.")
    if not matches:
        raise BadInput(f"There is no {noun} '{wanted}'.", f"See python -m core {command}.")
    return matches[0]


def find_run(db: Database, wanted: str) -> RunRecord:
    """The run of that id, else of that exact name, else whose id alone begins so.

    A deleted run is found by its full id only.

    Raises:
        BadInput: none, or more than one.
    """
    runs = [summary.run for summary in list_runs(db, include_deleted=True)]
    return get_run(db, _find(runs, wanted, noun="run", command="runs").id)


def find_reference(db: Database, wanted: str) -> Reference:
    """The reference of that id, else of that exact name, else whose id alone begins so.

    A deleted one is found by its full id only.

    Raises:
        BadInput: none, or more than one.
    """
    references = list_references(db, include_deleted=True)
    return _find(references, wanted, noun="reference", command="reference list")


def find_or_prepare_reference(db: Database, wanted: str, task: Task) -> PreparedReference:
    """The reference that a name means; nothing is added yet.

    Args:
        db: the store.
        wanted: "example"; a folder (see `reference_of_folder`); else an id or a name in the store.
        task: whose reference it is to be.

    Raises:
        BadInput: there is none, it is another task's, or a file is refused.
    """
    if wanted == _EXAMPLE:
        return reference_of_example(db, task)
    if Path(wanted).is_dir():
        return reference_of_folder(db, Path(wanted), task)
    known = find_reference(db, wanted)
    if known.task_key != task.key:
        raise BadInput(
            f"The reference '{known.name}' is that of another task.",
            f"Name one with the labels {', '.join(task.label_names[:20])}.",
        )
    return stored_reference(db, known)


def find_task(wanted: str) -> Task:
    """The task of a TOML file (what ends in .toml), a preset, or a saved task by its name.

    Raises:
        BadInput: there is none, or its file is refused.
    """
    if wanted.lower().endswith(".toml"):
        return read_task_file(Path(wanted))
    try:
        return preset(wanted)
    except KeyError:
        pass
    saved = [record.task for record in list_tasks(open_database(home_from()))]
    for task in saved:
        if task.name == wanted:
            return task
    alike = [task for task in saved if task.name.casefold() == wanted.strip().casefold()]
    if len(alike) == 1:
        return alike[0]
    raise BadInput(
        f"There is no task '{wanted}'.",
        f"Give a .toml file, the name of a saved task, or one of {', '.join(preset_names())}.",
    )


def find_dataset(
    db: Database, wanted: str, *, text_column: str = "text", label_column: str = "label"
) -> "Dataset":
    """The texts that a person means: a key's, a file's, or a run's usable ones.

    Args:
        db: the store.
        wanted: what was typed, see `core.cli.options.SOURCE_HELP`.
        text_column: of a file.
        label_column: of a file.

    Raises:
        BadInput: there are none such, or the file is refused.
    """
    from core.store.datasets import load_dataset, run_key

    kind, _, rest = wanted.partition(":")
    path = Path(wanted)
    try:
        exists, is_file, is_folder = path.exists(), path.is_file(), path.is_dir()
    except OSError:  # a name that no file can have, such as a very long one
        exists = is_file = is_folder = False
    if kind in _KEYS and rest and not exists:
        return load_dataset(db, run_key(find_run(db, rest).id) if kind == "run" else wanted)
    if is_file or path.suffix.lower() in _ENDINGS:
        return file_dataset(path, text_column=text_column, label_column=label_column)
    try:
        run = find_run(db, wanted)
    except BadInput as error:
        if not is_folder:
            raise
        message = f"{shown(wanted)} is a folder, and no run goes by that name."
        raise BadInput(message, "Give one of its files.") from error
    return load_dataset(db, run_key(run.id))


def file_dataset(path: Path, *, text_column: str, label_column: str) -> "Dataset":
    """The labelled texts of a file; their ids are the file's name and their place from 1.

    Raises:
        BadInput: the file is refused.
    """
    from core.domain.datasets import Dataset

    examples = read_labelled(
        path, name=path.name, task=None, text_column=text_column, label_column=label_column
    )
    return Dataset(
        f"file:{path.name}",
        path.name,
        tuple(dict.fromkeys(example.label for example in examples)),
        ids=tuple(f"{path.name}:{number}" for number in range(1, len(examples) + 1)),
        texts=tuple(example.text for example in examples),
        labels=tuple(example.label for example in examples),
        fluency=(None,) * len(examples),
    )
