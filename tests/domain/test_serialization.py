"""Dataclasses as JSON data and back."""

import json
import time
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.serialization import from_json, parse_toml, to_json


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True, slots=True)
class Part:
    name: str
    size: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    parts: tuple[Part, ...]
    by_name: dict[str, Part]
    colour: Colour = Colour.RED
    first: Part | None = None


names = st.text(max_size=5)
parts = st.builds(Part, names, st.none() | st.floats(allow_nan=False, allow_infinity=False))
wholes = st.builds(
    Whole,
    parts=st.lists(parts, max_size=3).map(tuple),
    by_name=st.dictionaries(names, parts, max_size=3),
    first=st.none() | parts,
)


@given(wholes)
def test_a_value_survives_the_way_through_json(whole: Whole) -> None:
    text = json.dumps(to_json(whole), allow_nan=False)
    assert from_json(Whole, json.loads(text)) == whole


def test_numbers_of_numpy_and_nan_become_json() -> None:
    assert to_json((np.float32(0.5), np.int64(2), np.array([1, 2]), float("nan"))) == [
        0.5,
        2,
        [1, 2],
        None,
    ]


def test_unknown_fields_are_ignored_and_missing_ones_have_their_defaults() -> None:
    assert from_json(Part, {"name": "a", "weight": 3}) == Part("a")


def test_an_error_names_the_field() -> None:
    with pytest.raises(ValueError, match=r"parts\.0\.name"):
        from_json(Whole, {"parts": [{"size": 1}], "by_name": {}})


@pytest.mark.parametrize(
    "text",
    [
        f"{'a.' * 100_000}b = 1",
        f"[{'a . ' * 100_000}b]",
        f"x = {{ {'a.' * 100_000}b = 1 }}",
        f"x = {'[' * 100_000}",
    ],
)
def test_a_toml_text_nested_without_end_is_refused_at_once(text: str) -> None:
    start = time.monotonic()
    with pytest.raises(RecursionError):
        parse_toml(text)
    assert time.monotonic() - start < 5  # without the check, minutes


def test_toml_with_dots_in_its_values_is_read() -> None:
    text = f'a.b = "{"Hi. " * 200}"\nc = "{"w." * 200}"'
    assert parse_toml(text) == {"a": {"b": "Hi. " * 200}, "c": "w." * 200}
