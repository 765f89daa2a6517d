from itertools import product
from typing import Any

import pandas as pd

from core.analysis.frontier import extreme_conditions, short_names
from tests.analysis.made_results import results


def grid(**axes: list[Any]) -> pd.DataFrame:
    """Conditions named by their values, in an order of no meaning."""
    rows = [
        {**dict(zip(axes, values, strict=True)), "condition": "/".join(map(str, values))}
        for values in product(*axes.values())
    ]
    return results(rows[::-1])


def test_few_are_all_there_by_their_knobs() -> None:
    points = grid(temperature=[0.3, 1.3], suppression=[0.0, 7.5])
    assert extreme_conditions(points, most=4) == ["0.3/0.0", "1.3/0.0", "0.3/7.5", "1.3/7.5"]


def test_of_many_those_at_the_ends_of_every_knob() -> None:
    points = grid(temperature=[0.3, 0.7, 0.9, 1.3], suppression=[0.0, 2.0, 7.5])
    assert extreme_conditions(points, most=11) == ["0.3/0.0", "1.3/0.0", "0.3/7.5", "1.3/7.5"]
    assert len(extreme_conditions(points, most=12)) == 12


def test_of_too_many_ends_some_at_even_steps() -> None:
    points = grid(model=["a", "b", "c", "d"], temperature=[0.3, 0.7, 1.3])
    assert extreme_conditions(points, most=4) == ["a/0.3", "b/0.3", "c/0.3", "d/0.3"]
    assert extreme_conditions(points, most=8) == [f"{m}/{t}" for m in "abcd" for t in (0.3, 1.3)]


def test_stages_of_repair_count_once() -> None:
    points = results(
        [{"condition": "x", "inspected": inspected} for inspected in ("0", "90", "all")]
    )
    assert extreme_conditions(points, most=16) == ["x"]
    assert extreme_conditions(points.iloc[:0], most=16) == []


def test_names_tell_what_varies() -> None:
    points = grid(temperature=[0.3, 1.3], seeding=[0.0, 18.0])
    assert short_names(points) == {
        "0.3/0.0": "T 0.3 · unseeded",
        "1.3/0.0": "T 1.3 · unseeded",
        "0.3/18.0": "T 0.3 · 18 examples",
        "1.3/18.0": "T 1.3 · 18 examples",
    }
    assert list(short_names(grid(model=["m", "n"])).values()) == ["T 0.7 · m", "T 0.7 · n"]


def test_two_of_one_name_are_told_apart() -> None:
    points = results([{"condition": "x"}, {"condition": "y"}])
    assert list(short_names(points).values()) == ["T 0.7", "T 0.7 (2)"]
