"""Claims on knobs and on repairs, against values by hand and against scipy."""

import math

import numpy as np
import pytest
import scipy.stats

from core.analysis.findings.hypotheses import Hypothesis, counted
from core.analysis.findings.knobs import (
    combination_hypotheses,
    seeding_hypotheses,
    suppression_hypotheses,
    temperature_hypotheses,
)
from core.analysis.findings.repair import (
    both_ways,
    correlation,
    filtering_hypotheses,
    replacement_hypotheses,
)
from core.analysis.pairs import Effect
from tests.analysis.made_results import results


def by_name(hypotheses: list[Hypothesis]) -> dict[str, Hypothesis]:
    return {hypothesis.name: hypothesis for hypothesis in hypotheses}


def grid(accuracy: dict[tuple[float, float], float]) -> list[dict[str, float]]:
    """Four seeds whose noise is the same for all conditions, and a little of their own."""
    return [
        {
            "temperature": t,
            "suppression": s,
            "seed": seed,
            "model_accuracy": value + 0.01 * seed + 0.001 * (seed % 2) * (t > 1),
            "diversity": 0.1 + 0.1 * (t > 1) + 0.3 * (s > 0) + 0.001 * seed * (s > 0),
            "label_accuracy": 0.9 - 0.1 * (t > 1) - 0.2 * (s > 0) - 0.001 * seed * (s > 0),
        }
        for (t, s), value in accuracy.items()
        for seed in range(4)
    ]


SATURATING = {(0.3, 0): 0.5, (1.3, 0): 0.6, (0.3, 7.5): 0.7, (1.3, 7.5): 0.72}
ADDING = {(0.3, 0): 0.5, (1.3, 0): 0.6, (0.3, 7.5): 0.7, (1.3, 7.5): 0.9}


def test_suppression_by_its_pairs() -> None:
    found = by_name(suppression_hypotheses(results(grid(SATURATING))))
    assert found["diversity"].effect.n == 8  # two temperatures, four seeds
    assert found["diversity"].effect.mean == pytest.approx(0.3015)
    assert found["diversity"].verdict == "holds"
    assert found["label_accuracy"].verdict == "holds"
    assert found["similarity"].missing == "similarity was not measured"
    assert found["similarity"].verdict == "undecided"
    assert found["diversity"].unit == "pairs of runs"


def test_temperature_against_suppression() -> None:
    found = by_name(temperature_hypotheses(results(grid(SATURATING))))
    assert found["diversity"].effect.mean == pytest.approx(0.1)
    assert found["diversity_less"].effect.mean == pytest.approx(0.3 - 0.1 + 0.0015)
    assert found["diversity_less"].effect.n == 4
    assert (found["diversity_less"].verdict, found["diversity_less"].counts) == ("holds", True)
    assert found["label_accuracy_less"].verdict == "holds"
    assert not found["label_accuracy_less"].counts


def test_benefits_that_add_up_or_do_not() -> None:
    hypotheses = by_name(combination_hypotheses(results(grid(SATURATING))))
    assert hypotheses["suppression_alone"].effect.mean == pytest.approx(0.2)
    assert hypotheses["temperature_alone"].effect.mean == pytest.approx(0.1005)
    assert hypotheses["interaction"].effect.mean == pytest.approx(0.72 - 0.6 - 0.7 + 0.5)
    assert {hypothesis.verdict for hypothesis in hypotheses.values()} == {"holds"}
    more = by_name(combination_hypotheses(results(grid(ADDING))))["interaction"]
    assert (more.effect.mean, more.verdict) == (pytest.approx(0.1), "does not")


def test_what_is_not_crossed_is_missing() -> None:
    one = {key: value for key, value in SATURATING.items() if key[0] == 0.3}
    hypotheses = combination_hypotheses(results(grid(one)))
    assert {hypothesis.missing for hypothesis in hypotheses} == {
        "no results cross two temperatures with suppression off and on"
    }
    found = seeding_hypotheses(results(grid(one)))
    assert {hypothesis.missing for hypothesis in found} == {
        "no two results differ in seed examples alone"
    }


def test_repaired_results_say_nothing_of_knobs() -> None:
    rows = grid(SATURATING)
    repaired = [{**row, "diversity": 9.0, "inspected": "all"} for row in rows]
    found = by_name(suppression_hypotheses(results([*rows, *repaired])))["diversity"]
    assert (found.effect.n, found.effect.mean) == (8, pytest.approx(0.3015))


def repaired(gains: list[float]) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for k, gain in enumerate(gains):
        run = {"run_id": f"r{k}", "temperature": 0.1 * k, "diversity": 0.1 + 0.01 * k}
        rows.append({**run, "model_accuracy": 0.5})
        rows.append({**run, "model_accuracy": 0.5 + gain / 2, "inspected": "90"})
        rows.append({**run, "model_accuracy": 0.5 + gain, "inspected": "all"})
        rows.append({**run, "model_accuracy": 0.1, "inspected": "all", "filtered": True})
    return rows


