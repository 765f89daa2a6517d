"""Dataclasses as JSON data and back."""

import json
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.serialization import from_json, to_json


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
