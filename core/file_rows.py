"""The rows of a CSV, JSONL or Parquet file whose content nobody vouches for.

Each reader yields `(row number, text, label)` with the two values as they stand in the file (None
where there is none), holds little more than the file and one row in memory, and raises BadInput
with the row number at the first thing that it can't read for certain.
"""

import csv
import json
from collections.abc import Iterator, Sequence
from typing import Any

from core.encodings import lines_of
from core.errors import BadInput

MAX_COLUMNS = 1_000
MAX_ROWS = 500_000
MAX_RECORD = 2_000_000  # characters of one row; a text is 100,000 at most
MAX_PARQUET_TEXT = 200_000_000  # bytes that the two columns may unpack to
MAX_FOOTER = 5_000_000  # bytes of Parquet metadata: 1,000 columns need far less, a million more

Row = tuple[int, Any, Any]

_WANTED = ("text", "label")


def shown(value: str) -> str:
    """A name or value from outside as a message may show it: one line, at most 60 characters."""
    line = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in value)
    return line if len(line) <= 60 else line[:59] + "…"


def csv_rows(raw: bytes, name: str) -> Iterator[Row]:
    """The rows of a CSV file below its header; row 1 is the header, empty lines count.

    The separator is the first of comma, semicolon and tab with which the header names both
    columns. Quotes must be as RFC 4180 has them.
    """
    reading, record = 1, 0  # the row being read, and its characters so far

    def lines() -> Iterator[str]:
        nonlocal record
        for line in lines_of(raw, name, newline="", piece=MAX_RECORD + 1):
            record += len(line)
            if record > MAX_RECORD:
                raise _too_long(reading, name)
            yield line

    source = lines()
    first = next(source, "")
    header, separator = _header(first, name)
    text, label = (header.index(column) for column in _WANTED)
    reader = csv.reader(source, delimiter=separator, strict=True)
    reading, record = 2, 0
    try:
        for number, cells in enumerate(reader, start=2):
            _check_rows(number - 1, name)
            reading, record = number + 1, 0
            if not cells:
                continue
            if len(cells) != len(header):
                raise BadInput(
                    f"Row {number:,} of {name} has {len(cells):,} cells, but the header has "
                    f"{len(header):,}.",
                    "Put texts that hold the separator in double quotes.",
                )
            yield number, cells[text], cells[label]
    except csv.Error as error:
        raise BadInput(
            f"Row {reading:,} of {name} is not valid CSV ({error}).",
            "Look for a double quote that is not closed or not doubled.",
        ) from error


def jsonl_rows(raw: bytes, name: str) -> Iterator[Row]:
    """The rows of a JSONL file: one JSON object a line; empty lines count and are passed over."""
    number = 0
    for number, line in enumerate(lines_of(raw, name, newline="\n", piece=MAX_RECORD + 1), start=1):
        _check_rows(number, name)
        if len(line) > MAX_RECORD:
            raise _too_long(number, name)
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except (ValueError, RecursionError) as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else "out of bounds"
            raise BadInput(
                f"Row {number:,} of {name} is not valid JSON ({reason}).",
                "Write one JSON object on each line.",
            ) from error
        if not isinstance(values, dict):
            raise BadInput(
                f"Row {number:,} of {name} is not a JSON object.",
                'Write each line as {"text": "...", "label": "..."}.',
            )
        _check_columns(len(values), name)
        named = {key.strip().lower(): value for key, value in values.items()}
        for column in _WANTED:
            if column not in named:
                raise BadInput(
                    f"Row {number:,} of {name} has no '{column}'.",
                    'Write each line as {"text": "...", "label": "..."}.',
                )
        yield number, named["text"], named["label"]


