"""The content of a file that a person brings, before anything is read from it.

Sizes are bounded before memory is spent; whatever could run code when opened (pickle, joblib) is
refused unopened.
"""

import re
from pathlib import Path

from core.errors import BadInput
from core.files.rows import shown

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
    said = shown(Path(name).name)
    ending = Path(name).suffix.lower()
    if ending in _PICKLES:
        raise _pickled(said)
    if ending not in ENDINGS:
        raise BadInput(
            f"The file {said} is of an unknown kind.", "Give a .csv, .jsonl or .parquet file."
        )
    raw = source if isinstance(source, bytes) else _bytes_of(Path(source), said)
    _check_content(raw, said, ending)
    return raw, said, ending


def too_large(said: str) -> BadInput:
    """The refusal of a file over 50 MB."""
    return BadInput(
        f"The file {said} holds over {MAX_BYTES // 10**6} MB.", "Split it or draw from it."
    )


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
        raise too_large(said)
    if _PICKLE_START.match(raw):
        raise _pickled(said)
    if raw.startswith(_ARCHIVE_STARTS):  # also what joblib and torch wrap around a pickle
        raise BadInput(
            f"The file {said} is a compressed archive or a workbook, not {ending[1:].upper()}.",
            "Unpack it, or save the sheet as CSV UTF-8.",
        )
    if not raw.strip():
        raise BadInput(f"The file {said} is empty.", "Give at least one labelled text.")


def _pickled(said: str) -> BadInput:
    return BadInput(
        f"The file {said} is a Python pickle, which could run any program; it was not opened.",
        "Save the texts as CSV, JSONL or Parquet.",
    )
