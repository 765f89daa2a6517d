"""Sentences of the Explore page that warn of gibberish, worked out by hand."""

from typing import Any

import pytest

from pages.components.explore.scores import caution_of
from pages.components.explore.why import moved


def run(name: str, score: float | None, fluency: float | None) -> dict[str, Any]:
    return {"name": name, "score": score, "fluency": fluency}


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [run("A", None, None)],
        [run("A", 0.9, -4.0)],  # alone, there is nothing to compare with
        [run("A", 0.5, -1.0), run("B", 0.6, -1.25)],  # wider, and nearly as fluent
        [run("A", 0.6, -1.0), run("B", 0.5, -3.0)],  # less fluent, and narrower
        [run("A", 0.5, -1.0), run("B", 0.5, -3.0)],
        [run("A", 0.5, -1.0), run("Real", 0.9, None)],  # a reference has no fluency
    ],
)
def test_no_caution(rows: list[dict[str, Any]]) -> None:
    assert caution_of(rows) == ""


def test_caution_where_a_wider_run_is_clearly_less_fluent() -> None:
    told = caution_of([run("Hot", 0.9, -3.5), run("Cool", 0.5, -3.0), run("Real", 0.95, None)])
    assert told.startswith(
        "Hot (-3.5 a token) is more diverse than Cool (-3.0) and clearly less fluent."
    )
    told = caution_of([run("A", 0.9, -5.0), run("B", 0.5, -1.0), run("C", 0.6, -2.0)])
    assert told.startswith("A (-5.0 a token), C (-2.0 a token) are more diverse than B (-1.0)")


def test_caution_where_a_run_is_gibberish_whatever_it_is_compared_with() -> None:
    told = caution_of([run("A", 0.9, -6.0)])
    assert told.startswith("A (-6.0 a token) is so unlikely in the eyes of its own model")
    told = caution_of([run("A", 0.9, -6.0), run("B", 0.8, -6.2)])
    assert told.startswith("A (-6.0 a token), B (-6.2 a token) are so unlikely")


def test_caution_shows_the_beginning_of_a_long_name() -> None:
    told = caution_of([run("A" * 200, 0.9, -6.0)])
    assert told.startswith("A" * 59 + "… (-6.0 a token)")


def part(name: str, **told: float | None) -> dict[str, Any]:
    empty = dict.fromkeys(("score", "within", "between", "without", "repeats", "fluency"))
    return {"run": name, **empty, **told}


def test_moved_says_where_the_difference_comes_from() -> None:
    one = part("Hot", score=0.7, within=0.6, between=0.8, without=0.72, fluency=-3.0)
    other = part("Cool", score=0.5, within=0.3, between=0.7, without=0.6, fluency=-2.0)
    assert moved(one, other) == (
        "Hot is 0.200 more diverse than Cool: within labels +0.300, between labels +0.100."
        " Without repeated texts the difference is +0.120. Its fluency is 1.0 lower at the same"
        " time: read its texts before you take this for a gain."
    )
    assert moved(other, one) == (
        "Cool is 0.200 less diverse than Hot: within labels -0.300, between labels -0.100."
        " Without repeated texts the difference is -0.120."
    )


def test_moved_leaves_out_what_is_unknown() -> None:
    assert moved(part("A"), part("B", score=0.5)) == ""
    assert moved(part("A", score=0.6), part("B", score=0.5)) == "A is 0.100 more diverse than B."
    one_label = part("A", score=0.5, within=0.5), part("B", score=0.6, within=0.6)
    assert moved(*one_label) == "A is 0.100 less diverse than B: within labels -0.100."


def test_moved_of_two_alike() -> None:
    same = moved(part("A", score=0.5, fluency=-1.0), part("B", score=0.50001, fluency=-1.0))
    assert same == "A is as diverse as B."