def test_gains_of_label_replacement() -> None:
    gains = [0.02, 0.05, 0.04, 0.09, 0.1]
    hypotheses = replacement_hypotheses(results(repaired(gains)))
    assert [hypothesis.name for hypothesis in hypotheses] == [
        "gain_90",
        "gain_all",
        "gain_by_diversity",
    ]
    found = by_name(hypotheses)
    assert found["gain_all"].effect.mean == pytest.approx(np.mean(gains))
    assert found["gain_90"].effect.mean == pytest.approx(np.mean(gains) / 2)
    assert found["gain_all"].unit == "runs"
    told = found["gain_by_diversity"].effect
    reference = scipy.stats.pearsonr(np.arange(5.0), gains)
    assert told.mean == pytest.approx(reference.statistic)
    assert (told.low, told.high) == pytest.approx(tuple(reference.confidence_interval(0.95)))
    assert {hypothesis.verdict for hypothesis in hypotheses} == {"holds"}


def test_budgets_are_told_in_their_order() -> None:
    rows = [{"model_accuracy": 0.5, "inspected": one} for one in ("all", "270", "0", "1000", "90")]
    names = [hypothesis.name for hypothesis in replacement_hypotheses(results(rows))]
    assert names == ["gain_90", "gain_270", "gain_1000", "gain_all", "gain_by_diversity"]


def test_without_repairs_there_is_no_gain() -> None:
    hypotheses = replacement_hypotheses(results([{"model_accuracy": 0.5}]))
    assert {hypothesis.missing for hypothesis in hypotheses} == {"no result is repaired by LR"}
    assert {hypothesis.verdict for hypothesis in hypotheses} == {"undecided"}


def test_correlation_is_within_groups() -> None:
    rng = np.random.default_rng(1)
    x, groups = rng.normal(size=12), np.repeat([0, 1], 6)
    y = 0.5 * x + rng.normal(size=12)
    apart = correlation(x + 100 * groups, y - 50 * groups, groups=groups)
    centred = [v - np.repeat([v[:6].mean(), v[6:].mean()], 6) for v in (x, y)]
    r = scipy.stats.pearsonr(*centred).statistic
    assert apart.mean == pytest.approx(r)
    assert apart.low == pytest.approx(math.tanh(math.atanh(r) - 1.959963984540054 / math.sqrt(8)))
    one = np.zeros(3, np.intp)
    assert correlation(x[:3], y[:3], groups=one).low is None
    flat = correlation(np.ones(6), y[:6], groups=np.zeros(6, np.intp))
    assert (math.isnan(flat.mean), flat.low) == (True, None)


def filtered(changes: list[float]) -> list[dict[str, object]]:
    return [
        {"seed": k, "model_accuracy": 0.5 + change * after, "filtered": bool(after)}
        for k, change in enumerate(changes)
        for after in (0, 1)
    ]


def test_filtering_that_changes_little() -> None:
    found = by_name(
        filtering_hypotheses(results(filtered([0.001, -0.002, 0.003, -0.001, 0.0, 0.001])))
    )
    assert found["small"].verdict == "holds"
    assert found["both_ways"].effect.n == 5  # one pair did not change
    assert found["both_ways"].effect.mean == pytest.approx(3 / 5)
    assert found["both_ways"].verdict == "holds"


def test_filtering_that_helps_every_time() -> None:
    found = by_name(filtering_hypotheses(results(filtered([0.05 + 0.0001 * k for k in range(90)]))))
    assert found["small"].verdict == "does not"
    assert found["both_ways"].verdict == "does not"
    nothing = by_name(filtering_hypotheses(results([{"model_accuracy": 0.5}])))
    assert nothing["small"].missing == "no result is there with and without OOSF"


def test_shares_at_their_borders() -> None:
    assert both_ways(Effect(0.5, 0.051, 0.949, 5)) == "holds"
    assert both_ways(Effect(0.5, 0.04, 0.9, 5)) == "undecided"
    assert both_ways(Effect(0.02, 0.0, 0.049, 90)) == "does not"
    assert both_ways(Effect(0.98, 0.951, 1.0, 90)) == "does not"
    assert both_ways(Effect(0.5, 0.2, 0.8, 2)) == "undecided"


def test_one_is_no_plural() -> None:
    assert counted(1, "pairs of runs") == "1 pair of runs"
    assert counted(1, "conditions") == "1 condition"
    assert counted(0, "squares of runs") == "0 squares of runs"
    assert counted(2, "runs") == "2 runs"
