import numpy as np
import pytest

from core.figures.mark_names import name_notes

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
