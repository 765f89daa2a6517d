"""Labelled texts that a person brings as a file (CSV, JSONL, Parquet), and draws from them.

Nothing here trusts the file: sizes are bounded before memory is spent, every refusal names the
row, and whatever could run code when opened (pickle, joblib) is refused unopened.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.errors import BadInput
from core.file_rows import csv_rows, jsonl_rows, parquet_rows, shown
from core.runs import MAX_EXAMPLES, Example
from core.tasks import Task
from core.texts import fold, why_unstorable

MAX_BYTES = 50_000_000
SEED_COUNT = 18

_READERS = {
    ".csv": csv_rows,
    ".jsonl": jsonl_rows,
    ".ndjson": jsonl_rows,
    ".parquet": parquet_rows,
}
_PICKLES = (".pkl", ".pickle", ".p", ".joblib", ".dill", ".pt", ".pth", ".npy", ".npz")
_PICKLE_START = re.compile(rb"\x80[\x02-\x05]")  # protocols 2 to 5; no text begins so
_ARCHIVE_STARTS = (b"PK\x03\x04", b"\x1f\x8b", b"\x78\x01", b"\x78\x9c", b"\x78\xda")


def read_labelled(source: Path | str | bytes, *, name: str, task: Task) -> list[Example]:
    """Read labelled texts: columns (or keys) `text` and `label`; others are ignored.

    Column names are matched whatever their case; white space around column names, labels and
    texts is dropped, everything within a text is kept exactly. A CSV's separator may be a comma,
    a semicolon or a tab. Encodings: UTF-8, UTF-16 with its mark, else Windows-1252 where that
    fits. At most 50 MB, 1,000 columns and 500,000 rows.

    Args:
        source: the file's path, or its content.
        name: the file's name, whose ending decides the format: .csv, .jsonl, .ndjson, .parquet.
        task: the task whose labels' names the file uses.

    Returns:
        One example a row, in the file's order; never empty.

    Raises:
        BadInput: the file or a row is refused. Rows are numbered as a spreadsheet does: in a CSV
            the header is row 1; in JSONL and Parquet the first record is row 1.
    """
    said = shown(Path(name).name)
    ending = Path(name).suffix.lower()
    if ending in _PICKLES:
        raise _pickled(said)
    if ending not in _READERS:
        raise BadInput(
            f"The file {said} is of an unknown kind.", "Give a .csv, .jsonl or .parquet file."
        )
    raw = source if isinstance(source, bytes) else _bytes_of(Path(source), said)
    _check_content(raw, said, ending)
    names = task.label_names
    examples: list[Example] = []
    characters = 0
    for row, text, label in _READERS[ending](raw, said):
        examples.append(_example(f"Row {row:,} of {said}", text, label, names))
        characters += len(examples[-1].text)
        if characters > MAX_BYTES:  # only Parquet can unpack to more than the file's size
            raise _too_large(said)
    if not examples:
        raise BadInput(f"The file {said} holds no rows.", "Give at least one labelled text.")
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


def _bytes_of(path: Path, said: str) -> bytes:
    try:
        if path.exists() and not path.is_file():  # a pipe or a device could be endless
            raise BadInput(f"{said} is not a plain file.", "Give a file.")
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or error
        raise BadInput(f"The file {said} can't be read ({reason}).", "Check its path.") from error


def _check_content(raw: bytes, said: str, ending: str) -> None:
    if len(raw) > MAX_BYTES:
        raise _too_large(said)
    if _PICKLE_START.match(raw):
        raise _pickled(said)
    if raw.startswith(_ARCHIVE_STARTS):  # also what joblib and torch wrap around a pickle
        raise BadInput(
            f"The file {said} is a compressed archive or a workbook, not {ending[1:].upper()}.",
            "Unpack it, or save the sheet as CSV UTF-8.",
        )
    if not raw.strip():
        raise BadInput(f"The file {said} is empty.", "Give at least one labelled text.")


def _example(where: str, text: Any, label: Any, names: Sequence[str]) -> Example:
    for what, value in (("text", text), ("label", label)):
        if value is None or (isinstance(value, str) and not value.strip()):
            raise BadInput(f"{where} has no {what}.", "Fill it in or remove the row.")
        if not isinstance(value, str):
            raise BadInput(
                f"{where} has a {what} that is no text but of type {type(value).__name__}.",
                "Give labels by name." if what == "label" else "Write it as a text.",
            )
    text, label = text.strip(), label.strip()
    reason = why_unstorable(text)
    if reason is not None:
        raise BadInput(f"{where}: the text {reason}.", "Mend or remove the row.")
    if label not in names:
        more = f" and {len(names) - 20} more" if len(names) > 20 else ""
        raise BadInput(
            f"{where} has the label '{shown(label)}', which the task lacks.",
            f"Its labels are {', '.join(names[:20])}{more}.",
        )
    return Example(text, label)


def _too_large(said: str) -> BadInput:
    return BadInput(
        f"The file {said} holds over {MAX_BYTES // 10**6} MB.", "Split it or draw from it."
    )


def _pickled(said: str) -> BadInput:
    return BadInput(
        f"The file {said} is a Python pickle, which could run any program; it was not opened.",
        "Save the texts as CSV, JSONL or Parquet.",
    )
