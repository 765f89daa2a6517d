"""The rows of a Parquet file whose content nobody vouches for; see `rows`."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from core.domain.errors import BadInput
from core.files.rows import Columns, Row, check_columns, check_rows, places

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
