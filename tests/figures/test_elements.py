import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.figures.elements import PanelGrid, mark_names, padded_range, spread_apart


def test_panels_fill_rows_and_keep_apart() -> None:
    facets = PanelGrid(2, 2, panel=180, head=26, foot=30, gap=0.1)
    assert facets.height == 472
    across, up = facets.domains(0)
    assert across == pytest.approx([0, 0.45])
    assert up == pytest.approx([1 - 206 / 472, 1 - 26 / 472])
    across, up = facets.domains(3)
    assert across == pytest.approx([0.55, 1])
    assert up == pytest.approx([30 / 472, 210 / 472])
    assert facets.axes(0) == {"xaxis": "x", "yaxis": "y"}
    assert facets.axes(3) == {"xaxis": "x4", "yaxis": "y4"}
    assert facets.name(1, "a")["x"] == pytest.approx(0.55)


UNIT = (0.0, 1.0)


def named(names: list[str], x: list[float], y: list[float], *, letters: int = 12) -> list[dict]:
    at = np.array(x), np.array(y)
    return mark_names(names, at, marks=at, x_range=UNIT, y_range=UNIT, letters=letters)


def test_a_name_stands_at_the_upper_right_or_within_the_plot() -> None:
    (left, right) = named(["left", "a name at the right"], [0.1, 0.98], [0.5, 0.2])
    assert (left["x"], left["xanchor"], left["yanchor"]) == (0.1, "left", "bottom")
    assert right["xanchor"] == "right"


def test_names_do_not_cover_each_other_and_empty_ones_are_none() -> None:
    first, second = named(["one name", "other name"], [0.5, 0.51], [0.5, 0.5])
    assert (first["xanchor"], first["yanchor"]) != (second["xanchor"], second["yanchor"])
    assert named([""], [0.5], [0.5]) == []


@pytest.mark.parametrize("letters", [12, 18])
def test_a_name_without_room_is_left_out(letters: int) -> None:
    assert named(["x" * 200], [0.5], [0.5], letters=letters) == []


PLACES = st.lists(st.floats(-100, 100), max_size=8)


def test_places_that_are_apart_stay() -> None:
    assert spread_apart([30.0, 0.0, 10.0], 10) == [30.0, 0.0, 10.0]
    assert spread_apart([], 10) == []


def test_places_too_near_move_by_equal_parts() -> None:
    assert spread_apart([0.0, 4.0], 10) == [-3.0, 7.0]
    # The third is pushed on by the two before it, and pushes back: 1 is the mean of all three.
    assert spread_apart([2.0, 0.0, 1.0], 10) == [11.0, -9.0, 1.0]


@given(PLACES)
def test_places_end_up_apart_in_their_order(places: list[float]) -> None:
    moved = spread_apart(places, 5)
    order = sorted(range(len(places)), key=lambda place: places[place])
    steps = [moved[b] - moved[a] for a, b in itertools.pairwise(order)]
    assert all(step >= 5 - 1e-9 for step in steps)
    assert math.isclose(sum(moved), sum(places), abs_tol=1e-6)


def test_a_range_has_a_margin_a_least_length_and_ends() -> None:
    assert padded_range([0.2, 0.7, None, math.nan], pad=0.1) == pytest.approx((0.15, 0.75))
    assert padded_range([0.5, 0.51], pad=0.1, least=0.04) == pytest.approx((0.481, 0.529))
    assert padded_range([0.01, 1.0], pad=0.1, floor=0.0, ceiling=1.02) == (0.0, 1.02)
    assert padded_range([3.0], pad=0.0) == (2.0, 4.0)
    assert padded_range([]) == (0.0, 1.0)
