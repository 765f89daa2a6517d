"""Advice on points whose best choice is plain, within limits and beyond them."""

import pandas as pd
import pytest

from core.analysis.frames.paper import paper_label_replacement
from core.analysis.recommendation import LUCK, Cost, Target, advise
from core.domain.errors import BadInput
from tests.analysis.made_results import results


def points(**columns: list[object]) -> pd.DataFrame:
    """Four points: plain and hot, as generated and with 90 texts inspected."""
    rows: list[dict[str, object]] = [
        {"point": "plain", "temperature": 0.3, "label_accuracy": 0.9, "diversity": 0.1},
        {"point": "plain90", "temperature": 0.3, "label_accuracy": 0.95, "diversity": 0.1},
        {"point": "hot", "temperature": 1.3, "label_accuracy": 0.7, "diversity": 0.3},
        {"point": "hot90", "temperature": 1.3, "label_accuracy": 0.85, "diversity": 0.3},
    ]
    for place, row in enumerate(rows):
        row["inspected"] = "90" if place % 2 else "0"
        row["condition"] = "plain" if place < 2 else "hot"
        row["label_accuracy_low"] = float(str(row["label_accuracy"])) - 0.08
        row["label_accuracy_high"] = float(str(row["label_accuracy"])) + 0.02
        row |= {name: values[place] for name, values in columns.items()}
    return results(rows).assign(repeats=3)


def test_the_most_diverse_that_reaches_the_target() -> None:
    found = advise(points(), Target(at_least={"label_accuracy": 0.8}))
    assert found.reached
    assert found.best is not None
    assert found.runner_up is not None
    # Of the two with a diversity of 0.1 the one without inspection comes first.
    assert (found.best.point, found.runner_up.point, found.reaching) == ("hot90", "plain", 3)
    estimate = found.best.metrics["label_accuracy"]
    assert (estimate.value, estimate.low, estimate.high) == (
        0.85,
        pytest.approx(0.77),
        pytest.approx(0.87),
    )
    assert (found.best.repeats, found.best.n, found.best.inspected) == (3, 200, 90)
    assert found.sentence == (
        "Choose T 1.3 · no suppression · unseeded · m; LR with 90 inspected texts (diversity 0.300 "
        "(no interval), label accuracy 85.0% (77.0% to 87.0%; of the texts not inspected "
        "72.7%); 3 runs of 200 texts): it reaches the target by the measured values and has the "
        "most diversity. Next: T 0.3 · no suppression · unseeded · m; no repair (diversity 0.100 "
        "(no interval), label accuracy 90.0% (82.0% to 92.0%); 3 runs of 200 texts)."
    )


def test_prudence_goes_by_the_lower_end() -> None:
    found = advise(points(), Target(at_least={"label_accuracy": 0.8}), conservative=True)
    assert found.best is not None
    assert (found.best.point, found.reaching) == ("plain", 2)
    assert "by the lower ends of the intervals" in found.sentence
    unsure = points(label_accuracy_low=[float("nan")] * 4)
    again = advise(unsure, Target(at_least={"label_accuracy": 0.8}), conservative=True)
    assert again.best is not None
    assert again.best.point == "hot90"
    assert "The choice has no interval (a single run), so its values were taken." in again.notes


def test_limits_are_kept() -> None:
    found = advise(points(), Target(at_least={"label_accuracy": 0.8}, inspected=89))
    assert found.best is not None
    assert (found.best.point, found.reaching) == ("plain", 1)
    costs = {"plain": Cost(seconds=100, money=2), "hot": Cost(seconds=100, money=5)}
    for target in (Target(money=4), Target(at_least={"diversity": 0.05}, money=4.99)):
        cheap = advise(points(), target, costs=costs)
        assert cheap.best is not None
        assert (cheap.best.point, cheap.best.money) == ("plain", 2)
    quick = advise(points(), Target(seconds=150), costs=costs, seconds_a_text=5)
    assert quick.best is not None
    assert (quick.best.point, quick.best.seconds) == ("hot", 100)
    slow = advise(
        points(),
        Target(at_least={"label_accuracy": 0.94}, seconds=600),
        costs=costs,
        seconds_a_text=5,
    )
    assert slow.best is not None
    assert (slow.best.point, slow.best.seconds) == ("plain90", 550)


def test_what_costs_an_unknown_sum_is_left_out_and_told() -> None:
    found = advise(points(), Target(money=10), costs={"plain": Cost(money=1)})
    assert found.best is not None
    assert found.best.point == "plain"
    assert "2 points are left out: their price is unknown." in found.notes
    nothing = advise(points(), Target(money=10))
    assert (nothing.reached, nothing.best) == (False, None)
    assert nothing.sentence == "No point is within the limits and has what is asked for."


def test_nothing_reaches_it_and_what_comes_nearest() -> None:
    found = advise(points(), Target(at_least={"label_accuracy": 0.97}, inspected=50))
    assert not found.reached
    assert found.best is not None
    assert found.best.point == "plain"
    assert found.sentence.startswith("Nothing reaches the target by the measured values. Nearest")
    assert "it lacks 7.0 points of label accuracy." in found.sentence


def test_the_nearest_weighs_shortfalls_as_shares() -> None:
    # plain lacks 0.19 of 0.29, hot 0.2 of 0.9: more, but a smaller share.
    found = advise(
        points(), Target(at_least={"label_accuracy": 0.9, "diversity": 0.29}, inspected=0)
    )
    assert found.best is not None
    assert found.best.point == "hot"
    assert "it lacks 20.0 points of label accuracy." in found.sentence


def test_the_aim_is_model_accuracy_where_there_is_any() -> None:
    frame = points(model_accuracy=[0.6, 0.9, 0.7, None])
    found = advise(frame, Target())
    assert found.best is not None
    assert found.best.point == "plain90"
    other = advise(frame, Target(), aim="diversity")
    assert other.best is not None
    assert other.best.point == "hot"
    with pytest.raises(BadInput, match="no metric 'beauty'"):
        advise(frame, Target(), aim="beauty")
    lacking = advise(frame, Target(at_least={"model_accuracy": 0.5}))
    assert "1 points are left out: their model accuracy was not measured." in lacking.notes


def test_all_texts_are_as_many_as_the_condition_had() -> None:
    frame = points(inspected=["0", "all", "0", "all"], n=[200, 150, 300, 300])
    found = advise(frame, Target(at_least={"label_accuracy": 0.94}, inspected=200))
    assert found.best is not None
    assert (found.best.point, found.best.inspected) == ("plain90", 200)
    assert not advise(frame, Target(at_least={"label_accuracy": 0.94}, inspected=199)).reached


def test_a_single_run_is_said_to_be_one() -> None:
    found = advise(points().assign(repeats=1), Target())
    assert "It rests on a single run: another seed may come out differently." in found.notes
    assert LUCK in found.notes
    assert LUCK not in advise(points()[:1], Target()).notes


def test_no_results_and_impossible_targets() -> None:
    assert advise(points()[:0], Target()).sentence == "There are no results yet."
    for wrong in (
        {"at_least": {"label_accuracy": 1.2}},
        {"inspected": -1},
        {"money": float("nan")},
    ):
        with pytest.raises(BadInput):
            Target(**wrong)  # type: ignore[arg-type]


def test_on_the_papers_values() -> None:
    found = advise(paper_label_replacement(), Target(inspected=180))
    assert found.best is not None
    assert found.best.metrics["model_accuracy"].value == 0.792
    assert found.best.condition == "T 1.3 · S 7.5 · text-davinci-002"
