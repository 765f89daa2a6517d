import itertools
import math

from hypothesis import given
from hypothesis import strategies as st

from core.figures.style import grey, page_text, see_through, spread_apart

PLACES = st.lists(st.floats(-100, 100), max_size=8)


def test_colours_let_the_page_through() -> None:
    assert see_through("#0072B2", 0.16) == "rgba(0, 114, 178, 0.16)"
    assert grey(1) == "rgba(128, 128, 128, 1)"
    assert page_text("a") == '<span style="color:currentcolor">a</span>'


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
