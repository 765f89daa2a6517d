"""The content of a file that a person brings, before anything is read from it.

Sizes are bounded before memory is spent; whatever could run code when opened (pickle, joblib) is
refused unopened.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from core.domain.errors import BadInput
from core.domain.runs import MAX_EXAMPLES, Example
from core.domain.tasks import MAX_LENGTH, Task
from core.domain.texts import fold, why_unstorable
from core.files.rows import (
    csv_columns,
    csv_rows,
    jsonl_columns,
    jsonl_rows,
    parquet_columns,
    parquet_rows,
    plain_name,
    shown,
)

MAX_BYTES = 50_000_000
ENDINGS = (".csv", ".jsonl", ".ndjson", ".parquet")

_PICKLES = (".pkl", ".pickle", ".p", ".joblib", ".dill", ".pt", ".pth", ".npy", ".npz")
_PICKLE_START = re.compile(rb"\x80[\x02-\x05]")  # protocols 2 to 5; no text begins so
_ARCHIVE_STARTS = (b"PK\x03\x04", b"\x1f\x8b", b"\x78\x01", b"\x78\x9c", b"\x78\xda")


def content_of(source: Path | str | bytes, *, name: str) -> tuple[bytes, str, str]:
    """A file's content, its name as messages show it, and its ending in small letters.

    Args:
        source: the file's path, or its content.
        name: the file's name, whose ending decides the format: one of `ENDINGS`.

    Raises:
        BadInput: it can't be read, is empty, over 50 MB, or nothing that is read here.
    """
    file_name = shown(Path(name).name)
    ending = Path(name).suffix.lower()
    if ending in _PICKLES:
        raise _pickled(file_name)
    if ending not in ENDINGS:
        raise BadInput(
            f"The file {file_name} is of an unknown kind.", "Give a .csv, .jsonl or .parquet file."
        )
    raw = source if isinstance(source, bytes) else _bytes_of(Path(source), file_name)
    _check_content(raw, file_name, ending)
    return raw, file_name, ending


def too_large(file_name: str) -> BadInput:
    """The refusal of a file over 50 MB."""
    return BadInput(
        f"The file {file_name} holds over {MAX_BYTES // 10**6} MB.", "Split it or draw from it."
    )


def _bytes_of(path: Path, file_name: str) -> bytes:
    try:
        if path.exists() and not path.is_file():  # a pipe or a device could be endless
            raise BadInput(f"{file_name} is not a plain file.", "Give a file.")
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or error
        raise BadInput(
            f"The file {file_name} can't be read ({reason}).", "Check its path."
        ) from error


def _check_content(raw: bytes, file_name: str, ending: str) -> None:
    if len(raw) > MAX_BYTES:
        raise too_large(file_name)
    if _PICKLE_START.match(raw):
        raise _pickled(file_name)
    if raw.startswith(_ARCHIVE_STARTS):  # also what joblib and torch wrap around a pickle
        raise BadInput(
            f"The file {file_name} is a compressed archive or a workbook, "
            f"not {ending[1:].upper()}.",
            "Unpack it, or save the sheet as CSV UTF-8.",
        )
    if not raw.strip():
        raise BadInput(f"The file {file_name} is empty.", "Give at least one labelled text.")


def _pickled(file_name: str) -> BadInput:
    return BadInput(
        f"The file {file_name} is a Python pickle, which could run any program; it was not opened.",
        "Save the texts as CSV, JSONL or Parquet.",
    )


SEED_COUNT = 18
MAX_FILE_LABELS = 1_000  # more of them, and it is not the column of the labels

_COLUMNS = {
    ".csv": csv_columns,
    ".jsonl": jsonl_columns,
    ".ndjson": jsonl_columns,
    ".parquet": parquet_columns,
}
_READERS = {
    ".csv": csv_rows,
    ".jsonl": jsonl_rows,
    ".ndjson": jsonl_rows,
    ".parquet": parquet_rows,
}


def columns_of(source: Path | str | bytes, *, name: str) -> list[str]:
    """The names of a file's columns: a CSV's header, the keys of the first JSONL object.

    Args:
        source: the file's path, or its content.
        name: the file's name, whose ending decides the format: .csv, .jsonl, .ndjson, .parquet.

    Raises:
        BadInput: the file is refused.
    """
    raw, file_name, ending = content_of(source, name=name)
    return _COLUMNS[ending](raw, file_name)


def read_labelled(
    source: Path | str | bytes,
    *,
    name: str,
    task: Task | None,
    text_column: str = "text",
    label_column: str = "label",
    label_map: Mapping[str, str] | None = None,
) -> list[Example]:
    """Read labelled texts from two columns (or keys); others are ignored.

    Column names are matched whatever their case; white space around column names, labels and
    texts is dropped, everything within a text is kept exactly. A CSV's separator may be a comma,
    a semicolon or a tab. Encodings: UTF-8, UTF-16 with its mark, else Windows-1252 where that
    fits. At most 50 MB, 1,000 columns, 500,000 rows and 1,000 different labels.

    Args:
        source: the file's path, or its content.
        name: the file's name, whose ending decides the format: .csv, .jsonl, .ndjson, .parquet.
        task: the task whose labels' names the file uses, None for a file that goes by its own.
        text_column: where the texts stand.
        label_column: where the labels stand.
        label_map: the task's name for a label of the file; labels that it lacks stay as they are.

    With no task or with a map, labels that JSONL or Parquet hold as integers or booleans count by
    their text ("3", "true"); else they are refused, as the task names its labels by words.

    Returns:
        One example a row, in the file's order; never empty.

    Raises:
        BadInput: the file or a row is refused. Rows are numbered as a spreadsheet does: in a CSV
            the header is row 1; in JSONL and Parquet the first record is row 1. Labels that the
            task lacks are all named at once, each with its first row.
    """
    if plain_name(text_column) == plain_name(label_column):
        raise BadInput(
            f"The column '{shown(text_column)}' can't hold both the texts and the labels.",
            "Choose two columns.",
        )
    raw, file_name, ending = content_of(source, name=name)
    renamed = _checked_map(label_map or {}, task)
    numbers = task is None or label_map is not None
    names = None if task is None else set(task.label_names)
    first_rows: dict[str, int] = {}
    examples: list[Example] = []
    characters = 0
    for row, text, label in _READERS[ending](raw, file_name, (text_column, label_column)):
        example = _example(
            f"Row {row:,} of {file_name}", text, _worded(label) if numbers else label
        )
        if example.label in renamed:
            example = Example(example.text, renamed[example.label])
        examples.append(example)
        characters += len(example.text)
        if characters > MAX_BYTES:  # only Parquet can unpack to more than the file's size
            raise too_large(file_name)
        first_rows.setdefault(example.label, row)
        if len(first_rows) > MAX_FILE_LABELS:
            raise BadInput(
                f"The column '{shown(label_column)}' of {file_name} holds over {MAX_FILE_LABELS:,} "
                "different labels.",
                "Choose the column of the labels.",
            )
    if not examples:
        raise BadInput(f"The file {file_name} holds no rows.", "Give at least one labelled text.")
    unknown = {} if names is None else {k: n for k, n in first_rows.items() if k not in names}
    if task is not None and unknown:
        raise _unknown_labels(unknown, file_name, task.label_names)
    return examples


def balanced_examples(
    examples: Sequence[Example], *, task: Task, count: int = SEED_COUNT, seed: int
) -> tuple[Example, ...]:
    """Draw seed examples balanced over the labels (paper, section 4.1; 15 for PubMed).

    Every label gets `count // L` of L labels' texts; the remainder goes, one each, to labels
    drawn by the seed. A text that occurs again under its label is drawn at most once. Equal
    arguments give equal draws; the draw depends on the order of `examples`, so a file with its
    rows shuffled gives another one.

    Args:
        examples: what to draw from; labels other than the task's are passed over.
        task: whose labels are balanced.
        count: texts in all, 0 to 1,000.
        seed: 0 to 2**63 - 1.

    Returns:
        The examples drawn, label by label in task order.

    Raises:
        BadInput: the count is out of range, or a label has too few different texts.
    """
    import numpy as np

    if isinstance(count, bool) or not 0 <= count <= MAX_EXAMPLES:
        raise BadInput(
            f"The number of seed examples is {count}.", f"Choose from 0 to {MAX_EXAMPLES}."
        )
    texts: dict[str, dict[str, Example]] = {label: {} for label in task.label_names}
    for example in examples:
        if example.label in texts:
            texts[example.label].setdefault(fold(example.text), example)
    generator = np.random.default_rng(seed)
    share, rest = divmod(count, len(texts))
    favoured = {int(place) for place in generator.permutation(len(texts))[:rest]}
    drawn: list[Example] = []
    for place, (label, different) in enumerate(texts.items()):
        wanted = share + (place in favoured)
        if wanted > len(different):
            raise BadInput(
                f"{count} balanced seed examples need {wanted} different texts with the label "
                f"'{label}', and there are {len(different)}.",
                "Add texts with that label or ask for fewer examples.",
            )
        pool = list(different.values())
        drawn += [pool[i] for i in generator.choice(len(pool), size=wanted, replace=False)]
    return tuple(drawn)


def _checked_map(label_map: Mapping[str, str], task: Task | None) -> dict[str, str]:
    for name in label_map.values():
        if task is not None and name not in task.label_names:
            raise BadInput(
                f"The label '{shown(name)}', which a label is mapped to, is none of the task's.",
                f"Its labels are {_listed(task.label_names)}.",
            )
    return {label.strip(): name for label, name in label_map.items()}


def _worded(label: Any) -> Any:
    if isinstance(label, bool):
        return "true" if label else "false"
    return str(label) if isinstance(label, int) and abs(label) < 2**63 else label


def _example(where: str, text: Any, label: Any) -> Example:
    for what, value in (("text", text), ("label", label)):
        if value is None or (isinstance(value, str) and not value.strip()):
            raise BadInput(f"{where} has no {what}.", "Fill it in or remove the row.")
        if not isinstance(value, str):
            raise BadInput(
                f"{where} has a {what} that is no text but of type {type(value).__name__}.",
                "Give labels by name." if what == "label" else "Write it as a text.",
            )
    text, label = text.strip(), label.strip()
    for what, value in (("text", text), ("label", label)):
        reason = why_unstorable(value)
        if reason is not None:
            raise BadInput(f"{where}: the {what} {reason}.", "Mend or remove the row.")
    if len(label) > MAX_LENGTH:
        raise BadInput(
            f"{where} has a label of {len(label):,} characters, over the limit of {MAX_LENGTH}.",
            "Choose the column of the labels.",
        )
    return Example(text, label)


def _unknown_labels(
    first_rows: Mapping[str, int], file_name: str, names: Sequence[str]
) -> BadInput:
    (label, row), *more = first_rows.items()
    what = f"Row {row:,} of {file_name} has the label '{shown(label)}', which the task lacks."
    if more:
        listed = [f"'{shown(label)}' (row {row:,})" for label, row in list(first_rows.items())[:20]]
        rest = f" and {len(first_rows) - 20} more" if len(first_rows) > 20 else ""
        what = (
            f"The file {file_name} has {len(first_rows)} labels that the task lacks: "
            f"{', '.join(listed)}{rest}."
        )
    return BadInput(what, f"Its labels are {_listed(names)}.")


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 20} more" if len(names) > 20 else ""
    return ", ".join(names[:20]) + more
