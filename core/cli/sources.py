"""What a command works on: a file of labelled texts, or texts in the store."""

from pathlib import Path
from typing import TYPE_CHECKING

from core.domain.errors import BadInput
from core.files.rows import shown

if TYPE_CHECKING:
    from core.domain.datasets import Dataset
    from core.store.database import Database

ENDINGS = (".csv", ".jsonl", ".ndjson", ".parquet")
KEYS = ("run", "version", "reference")
SOURCE_HELP = (
    "FILE.csv, FILE.jsonl or FILE.parquet with the columns text and label; or a run's id, the "
    "start of it, or its name; or version:ID, reference:ID:train, reference:ID:test"
)


def find_dataset(
    db: "Database", wanted: str, *, text_column: str = "text", label_column: str = "label"
) -> "Dataset":
    """The texts that a person means: a key's, a file's, or a run's usable ones.

    Args:
        db: the store.
        wanted: what was typed, see `SOURCE_HELP`.
        text_column: of a file.
        label_column: of a file.

    Raises:
        BadInput: there are none such, or the file is refused.
    """
    from core.cli.lookup import find_run
    from core.store.datasets import load_dataset, run_key

    kind, _, rest = wanted.partition(":")
    path = Path(wanted)
    try:
        there, file, folder = path.exists(), path.is_file(), path.is_dir()
    except OSError:  # a name that no file can have, such as a very long one
        there = file = folder = False
    if kind in KEYS and rest and not there:
        return load_dataset(db, run_key(find_run(db, rest).id) if kind == "run" else wanted)
    if file or path.suffix.lower() in ENDINGS:
        return file_dataset(path, text_column=text_column, label_column=label_column)
    try:
        run = find_run(db, wanted)
    except BadInput as error:
        if not folder:
            raise
        what = f"{shown(wanted)} is a folder, and no run goes by that name."
        raise BadInput(what, "Give one of its files.") from error
    return load_dataset(db, run_key(run.id))


def file_dataset(
    path: Path, *, text_column: str = "text", label_column: str = "label"
) -> "Dataset":
    """The labelled texts of a file; their ids are the file's name and their place from 1.

    Raises:
        BadInput: the file is refused.
    """
    from core.domain.datasets import Dataset
    from core.files.labelled import read_labelled

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
