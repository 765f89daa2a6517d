"""Effects over tasks, worked out by hand: each task counts once, and results of one are alike."""

import math

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from core.analysis.findings.findings import POOLED, card
from core.analysis.findings.hypotheses import Hypothesis
from core.analysis.findings.knobs import seeding_hypotheses
from core.analysis.findings.regression import regression_hypotheses
from core.analysis.findings.repair import correlation, filtering_hypotheses, replacement_hypotheses
from core.analysis.pairs import Effect, over_tasks
from tests.analysis.made_results import results
from tests.analysis.test_regression import made


def by_name(hypotheses: list[Hypothesis]) -> dict[str, Hypothesis]:
    return {hypothesis.name: hypothesis for hypothesis in hypotheses}


def seeded(gains: dict[str, list[float]]) -> pd.DataFrame:
    """Runs of each task without and with seeding; a gain of diversity for each seed."""
    return results(
        {
            "task": task,
            "task_key": task,
            "seed": seed,
            "seeding": count,
            "diversity": 0.2 + gain * (count > 0),
            "model_accuracy": 0.5,
        }
        for task, own in gains.items()
        for seed, gain in enumerate(own)
        for count in (0, 18)
    )


def test_the_mean_of_the_tasks_means_by_hand() -> None:
    # Means 0.1, 0.2, 0.6: their mean is 0.3, their standard deviation sqrt(0.07), t(2) 4.303.
    found = over_tasks(np.array([0.0, 0.2, 0.2, 0.6, np.nan]), ["a", "a", "b", "c", "d"])
    assert (found.mean, found.n) == (pytest.approx(0.3), 3)
    reach = 4.302652729749464 * math.sqrt(0.07 / 3)
    assert (found.low, found.high) == (pytest.approx(0.3 - reach), pytest.approx(0.3 + reach))
    assert over_tasks(np.array([np.nan]), ["a"]).n == 0
    assert over_tasks(np.array([0.1, 0.3]), ["a", "a"]) == Effect(pytest.approx(0.2), None, None, 1)


def test_many_alike_pairs_of_few_tasks_decide_nothing() -> None:
    # Sixty pairs whose tasks disagree: as if independent, 0 would be far outside.
    gains = {"a": [0.1] * 20, "b": [0.08] * 20, "c": [-0.02] * 20}
    hypothesis = by_name(seeding_hypotheses(seeded(gains)))["diversity"]
    assert hypothesis.effect.mean == pytest.approx(0.16 / 3)
    assert (hypothesis.effect.n, hypothesis.unit, hypothesis.verdict) == (3, "tasks", "undecided")
    assert hypothesis.effect.low is not None
    assert hypothesis.effect.low < 0
    beside = hypothesis.independent
    assert beside is not None
    assert beside.low is not None
    assert (beside.n, hypothesis.independent_unit) == (60, "pairs of runs")
    assert beside.low > 0


def test_tasks_that_agree_decide_and_two_do_not() -> None:
    gains = {"a": [0.1, 0.1], "b": [0.11, 0.11], "c": [0.12, 0.12]}
    assert by_name(seeding_hypotheses(seeded(gains)))["diversity"].verdict == "holds"
    gains.pop("c")
    two = by_name(seeding_hypotheses(seeded(gains)))["diversity"]
    assert (two.effect.n, two.verdict) == (2, "undecided")


def test_one_task_goes_by_its_pairs() -> None:
    hypothesis = by_name(seeding_hypotheses(seeded({"a": [0.1, 0.11, 0.12]})))["diversity"]
    assert (hypothesis.effect.n, hypothesis.unit) == (3, "pairs of runs")
    assert (hypothesis.independent, hypothesis.verdict) == (None, "holds")


def test_a_task_without_values_is_none() -> None:
    frame = seeded({"a": [0.1, 0.11, 0.12], "b": [math.nan]})
    hypothesis = by_name(seeding_hypotheses(frame))["diversity"]
    assert (hypothesis.effect.n, hypothesis.unit) == (3, "pairs of runs")


