"""Samples and tables as files: exactly the given rows in their order, CSV, JSONL or Parquet."""

import csv
import io
import json
import os
import re
import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from core.domain.errors import BadInput, WidesetError
from core.domain.runs import Sample

ExportFormat = Literal["csv", "jsonl", "parquet"]

_FORMATS: dict[str, ExportFormat] = {".csv": "csv", ".jsonl": "jsonl", ".parquet": "parquet"}
_WHOLE = ("cycle", "index", "order", "tokens")
_FRACTIONS = ("fluency", "seconds")
COLUMNS = (
    "id",
    "text",
    "label",
    "cycle",
    "index",
    "order",
    "outcome",
    "finish_reason",
    "fluency",
    "duplicate_of",
    "tokens",
    "seconds",
    "run_id",
    "stripped",
)
"""The columns of every format, in this order; `tokens` counts the tokens drawn, the rest are
`Sample`'s own."""

# What a spreadsheet may take for a formula: = + - @ and their full-width forms, also behind white
# space, and whatever starts with a tab or a line end (OWASP, "CSV Injection"). Apostrophes before
# it belong to the pattern so that taking the guard off again gives every text back exactly.
_RISKY = re.compile("'*(?:\\s*[=+\\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n])")


def format_of(path: Path | str) -> ExportFormat:
    """The format that a file's ending stands for.

    Raises:
        BadInput: it is none of .csv, .jsonl and .parquet.
    """
    ending = Path(path).suffix.lower()
    if ending not in _FORMATS:
        raise BadInput(
            f"The export file '{Path(path).name}' does not end in a format's name.",
            "End it in .csv, .jsonl or .parquet.",
        )
    return _FORMATS[ending]


def export_samples(samples: Iterable[Sample], *, format: ExportFormat) -> bytes:
    """The content of an export file: a row for each sample, with the columns `COLUMNS`.

    - `jsonl`: UTF-8, one object a line, values exact; what is unknown is null.
    - `parquet`: values exact; texts as strings, counts as int64, fluency and seconds as float64.
    - `csv`: for spreadsheets. UTF-8 with a byte order mark, so that Excel reads it; lines end in
      CR LF; what is unknown is an empty cell. A text that a spreadsheet might run as a formula
      gets an apostrophe in front (`guarded_cell`), so use another format to get texts exactly.

    Samples hold valid Unicode only; the store sees to that.
    """
    rows = [_row(sample) for sample in samples]
    return export_table(rows, columns=COLUMNS, format=format, whole=_WHOLE, fractions=_FRACTIONS)


def export_table(
    rows: Sequence[Mapping[str, object]],
    *,
    columns: Sequence[str],
    format: ExportFormat,
    whole: Collection[str] = (),
    fractions: Collection[str] = (),
) -> bytes:
    """The content of a file with a row for each mapping, in the way of `export_samples`.

    Args:
        rows: values by column; what is missing or None is unknown.
        columns: which to write, in this order.
        format: the file's.
        whole: columns that Parquet holds as int64; named so that an empty one has its type, too.
        fractions: columns that Parquet holds as float64. All others: text if a value is one, else
            what their values are.
    """
    rows = [{column: row.get(column) for column in columns} for row in rows]
    if format == "parquet":
        return _parquet(rows, columns, whole, fractions)
    if format == "jsonl":
        lines = (json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows)
        return "".join(lines).encode("utf-8")
    sheet = io.StringIO(newline="")
    writer = csv.writer(sheet, lineterminator="\r\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow(
            guarded_cell(cell) if isinstance(cell, str) else cell for cell in row.values()
        )
    return sheet.getvalue().encode("utf-8-sig")


def guarded_cell(text: str) -> str:
    """A text as a CSV cell that no spreadsheet runs: risky ones get a leading apostrophe.

    Risky is what starts with = + - @ (behind any white space or apostrophes) or with a tab or a
    line end. `unguarded_cell` is the exact inverse.
    """
    return f"'{text}" if _RISKY.match(text) else text


