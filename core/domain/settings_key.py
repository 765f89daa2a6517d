"""Settings key: a short hash by which equal settings are recognised, in any version of Wideset.

Work that is finished is found again by the key of its settings, never by their JSON text: a field
that is added later with a default must not make old work look new. So a field that has its default
is left out of what is hashed.

Two changes need a migration that computes the stored keys anew: another default for a field, and
another name for one (tests/domain/test_settings_key.py pins both).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import lru_cache
from typing import Any, Protocol, runtime_checkable

from core.domain.serialization import to_json

LENGTH = 24
"""Hexadecimal digits of a key: 96 bits."""

_EXACT = 2**53  # below it, a float holds every whole number


@runtime_checkable
class Settings(Protocol):
    """A dataclass of settings that is stored as JSON."""

    def to_dict(self) -> Mapping[str, object]:
        """All its fields, JSON-ready."""


def settings_key(data: object) -> str:
    """The key of settings, 24 hexadecimal digits.

    Args:
        data: dataclasses, mappings, lists, tuples, strings, numbers, booleans and None, nested in
            each other; what `canonical` gives has the key of what it was made of.

    Raises:
        ValueError: a number is NaN or infinite.
        TypeError: it holds something else.
    """
    text = json.dumps(canonical(data), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.blake2b(text.encode(), digest_size=LENGTH // 2).hexdigest()


def canonical(value: object) -> Any:
    """Settings in the form that is hashed, JSON-ready.

    A dataclass becomes the dict of its fields that differ from their defaults, whatever its class.
    A float that is a whole number becomes an int, so that 1.0 and 1 are equal. A mapping keeps all
    its keys, unless it stands in a field with `metadata={"settings": reader}`, where the reader
    makes a dataclass of it.
    """
    if is_dataclass(value) and not isinstance(value, type):
        form = {}
        for name, reader, default in _fields(type(value)):
            field_form = _field_form(getattr(value, name), reader)
            if not _same(field_form, default):
                form[name] = field_form
        return form
    if isinstance(value, Mapping):
        return {str(key): canonical(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [canonical(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return int(value)
    return value


def stored_form(value: Settings | Mapping[str, object]) -> dict[str, object]:
    """Settings as they are stored, JSON-ready: with all their fields.

    Args:
        value: settings, or a mapping whose values may be settings.
    """
    if isinstance(value, Settings):
        return dict(value.to_dict())
    return {
        key: item.to_dict() if isinstance(item, Settings) else to_json(item)
        for key, item in value.items()
    }


def _field_form(value: object, reader: Any) -> Any:
    return canonical(reader(value) if reader is not None and isinstance(value, Mapping) else value)


def _same(form: object, default: object) -> bool:
    return form == default and type(form) is type(default)  # True is not 1


@lru_cache(maxsize=256)
def _fields(kind: Any) -> tuple[tuple[str, Any, object], ...]:
    """Name, reader of a mapping, and canonical default of each field."""
    rows: list[tuple[str, Any, object]] = []
    for field in fields(kind):
        reader = field.metadata.get("settings")
        default: object = _NO_DEFAULT
        if field.default is not MISSING:
            default = _field_form(field.default, reader)
        elif field.default_factory is not MISSING:
            default = _field_form(field.default_factory(), reader)
        rows.append((field.name, reader, default))
    return tuple(rows)


_NO_DEFAULT = object()  # equal to nothing else