def parquet_rows(raw: bytes, name: str) -> Iterator[Row]:
    """The rows of a Parquet file, of which only the columns text and label are read."""
    import pyarrow as pa
    from pyarrow import parquet

    if len(raw) < 12 or raw[:4] != b"PAR1" or raw[-4:] != b"PAR1":
        raise BadInput(f"The file {name} is not a Parquet file.", "Save it again.")
    if int.from_bytes(raw[-8:-4], "little") > MAX_FOOTER:
        raise BadInput(
            f"The description of columns in {name} is over {MAX_FOOTER // 10**6} MB.",
            f"Give a file of at most {MAX_COLUMNS:,} columns.",
        )
    try:
        file = parquet.ParquetFile(pa.BufferReader(raw))
        _check_columns(file.metadata.num_columns, name)
        _check_rows(file.metadata.num_rows, name)
        header = [column.strip().lower() for column in file.schema_arrow.names]
        _check_header(header, name)
        fields = [file.schema_arrow.field(header.index(column)) for column in _WANTED]
        if any(pa.types.is_nested(field.type) for field in fields):
            raise BadInput(f"The columns text and label of {name} are no texts.", "Flatten them.")
        columns = [field.name for field in fields]
        unpacked = sum(
            group.column(place).total_uncompressed_size
            for group in map(file.metadata.row_group, range(file.metadata.num_row_groups))
            for place in range(group.num_columns)
            if group.column(place).path_in_schema in columns
        )
        if unpacked > MAX_PARQUET_TEXT:
            raise BadInput(
                f"The texts in {name} unpack to over {MAX_PARQUET_TEXT // 10**6} MB.",
                "Split the file.",
            )
        # Dictionaries stay packed: a long text that repeats would else be copied for each row.
        file = parquet.ParquetFile(pa.BufferReader(raw), read_dictionary=columns)
        number = 0
        for batch in file.iter_batches(batch_size=1_000, columns=columns):
            texts, labels = (_values(batch.column(column)) for column in columns)
            for text, label in zip(texts, labels, strict=True):
                number += 1
                yield number, text, label
    except (pa.ArrowException, OSError, ValueError) as error:
        raise BadInput(f"The file {name} is a damaged Parquet file.", "Save it again.") from error


def _values(column: Any) -> list[Any]:
    """A column's values, equal ones of a dictionary as one object."""
    import pyarrow as pa

    if not isinstance(column, pa.DictionaryArray):
        return list(column.to_pylist())
    values = column.dictionary.to_pylist()
    return [None if place is None else values[place] for place in column.indices.to_pylist()]


def _header(line: str, name: str) -> tuple[list[str], str]:
    found: list[str] = []
    for separator in ",;\t":
        _check_columns(line.count(separator) + 1, name)
        try:
            cells = next(csv.reader([line], delimiter=separator), [])
        except csv.Error:
            cells = []
        header = [cell.strip().lower() for cell in cells]
        if all(column in header for column in _WANTED):
            found = header
            break
    else:
        separator = ","
    _check_header(found or [cell.strip() for cell in line.split(",")], name)
    return found, separator


def _check_header(header: Sequence[str], name: str) -> None:
    for column in _WANTED:
        if header.count(column) != 1:
            has = "no column" if column not in header else "more than one column"
            listed = ", ".join(shown(cell) for cell in header[:10])
            raise BadInput(
                f"The file {name} has {has} '{column}'; its columns are: {listed}.",
                "Name one column text and one label.",
            )


def _check_columns(count: int, name: str) -> None:
    if count > MAX_COLUMNS:
        raise BadInput(
            f"The file {name} has over {MAX_COLUMNS:,} columns.",
            "Keep the columns text and label.",
        )


def _check_rows(count: int, name: str) -> None:
    if count > MAX_ROWS:
        raise BadInput(f"The file {name} has over {MAX_ROWS:,} rows.", "Split it or draw from it.")


def _too_long(number: int, name: str) -> BadInput:
    return BadInput(
        f"Row {number:,} of {name} is over {MAX_RECORD:,} characters long.",
        "Look for a double quote that is not closed.",
    )
