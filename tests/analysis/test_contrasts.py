"""Contrasts: worked out by hand, and against scipy's analysis of variance."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from core.analysis.contrasts import contrast, with_pooled_intervals
from core.analysis.frames.results import points_frame
from tests.analysis.made_results import results


def rows(condition: str, values: list[float], inspected: str = "0", **more: Any) -> list[Any]:
    return [
        {
            "condition": condition,
            "point": f"{condition}-{inspected}",
            "run_id": f"{condition}{place}",
            "seed": place,
            "inspected": inspected,
            "label_accuracy": value,
            **more,
        }
        for place, value in enumerate(values)
    ]


def test_two_conditions_by_the_spread_of_all() -> None:
    frame = results(
        [*rows("a", [0.8, 0.9]), *rows("b", [0.6, 0.6]), *rows("c", [0.5, 0.7]), *rows("d", [0.1])]
    )
    found = contrast(frame, "label_accuracy", ("a", "0"), ("b", "0"))
    # Squares within: 0.005, 0, 0.02, 0; of three degrees of freedom.
    error = math.sqrt(0.025 / 3)
    reach = stats.t.ppf(0.975, 3) * error * math.sqrt(1 / 2 + 1 / 2)
    assert (found.before, found.after) == pytest.approx((0.85, 0.6))
    assert found.mean == pytest.approx(-0.25)
    assert (found.low, found.high) == pytest.approx((-0.25 - reach, -0.25 + reach))
    assert (found.runs, found.basis, found.direction) == (2, "repeats", "unclear")
    one = contrast(frame, "label_accuracy", ("b", "0"), ("d", "0"))
    reach = stats.t.ppf(0.975, 3) * error * math.sqrt(1 / 2 + 1)
    assert (one.low, one.high) == pytest.approx((-0.5 - reach, -0.5 + reach))
    assert one.runs == 1


def test_the_spread_is_that_of_an_analysis_of_variance() -> None:
    rng = np.random.default_rng(0)
    groups = {name: list(rng.normal(0.5, 0.1, 4)) for name in "abcde"}
    frame = results([row for name, values in groups.items() for row in rows(name, values)])
    found = contrast(frame, "label_accuracy", ("a", "0"), ("b", "0"))
    # Between two groups, F of their contrast with the common error is the square of t.
    error = np.mean([np.var(values, ddof=1) for values in groups.values()])
    t = found.mean / math.sqrt(error * (1 / 4 + 1 / 4))
    assert found.high is not None
    by_interval = found.mean / ((found.high - found.mean) / stats.t.ppf(0.975, 15))
    assert by_interval == pytest.approx(t)


def test_stages_of_a_condition_are_compared_run_by_run() -> None:
    before = {"a": [0.5, 0.7], "b": [0.4, 0.8], "c": [0.3, 0.9]}
    gains = {"a": [0.10, 0.12], "b": [0.10, 0.10], "c": [0.10, 0.14]}
    frame = results(
        [
            row
            for name in before
            for row in (
                *rows(name, before[name]),
                *rows(name, [b + g for b, g in zip(before[name], gains[name], strict=True)], "90"),
            )
        ]
    )
    found = contrast(frame, "label_accuracy", ("a", "0"), ("a", "90"))
    variance = (0.0002 + 0 + 0.0008) / 3
    reach = stats.t.ppf(0.975, 3) * math.sqrt(variance / 2)
    assert found.mean == pytest.approx(0.11)
    assert (found.low, found.high) == pytest.approx((0.11 - reach, 0.11 + reach))
    assert found.direction == "up"  # though the runs lie 0.2 apart


def test_single_runs_go_by_their_own_intervals() -> None:
    ends = {"label_accuracy_low": 0.74, "label_accuracy_high": 0.86}
    others = {"label_accuracy_low": 0.52, "label_accuracy_high": 0.68}
    frame = results([*rows("a", [0.8], **ends), *rows("b", [0.6], **others)])
    found = contrast(frame, "label_accuracy", ("a", "0"), ("b", "0"))
    assert (found.low, found.high) == pytest.approx((-0.3, -0.1))  # 0.06 and 0.08 by Pythagoras
    assert (found.basis, found.direction) == ("texts", "down")
    bare = contrast(results([*rows("a", [0.8]), *rows("b", [0.6])]), "label_accuracy",
                    ("a", "0"), ("b", "0"))  # fmt: skip
    assert (bare.mean, bare.low, bare.basis) == (pytest.approx(-0.2), None, "")
    assert bare.direction == "unclear"


def test_what_is_missing_is_not_known() -> None:
    frame = results([*rows("a", [0.8]), *rows("b", [math.nan])])
    found = contrast(frame, "label_accuracy", ("a", "0"), ("b", "0"))
    assert not found.known
    assert (found.before, found.direction) == (0.8, "unclear")
    assert not contrast(frame, "label_accuracy", ("a", "0"), ("a", "90")).known
    filtered = results(rows("a", [0.8], filtered=True))
    assert not contrast(filtered, "label_accuracy", ("a", "0"), ("a", "0")).known


def test_points_get_the_common_spread_where_it_can_be_told() -> None:
    pairs = {"a": [0.2, 0.22], "b": [0.4, 0.42], "c": [0.6, 0.62]}
    raw = [row for name, values in pairs.items() for row in rows(name, values)]
    frame = results([*raw, *rows("a", [0.9, 0.94], "all")])
    points = points_frame(frame)
    told = with_pooled_intervals(points, frame).set_index("point")
    reach = stats.t.ppf(0.975, 3) * 0.02 / math.sqrt(2) / math.sqrt(2)
    ends = told.loc["b-0", ["label_accuracy_low", "label_accuracy_high"]].tolist()
    assert ends == pytest.approx([0.41 - reach, 0.41 + reach])
    # Two runs at that stage leave one degree of freedom: their own interval stays.
    own = points.set_index("point").loc["a-all", "label_accuracy_low"]
    assert told.loc["a-all", "label_accuracy_low"] == own
    pd.testing.assert_frame_equal(points, points_frame(frame))


def test_an_interval_of_two_runs_alone_may_be_left_out() -> None:
    # One condition of two runs: one degree of freedom, 12.7 standard errors, from end to end.
    frame = results([*rows("a", [0.4, 0.6]), *rows("b", [0.7], label_accuracy_low=0.65)])
    points = points_frame(frame).set_index("condition", drop=False)
    kept = with_pooled_intervals(points, frame)
    assert (kept.loc["a", "label_accuracy_low"], kept.loc["a", "label_accuracy_high"]) == (0, 1)
    told = with_pooled_intervals(points, frame, vain=False)
    assert math.isnan(told.loc["a", "label_accuracy_low"])
    assert math.isnan(told.loc["a", "label_accuracy_high"])
    assert told.loc["b", "label_accuracy_low"] == 0.65  # of its texts


def test_what_is_pooled_stays() -> None:
    frame = results([row for name in "abc" for row in rows(name, [0.4, 0.5])])
    told, kept = (with_pooled_intervals(points_frame(frame), frame, vain=v) for v in (False, True))
    assert told["label_accuracy_low"].notna().all()
    assert told["label_accuracy_low"].tolist() == kept["label_accuracy_low"].tolist()