def unguarded_cell(cell: str) -> str:
    """The text that `guarded_cell` made the cell from."""
    return cell[1:] if cell.startswith("'") and _RISKY.match(cell, 1) else cell


def check_export(path: Path | str) -> ExportFormat:
    """See that an export can be written there, and leave nothing behind.

    Returns:
        The format that the file will have.

    Raises:
        BadInput: the ending is unknown, the folder is missing or can't be written to, or the
            path is something other than a file.
    """
    format = format_of(path)
    partial = _partial(Path(path))
    try:
        partial.touch(exist_ok=False)
        partial.unlink()
    except OSError as error:
        raise _unwritable(Path(path), error) from error
    return format


def write_export(path: Path | str, samples: Iterable[Sample]) -> None:
    """Write an export in the format of the path's ending, whole or not at all (`write_whole`).

    Raises:
        BadInput: as `check_export`.
        WidesetError: the disk is full or failed.
    """
    write_whole(path, export_samples(samples, format=format_of(path)))


def write_whole(path: Path | str, content: bytes) -> None:
    """Write a file whole or not at all.

    An existing file is replaced in one step once the new one is safe on the disk; a symbolic link
    stays one. A reader never sees half an export.

    Raises:
        BadInput: the folder is missing or can't be written to, or the path is no file.
        WidesetError: the disk is full or failed.
    """
    target = _target(Path(path))
    partial = _partial(Path(path))
    try:
        with partial.open("xb") as file:
            try:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            except OSError as error:
                raise WidesetError(
                    f"The export {path} can't be written ({error.strerror}).",
                    "Free some space or choose another disk.",
                ) from error
        partial.replace(target)
    except OSError as error:
        raise _unwritable(Path(path), error) from error
    finally:
        partial.unlink(missing_ok=True)


def _row(sample: Sample) -> dict[str, object]:
    values = {column: getattr(sample, column) for column in COLUMNS if column != "tokens"}
    values["tokens"] = len(sample.token_ids)
    return {column: values[column] for column in COLUMNS}


def _parquet(
    rows: Sequence[Mapping[str, object]],
    columns: Sequence[str],
    whole: Collection[str],
    fractions: Collection[str],
) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    def kind(column: str) -> Any:
        if column in whole:
            return pa.int64()
        if column in fractions:
            return pa.float64()
        known = {type(row[column]) for row in rows} - {type(None)}
        if known <= {bool} and known:
            return pa.bool_()
        if known <= {int} and known:
            return pa.int64()
        return pa.float64() if known and known <= {int, float} else pa.string()

    schema = pa.schema([(column, kind(column)) for column in columns])
    buffer = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist([dict(row) for row in rows], schema=schema), buffer)
    return buffer.getvalue()


def _target(path: Path) -> Path:
    """The file that a path means, behind symbolic links.

    Raises:
        BadInput: it is, or goes through, something that can't be written as a file.
    """
    try:
        target = path.expanduser().resolve()
        if target.exists() and not target.is_file():
            raise BadInput(f"The export path '{path}' is no file.", "Give a file's name.")
        if not target.parent.is_dir():
            raise BadInput(
                f"The folder {target.parent} of the export does not exist.", "Create it first."
            )
        if target.exists() and not os.access(target, os.W_OK):
            raise BadInput(f"The export file {path} is write-protected.", "Choose another name.")
    except (OSError, ValueError, RuntimeError) as error:  # a NUL; a loop of links; no home
        raise _unwritable(path, error) from error
    return target


def _partial(path: Path) -> Path:
    # In the same folder, since replacing is atomic only within one file system; short, since the
    # name proper may be as long as names can be.
    return _target(path).parent / f".wideset-{secrets.token_hex(8)}.part"


def _unwritable(path: Path, error: Exception) -> BadInput:
    reason = getattr(error, "strerror", None) or error
    return BadInput(
        f"The export {str(path)!r} can't be written ({reason}).",
        "Choose a folder that you can write to.",
    )