def test_a_filters_changes_at_all_stages_of_a_run_count_once() -> None:
    rows = [
        {
            "seed": seed,
            "inspected": stage,
            "model_accuracy": 0.5 + after * (change + more),
            "filtered": bool(after),
        }
        for seed, change in enumerate((0.002, -0.004, 0.003))
        for stage, more in (("0", 0.001), ("90", 0.0), ("all", -0.001))
        for after in (0, 1)
    ]
    found = by_name(filtering_hypotheses(results(rows)))
    assert found["small"].effect.mean == pytest.approx(0.001 / 3)
    assert (found["small"].effect.n, found["small"].unit) == (3, "runs")
    reference = scipy.stats.t.interval(0.95, 2, 0.001 / 3, scipy.stats.sem([0.002, -0.004, 0.003]))
    assert (found["small"].effect.low, found["small"].effect.high) == pytest.approx(reference)
    assert (found["both_ways"].effect.mean, found["both_ways"].effect.n) == (
        pytest.approx(2 / 3),
        3,
    )


def test_shares_of_several_tasks_stay_shares() -> None:
    rows = [
        {
            "task_key": task,
            "seed": seed,
            "model_accuracy": 0.5 + after * change,
            "filtered": bool(after),
        }
        for task, changes in (("a", (0.1, 0.1)), ("b", (-0.1, 0.1)), ("c", (0.1, 0.1)))
        for seed, change in enumerate(changes)
        for after in (0, 1)
    ]
    share = by_name(filtering_hypotheses(results(rows)))["both_ways"]
    assert (share.effect.mean, share.effect.n) == (pytest.approx(5 / 6), 3)  # 1, 1/2 and 1
    assert (share.effect.high, share.unit) == (1.0, "tasks")


def test_correlations_go_by_fishers_z_of_each_task() -> None:
    rng = np.random.default_rng(3)
    rows, zs = [], []
    for task in ("a", "b", "c"):
        x = rng.normal(size=6)
        gain = 0.05 * x + 0.02 * rng.normal(size=6)
        zs.append(math.atanh(correlation(x, gain, groups=np.zeros(6, np.intp)).mean))
        for seed in range(6):
            run = {"task_key": task, "seed": seed, "diversity": x[seed]}
            rows.append({**run, "model_accuracy": 0.5})
            rows.append({**run, "model_accuracy": 0.5 + gain[seed], "inspected": "all"})
    hypothesis = by_name(replacement_hypotheses(results(rows)))["gain_by_diversity"]
    ends = scipy.stats.t.interval(0.95, 2, np.mean(zs), scipy.stats.sem(zs))
    assert hypothesis.effect.mean == pytest.approx(math.tanh(np.mean(zs)))
    assert (hypothesis.effect.low, hypothesis.effect.high) == pytest.approx(tuple(np.tanh(ends)))
    assert (hypothesis.effect.n, hypothesis.unit) == (3, "tasks")
    assert hypothesis.independent is not None
    assert hypothesis.independent.n == 18


def test_coefficients_go_by_each_tasks_own_regression() -> None:
    frame = made(60, tasks=3)
    told = regression_hypotheses(frame)
    hypothesis = next(one for one in told.hypotheses if one.name == "diversity")
    own = []
    for _, part in frame.groupby("task_key"):
        scaled = part[["model_accuracy", "label_accuracy", "diversity", "similarity"]].apply(
            scipy.stats.zscore
        )
        y, x = scaled["model_accuracy"], scaled.drop(columns="model_accuracy")
        own.append(np.linalg.lstsq(x.to_numpy(), y.to_numpy(), rcond=None)[0][1])
    assert hypothesis.effect.mean == pytest.approx(np.mean(own))
    ends = scipy.stats.t.interval(0.95, 2, np.mean(own), scipy.stats.sem(own))
    assert (hypothesis.effect.low, hypothesis.effect.high) == pytest.approx(ends)
    assert hypothesis.independent is not None
    assert (hypothesis.unit, hypothesis.independent_unit, hypothesis.independent.n) == (
        "tasks",
        "runs",
        60,
    )
    assert POOLED in card(frame)[4].notes


def test_a_task_too_small_for_a_regression_of_its_own_is_named() -> None:
    small = made(60, tasks=3).drop(index=range(2, 50, 3))  # the third task keeps four runs
    told = regression_hypotheses(small)
    assert any("has no regression of its own" in note for note in told.notes)
    assert told.hypotheses[0].effect.n == 2


def test_how_many_draws_of_seed_examples_stand_behind_the_pairs_is_told() -> None:
    several = seeded({"a": [0.1, 0.2], "b": [0.1, 0.2]})
    told = "Runs of one seed share their seed examples: the pairs{} rest on {} of them."
    assert card(several)[3].notes[0] == told.format(" of each task", "2 draws")
    assert sum(note.startswith("Runs of one seed") for note in card(several)[3].notes) == 1
    assert card(seeded({"a": [0.1]}))[3].notes[0] == told.format("", "1 draw")
