"""Dataclasses as JSON data and back: what the store, a job and a file keep of them; and TOML."""

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

if TYPE_CHECKING:
    from pydantic import TypeAdapter

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
"""What the json module reads: a value that nobody vouches for the shape of."""

T = TypeVar("T")
_ADAPTERS: "dict[type, TypeAdapter[Any]]" = {}


def to_json(value: object) -> Any:
    """JSON data that `from_json` reads back.

    A dataclass becomes a dict of its fields, a tuple, set or array a list, an enum its value, a
    NumPy number a Python one. NaN becomes None: such a field is annotated `float | None`.
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict):
        return {str(to_json(key)): to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [to_json(item) for item in value]
    if isinstance(value, float):
        return None if value != value else float(value)
    if hasattr(value, "tolist"):
        return to_json(value.tolist())
    return value


def from_json(cls: type[T], data: object) -> T:
    """The value that JSON data describes, by the annotations of its dataclass.

    Lists become the tuples or sets that are annotated; fields that the data lacks have their
    defaults, and those that the class lacks are ignored: data of older and newer versions is read.

    Raises:
        ValueError: the data has another shape; its message names the field.
    """
    value: T = _adapter(cls).validate_python(data)
    return value


def parse_json(text: str) -> Json:
    """What a text says as JSON; None where it is none."""
    try:
        data: Json = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return data


def value_at(data: Json, *path: str | int) -> Json:
    """The value below these keys and positions; None where the data has no such place."""
    for step in path:
        if isinstance(step, str):
            data = data.get(step) if isinstance(data, Mapping) else None
        else:
            data = data[step] if isinstance(data, list) and step < len(data) else None
    return data


def _adapter(cls: type) -> "TypeAdapter[Any]":
    if cls not in _ADAPTERS:
        from pydantic import TypeAdapter

        _ADAPTERS[cls] = TypeAdapter(cls)
    return _ADAPTERS[cls]


# A key of so many parts that reading it, which takes the square of their number, would not end.
_DEEP_KEY = re.compile(r"(?:^|[\[{,])\s*(?:[\w\"'-]+[ \t]*\.[ \t]*){50}", re.MULTILINE)


def parse_toml(text: str) -> dict[str, Any]:
    """The data of a TOML text.

    Raises:
        ValueError: it is not TOML (`tomllib.TOMLDecodeError`, mostly).
        RecursionError: it is nested too deeply.
    """
    if _DEEP_KEY.search(text):
        raise RecursionError("a key has over 50 parts")
    return tomllib.loads(text)
