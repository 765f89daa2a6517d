import math

import pytest

from core.figures.compare.line_panels import (
    LineStyle,
    joined,
    series_of,
    series_range,
    series_trace,
)
from tests.figures.compare.result_points import points

ROWS = (
    {
        "temperature": 1.3,
        "seeding": 0,
        "diversity": 0.4,
        "diversity_low": 0.3,
        "diversity_high": 0.6,
    },
    {"temperature": 0.3, "seeding": 0, "diversity": 0.2},
    {"temperature": 0.3, "seeding": 18, "diversity": 0.3},
    {"temperature": 0.3, "seeding": 18, "diversity": 0.5},
    {"temperature": 0.3, "seeding": math.nan, "diversity": 0.7},
    {"temperature": 0.9, "seeding": math.nan, "diversity": 0.7},
    {"temperature": math.nan, "seeding": 0, "diversity": 0.9},
    {"temperature": 0.7, "seeding": 0},
)


STYLE = LineStyle("a", "#0072B2")


def test_groups_in_order_with_means_and_the_keys_of_single_points() -> None:
    none, seeded, unknown = series_of(
        points(*ROWS), at="temperature", by=["seeding"], metric="diversity"
    )
    assert (none.group, none.at, none.value) == ((0.0,), (0.3, 1.3), (0.2, 0.4))
    assert none.points == ("c1|0|0", "c0|0|0")
    assert (none.low[1], none.high[1]) == (0.3, 0.6)
    assert (seeded.at, seeded.value, seeded.points) == ((0.3,), (0.4,), ("",))
    assert math.isnan(seeded.low[0])
    assert (unknown.group, unknown.at) == ((None,), (0.3, 0.9))


def test_whiskers_of_a_line_and_none_of_the_papers() -> None:
    first, *_ = series_of(points(*ROWS), at="temperature", by=["seeding"], metric="diversity")
    trace = series_trace(first, STYLE)
    assert trace["error_y"]["array"] == pytest.approx([0, 0.2])
    assert trace["error_y"]["arrayminus"] == pytest.approx([0, 0.1])
    paper = series_trace(first, STYLE, paper=True, intervals=False)
    assert "error_y" not in paper
    assert paper["line"] == {"color": "rgba(0, 114, 178, 0.6)", "width": 1.4, "dash": "dash"}


def test_many_lines_as_one_have_gaps() -> None:
    all_of = series_of(points(*ROWS), at="temperature", by=["seeding"], metric="diversity")
    one = joined(all_of, group=("each",))
    assert [x for x in one.at if x == x] == [0.3, 1.3, 0.3, 0.3, 0.9]
    assert [place for place, x in enumerate(one.at) if x != x] == [2, 4, 7]
    assert one.points[2] == ""


def test_a_range_holds_values_and_a_change_of_nothing() -> None:
    first, *_ = series_of(points(*ROWS), at="temperature", by=["seeding"], metric="diversity")
    low, high = series_range([first])
    assert low < 0.2
    assert high > 0.6
    change = first.minus(0.4, "diversity", "x")
    assert change.value == pytest.approx((-0.2, 0.0))
    low, high = series_range([change], relative=True)
    assert low < -0.2
    assert high > 0
