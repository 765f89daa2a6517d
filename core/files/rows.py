"""The rows of a file whose content nobody vouches for: CSV, JSONL or Parquet.

Each reader yields `(row number, text, label)` with the values of two columns as they stand in the
file (None where there is none), holds little more than the file and one row in memory, and raises
BadInput with the row number at the first thing that it can't read for certain. Columns are found
whatever their case and the white space around them.
"""

import codecs
import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from core.domain.errors import BadInput

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


MAX_TEXT_BYTES = 200_000_000  # that the two columns may unpack to
MAX_FOOTER = 5_000_000  # bytes of metadata: 1,000 columns need far less, a million more


def parquet_columns(raw: bytes, name: str) -> list[str]:
    """The names of a Parquet file's columns."""
    import pyarrow as pa

    try:
        return list(_opened(raw, name).schema_arrow.names)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _damaged(name) from error


def parquet_rows(raw: bytes, name: str, columns: Columns) -> Iterator[Row]:
    """The rows of a Parquet file, of which only the two columns are read.

    Labels that a Hugging Face dataset keeps as numbers (a ClassLabel) come by the names that its
    file gives them; -1, which stands for no label there, as None.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        file = _opened(raw, name)
        check_rows(file.metadata.num_rows, name)
        schema = file.schema_arrow
        fields = [schema.field(place) for place in places(schema.names, name, columns)]
        if any(pa.types.is_nested(field.type) for field in fields):
            raise BadInput(
                f"The columns {columns[0]} and {columns[1]} of {name} are no texts.",
                "Flatten them.",
            )
        chosen = [field.name for field in fields]
        unpacked = sum(
            group.column(place).total_uncompressed_size
            for group in map(file.metadata.row_group, range(file.metadata.num_row_groups))
            for place in range(group.num_columns)
            if group.column(place).path_in_schema in chosen
        )
        if unpacked > MAX_TEXT_BYTES:
            raise BadInput(
                f"The texts in {name} unpack to over {MAX_TEXT_BYTES // 10**6} MB.",
                "Split the file.",
            )
        names = class_names(schema.metadata or {}, chosen[1])
        # Dictionaries stay packed: a long text that repeats would else be copied for each row.
        file = parquet.ParquetFile(pa.BufferReader(raw), read_dictionary=chosen)
        number = 0
        for batch in file.iter_batches(batch_size=1_000, columns=chosen):
            texts, labels = (_values(batch.column(column)) for column in chosen)
            for text, label in zip(texts, labels, strict=True):
                number += 1
                yield number, text, _named(label, names) if names else label
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _damaged(name) from error


def class_names(metadata: Mapping[bytes, bytes], column: str) -> Sequence[str]:
    """The names of a ClassLabel column's numbers from 0, as `datasets` writes them into a file.

    Args:
        metadata: of the Parquet schema; the key `huggingface` holds the dataset's features.
        column: the column's exact name.

    Returns:
        Nothing where the column is no ClassLabel.
    """
    try:
        metadata_json: Any = json.loads(metadata.get(b"huggingface", b"null"))
        feature = metadata_json["info"]["features"][column]
        names = feature["names"] if feature["_type"] == "ClassLabel" else ()
    except (ValueError, RecursionError, LookupError, TypeError):
        return ()
    known = isinstance(names, list) and all(isinstance(name, str) for name in names)
    return tuple(names) if known else ()


def _named(label: Any, names: Sequence[str]) -> Any:
    if not isinstance(label, int) or isinstance(label, bool):
        return label
    if label == -1:
        return None
    return names[label] if 0 <= label < len(names) else label


def _opened(raw: bytes, name: str) -> Any:
    import pyarrow as pa
    from pyarrow import parquet

    if len(raw) < 12 or raw[:4] != b"PAR1" or raw[-4:] != b"PAR1":
        raise BadInput(f"The file {name} is not a Parquet file.", "Save it again.")
    if int.from_bytes(raw[-8:-4], "little") > MAX_FOOTER:
        raise BadInput(
            f"The description of columns in {name} is over {MAX_FOOTER // 10**6} MB.",
            "Give a file of at most 1,000 columns.",
        )
    file = parquet.ParquetFile(pa.BufferReader(raw))
    check_columns(file.metadata.num_columns, name)
    return file


def _values(column: Any) -> list[Any]:
    """A column's values, equal ones of a dictionary as one object."""
    import pyarrow as pa

    if not isinstance(column, pa.DictionaryArray):
        return list(column.to_pylist())
    values = column.dictionary.to_pylist()
    return [None if place is None else values[place] for place in column.indices.to_pylist()]


def _damaged(name: str) -> BadInput:
    return BadInput(f"The file {name} is a damaged Parquet file.", "Save it again.")


_UTF8_CHARACTER = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
)
_NO_TEXT = re.compile(rb"[\0-\x08\x0e-\x1f]")


def lines_of(raw: bytes, name: str, *, newline: str, piece: int) -> Iterator[str]:
    """A file's lines with their ends, decoded as they are read.

    Args:
        raw: the file's content.
        name: how a message names the file.
        newline: what ends a line, as `io.TextIOWrapper` takes it.
        piece: a longer line (in characters) comes in pieces of that length.

    Raises:
        BadInput: the encoding can't be determined.
    """
    encoding = encoding_of(raw, name)
    # A lone surrogate passes here, so that it is refused later with the number of its row.
    errors = "strict" if encoding == "cp1252" else "surrogatepass"
    stream = io.TextIOWrapper(io.BytesIO(raw), encoding, errors, newline)
    while line := stream.readline(piece):
        yield line


def encoding_of(raw: bytes, name: str) -> str:
    """The encoding as `codecs` names it: utf-16, utf-8-sig or cp1252.

    By its mark, else UTF-8, else Windows-1252 where all bytes fit it and most of those beyond
    ASCII are not UTF-8 (damaged UTF-8 would fit it too, and turn into nonsense).

    Raises:
        BadInput: none of them for certain.
    """
    if raw.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)) or (
        b"\0" in raw[:4] and not raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    ):
        raise BadInput(
            f"The file {name} is in UTF-32, in UTF-16 without a mark, or no text at all.",
            "Save it as UTF-8.",
        )
    marked = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    first = "utf-16" if marked else "utf-8-sig"
    bad = _first_undecodable(raw, first)
    if bad is None:
        return first
    line = raw[:bad].decode("utf-16" if marked else "latin-1", "ignore").count("\n") + 1
    if not marked and _first_undecodable(raw, "cp1252") is None:
        characters = sum(1 for _ in _UTF8_CHARACTER.finditer(raw))
        stray = sum(1 for byte in _UTF8_CHARACTER.sub(b"", raw) if byte > 127)
        if stray > characters and not _NO_TEXT.search(raw):
            return "cp1252"
    raise BadInput(
        f"The file {name} is damaged: line {line:,} is neither UTF-8 nor another encoding "
        "that can be told for certain.",
        "Save it as UTF-8.",
    )


def _first_undecodable(raw: bytes, encoding: str) -> int | None:
    """The place of the first byte that doesn't decode, to a few bytes; None if all do."""
    errors = "strict" if encoding == "cp1252" else "surrogatepass"
    decoder: Callable[..., str] = codecs.getincrementaldecoder(encoding)(errors).decode
    view = memoryview(raw)
    for start in range(0, len(raw) + 1, 1 << 16):
        try:
            decoder(bytes(view[start : start + (1 << 16)]), start + (1 << 16) > len(raw))
        except UnicodeDecodeError as error:
            return start + error.start
    return None
