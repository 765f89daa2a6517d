import numpy as np
import pytest

from core.figures.elements import Facets, name_notes


def test_panels_fill_rows_and_keep_apart() -> None:
    facets = Facets(2, 2, panel=180, head=26, foot=30, gap=0.1)
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
    return name_notes(names, *at, marks=at, across=UNIT, up=UNIT, letters=letters)


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
