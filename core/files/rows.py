"""The rows of a CSV or JSONL file whose content nobody vouches for (Parquet: `parquet`).

Each reader yields `(row number, text, label)` with the values of two columns as they stand in the
file (None where there is none), holds little more than the file and one row in memory, and raises
BadInput with the row number at the first thing that it can't read for certain. Columns are found
whatever their case and the white space around them.
"""

import csv
import json
from collections.abc import Iterator, Sequence
from typing import Any

from core.domain.errors import BadInput
from core.files.encodings import lines_of

MAX_COLUMNS = 1_000
MAX_ROWS = 500_000
MAX_RECORD = 2_000_000  # characters of one row; a text is 100,000 at most

Row = tuple[int, Any, Any]
Columns = tuple[str, str]
"""The names of the columns with the texts and with the labels."""

_SEPARATORS = ",;\t"


def shown(value: str) -> str:
    """A name or value from outside as a message may show it: one line, at most 60 characters."""
    line = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in value)
    return line if len(line) <= 60 else line[:59] + "…"


def plain_name(column: str) -> str:
    """What two columns' names are compared by."""
    return column.strip().lower()


def csv_columns(raw: bytes, name: str) -> list[str]:
    """The header of a CSV file, with the separator that makes most of it (a comma among equals)."""
    line = next(lines_of(raw, name, newline="", piece=MAX_RECORD + 1), "")
    if len(line) > MAX_RECORD:
        raise _too_long(1, name)
    columns: list[str] = []
    for separator in _SEPARATORS:
        header = _cells(line, separator, name)
        if len(header) > len(columns):
            columns = header
    return columns


def csv_rows(raw: bytes, name: str, columns: Columns) -> Iterator[Row]:
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
    header, separator = _header(first, name, columns)
    text, label = places(header, name, columns)
    reader = csv.reader(source, delimiter=separator, strict=True)
    reading, record = 2, 0
    try:
        for number, cells in enumerate(reader, start=2):
            check_rows(number - 1, name)
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


def jsonl_columns(raw: bytes, name: str) -> list[str]:
    """The keys of a JSONL file's first object."""
    for _, values in _objects(raw, name, '{"text": "...", "label": "..."}'):
        return list(values)
    return []


def jsonl_rows(raw: bytes, name: str, columns: Columns) -> Iterator[Row]:
    """The rows of a JSONL file: one JSON object a line; empty lines count and are passed over."""
    text, label = map(plain_name, columns)
    form = f'{{"{shown(text)}": "...", "{shown(label)}": "..."}}'
    for number, values in _objects(raw, name, form):
        named = {plain_name(key): value for key, value in values.items()}
        for column in (text, label):
            if column not in named:
                raise BadInput(
                    f"Row {number:,} of {name} has no '{shown(column)}'.",
                    f"Write each line as {form}.",
                )
        yield number, named[text], named[label]


def places(header: Sequence[str], name: str, columns: Columns) -> tuple[int, int]:
    """Where the two columns stand in a header, counted from 0.

    Raises:
        BadInput: one is missing or stands there more than once.
    """
    names = [plain_name(cell) for cell in header]
    text, label = map(plain_name, columns)
    for column in (text, label):
        if names.count(column) != 1:
            has = "no column" if column not in names else "more than one column"
            listed = ", ".join(shown(cell) for cell in header[:10])
            raise BadInput(
                f"The file {name} has {has} '{shown(column)}'; its columns are: {listed}.",
                f"Name one column {shown(text)} and one {shown(label)}.",
            )
    return names.index(text), names.index(label)


def check_columns(count: int, name: str) -> None:
    """Refuse over `MAX_COLUMNS` columns."""
    if count > MAX_COLUMNS:
        raise BadInput(
            f"The file {name} has over {MAX_COLUMNS:,} columns.",
            "Keep the columns text and label.",
        )


def check_rows(count: int, name: str) -> None:
    """Refuse over `MAX_ROWS` rows."""
    if count > MAX_ROWS:
        raise BadInput(f"The file {name} has over {MAX_ROWS:,} rows.", "Split it or draw from it.")


def _objects(raw: bytes, name: str, form: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """A JSONL file's objects with their rows; `form` is what a message says to write."""
    lines = lines_of(raw, name, newline="\n", piece=MAX_RECORD + 1)
    for number, line in enumerate(lines, start=1):
        check_rows(number, name)
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
                f"Row {number:,} of {name} is not a JSON object.", f"Write each line as {form}."
            )
        check_columns(len(values), name)
        yield number, values


def _header(line: str, name: str, columns: Columns) -> tuple[list[str], str]:
    wanted = set(map(plain_name, columns))
    for separator in _SEPARATORS:
        header = _cells(line, separator, name)
        if wanted <= {plain_name(cell) for cell in header}:
            return header, separator
    return [cell.strip() for cell in line.split(",")], ","  # for the message alone


def _cells(line: str, separator: str, name: str) -> list[str]:
    """A header's cells, none where its quotes are wrong."""
    check_columns(line.count(separator) + 1, name)
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=separator), [])]
    except csv.Error:
        return []


def _too_long(number: int, name: str) -> BadInput:
    return BadInput(
        f"Row {number:,} of {name} is over {MAX_RECORD:,} characters long.",
        "Look for a double quote that is not closed.",
    )
