"""Pairs, their effects and verdicts, worked out by hand and at their borders."""

import math

import numpy as np
import pytest
import scipy.stats

from core.analysis.pairs import (
    Effect,
    effect,
    factorial_cells,
    knob_pairs,
    levels,
    matched,
    verdict,
    within,
)
from tests.analysis.made_results import results


def test_an_effect_by_hand_and_by_scipy() -> None:
    found = effect(np.array([0.1, 0.2, np.nan, 0.6]))
    assert (found.mean, found.n) == (pytest.approx(0.3), 3)
    reference = scipy.stats.t.interval(0.95, 2, 0.3, scipy.stats.sem([0.1, 0.2, 0.6]))
    assert (found.low, found.high) == pytest.approx(reference)
    assert effect(np.array([0.5])) == Effect(0.5, None, None, 1)
    nothing = effect(np.array([]))
    assert math.isnan(nothing.mean)
    assert (nothing.low, nothing.high, nothing.n) == (None, None, 0)


def test_verdicts_at_their_borders() -> None:
    for low, high, up, down in (
        (0.01, 0.2, "holds", "does not"),
        (0.0, 0.2, "undecided", "undecided"),
        (-0.1, 0.2, "undecided", "undecided"),
        (-0.1, 0.0, "undecided", "undecided"),
        (-0.1, -0.01, "does not", "holds"),
        (0.0, 0.0, "undecided", "undecided"),
    ):
        found = Effect((low + high) / 2, low, high, 3)
        assert verdict(found, 1) == up
        assert verdict(found, -1) == down
    assert verdict(Effect(0.1, 0.05, 0.15, 2), 1) == "undecided"
    assert verdict(Effect(0.1, 0.05, 0.15, 2), 1, least=2) == "holds"
    assert verdict(Effect(0.1, None, None, 1), 1) == "undecided"


def test_what_is_small() -> None:
    for low, high, expected in (
        (-0.009, 0.009, "holds"),
        (-0.01, 0.009, "undecided"),
        (0.005, 0.02, "undecided"),
        (0.011, 0.02, "does not"),
        (-0.02, -0.011, "does not"),
    ):
        assert within(Effect((low + high) / 2, low, high, 3), 0.01) == expected
    assert within(Effect(0.0, 0.0, 0.0, 2), 0.01) == "undecided"


@pytest.mark.parametrize(
    ("knob", "values", "expected"),
    [
        ("temperature", [0.3, 0.7, 0.9, 1.3], (0.3, 1.3)),
        ("temperature", [0.9, 1.3], (0.9, 1.3)),
        ("temperature", [0.1, 0.3], (0.1, 0.3)),
        ("temperature", [0.2, 1.2, 2.0], (0.2, 1.2)),
        ("temperature", [0.7], None),
        ("suppression", [0, 2, 7, 15], (0, 7)),
        ("suppression", [2, 7], None),
        ("suppression", [0], None),
        ("seeding", [0, 15], (0, 15)),
        ("seeding", [np.nan], None),
    ],
)
def test_levels(knob: str, values: list[float], expected: tuple[float, float] | None) -> None:
    assert levels(results({knob: value} for value in values), knob) == expected


def test_pairs_differ_in_one_knob_alone() -> None:
    frame = results(
        [
            {"suppression": 0, "temperature": 0.3, "diversity": 0.1},
            {"suppression": 7.5, "temperature": 0.3, "diversity": 0.4},
            {"suppression": 0, "temperature": 1.3, "diversity": 0.2},
            {"suppression": 7.5, "temperature": 1.3, "diversity": 0.3},
            # Without partner: another seed, model, setting, size of nothing else.
            {"suppression": 7.5, "temperature": 0.3, "diversity": 0.9, "seed": 1},
            {"suppression": 7.5, "temperature": 0.3, "diversity": 0.9, "model": "other"},
            {"suppression": 7.5, "temperature": 0.3, "diversity": 0.9, "other": "prompt C"},
            {"suppression": 3.0, "temperature": 0.3, "diversity": 0.9},
        ]
    )
    pairs = knob_pairs(frame, "suppression")
    assert (pairs["diversity_b"] - pairs["diversity_a"]).tolist() == pytest.approx([0.3, 0.1])


def test_runs_that_agree_in_all_are_averaged_first() -> None:
    frame = results(
        [
            {"suppression": 0, "diversity": 0.1},
            {"suppression": 0, "diversity": 0.3},
            {"suppression": 0, "diversity": np.nan},
            {"suppression": 7.5, "diversity": 0.5},
        ]
    )
    pairs = knob_pairs(frame, "suppression")
    assert pairs[["diversity_a", "diversity_b"]].to_numpy().tolist() == [[0.2, 0.5]]
    assert math.isnan(pairs["similarity_a"][0])


def test_levels_are_chosen_for_each_task_by_itself() -> None:
    frame = results(
        {"task_key": task, "task": task, "seeding": count, "diversity": count / 100}
        for task, counts in (("a", (0, 18)), ("b", (0, 15)), ("c", (0,)))
        for count in counts
    )
    pairs = knob_pairs(frame, "seeding")
    assert (pairs["diversity_b"] - pairs["diversity_a"]).tolist() == pytest.approx([0.18, 0.15])
    assert pairs["task"].tolist() == ["a", "b"]


def test_squares() -> None:
    values = {(0.3, 0): 0.1, (1.3, 0): 0.2, (0.3, 7.5): 0.4, (1.3, 7.5): 0.8}
    frame = results(
        {"temperature": t, "suppression": s, "model_accuracy": value}
        for (t, s), value in reversed(values.items())
    )
    square = factorial_cells(frame)
    names = [f"model_accuracy_{at}" for at in ("00", "10", "01", "11")]
    assert square[names].to_numpy().tolist() == [[0.1, 0.2, 0.4, 0.8]]
    assert factorial_cells(frame[:3]).empty
    assert factorial_cells(frame[frame["suppression"] == 0]).empty


def test_nothing_matches_nothing() -> None:
    frame = results([{"diversity": 0.1}])
    assert matched(frame, np.array([-1]), ("a", "b"), but=()).empty
    assert knob_pairs(frame[:0], "suppression").empty


def test_two_pairs_have_no_interval_even_where_they_agree() -> None:
    assert effect(np.array([-0.22, -0.22])) == Effect(-0.22, None, None, 2)
    assert verdict(effect(np.array([0.1, 0.3])), 1) == "undecided"
    three = effect(np.array([0.1, 0.2, 0.3]))  # Student's t of 2 degrees of freedom: 4.3027
    assert three.low == pytest.approx(0.2 - 4.3027 * 0.1 / 3**0.5, abs=1e-5)
