"""Sentences of the Explore page that warn of gibberish, worked out by hand."""

import pytest

from pages.components.explore.scores import RunScore, fluency_caution
from pages.components.explore.why import ScoreParts, explain_difference


@pytest.mark.parametrize(
    "runs",
    [
        [],
        [RunScore("A", None, None)],
        [RunScore("A", 0.9, -4.0)],  # alone, there is nothing to compare with
        [RunScore("A", 0.5, -1.0), RunScore("B", 0.6, -1.25)],  # wider, and nearly as fluent
        [RunScore("A", 0.6, -1.0), RunScore("B", 0.5, -3.0)],  # less fluent, and narrower
        [RunScore("A", 0.5, -1.0), RunScore("B", 0.5, -3.0)],
        [RunScore("A", 0.5, -1.0), RunScore("Real", 0.9, None)],  # a reference has no fluency
    ],
)
def test_no_caution(runs: list[RunScore]) -> None:
    assert fluency_caution(runs) == ""


def test_caution_where_a_wider_run_is_clearly_less_fluent() -> None:
    caution = fluency_caution(
        [RunScore("Hot", 0.9, -3.5), RunScore("Cool", 0.5, -3.0), RunScore("Real", 0.95, None)]
    )
    assert caution.startswith(
        "Hot (-3.5 per token) is more diverse than Cool (-3.0) and clearly less fluent."
    )
    caution = fluency_caution(
        [RunScore("A", 0.9, -5.0), RunScore("B", 0.5, -1.0), RunScore("C", 0.6, -2.0)]
    )
    assert caution.startswith(
        "A (-5.0 per token) and C (-2.0 per token) are more diverse than B (-1.0)"
    )


def test_caution_where_a_run_is_gibberish_whatever_it_is_compared_with() -> None:
    caution = fluency_caution([RunScore("A", 0.9, -6.0)])
    assert caution.startswith("A (-6.0 per token) is so unlikely under the model itself")
    caution = fluency_caution([RunScore("A", 0.9, -6.0), RunScore("B", 0.8, -6.2)])
    assert caution.startswith("A (-6.0 per token) and B (-6.2 per token) are so unlikely")


def test_caution_shows_the_beginning_of_a_long_name() -> None:
    caution = fluency_caution([RunScore("A" * 200, 0.9, -6.0)])
    assert caution.startswith("A" * 59 + "… (-6.0 per token)")


def test_a_difference_is_explained_by_its_parts() -> None:
    hot = ScoreParts(
        "Hot", score=0.7, within=0.6, between=0.8, without_duplicates=0.72, fluency=-3.0
    )
    cool = ScoreParts(
        "Cool", score=0.5, within=0.3, between=0.7, without_duplicates=0.6, fluency=-2.0
    )
    assert explain_difference(hot, cool) == (
        "Hot is 0.200 more diverse than Cool: within labels +0.300, between labels +0.100."
        " Without duplicates the difference is +0.120. Its fluency is 1.0 lower, too: read its"
        " texts before treating this as an improvement."
    )
    assert explain_difference(cool, hot) == (
        "Cool is 0.200 less diverse than Hot: within labels -0.300, between labels -0.100."
        " Without duplicates the difference is -0.120."
    )


def test_unknown_parts_are_left_out() -> None:
    assert explain_difference(ScoreParts("A"), ScoreParts("B", score=0.5)) == ""
    assert (
        explain_difference(ScoreParts("A", score=0.6), ScoreParts("B", score=0.5))
        == "A is 0.100 more diverse than B."
    )
    one_label = ScoreParts("A", score=0.5, within=0.5), ScoreParts("B", score=0.6, within=0.6)
    assert explain_difference(*one_label) == "A is 0.100 less diverse than B: within labels -0.100."


def test_two_runs_of_equal_score() -> None:
    first = ScoreParts("A", score=0.5, fluency=-1.0)
    second = ScoreParts("B", score=0.50001, fluency=-1.0)
    assert explain_difference(first, second) == "A is as diverse as B."
