"""Label accuracy of the texts that nobody inspected, and who is told of it."""

import math

import pytest

from core.analysis.findings.repair import replacement_hypotheses
from core.analysis.frames.results import IDLE
from core.analysis.recommendation import Target, advise
from core.analysis.uninspected import ALL_RIGHT, uninspected_accuracy
from core.reports.html.tables import conditions_part
from tests.analysis.made_results import results
from tests.analysis.test_recommendation import points

NAN = math.nan


def test_by_hand() -> None:
    rows = [
        ({"inspected": "90", "n": 200.0, "label_accuracy": 0.85}, 80 / 110),  # 170 right, 90 seen
        ({"inspected": "90", "n": 100.0, "label_accuracy": 0.9}, 0.0),
        ({"inspected": "90", "n": 100.0, "label_accuracy": 0.8999999}, 0.0),  # rounding, cut
        ({"inspected": "0", "label_accuracy": 0.85}, NAN),
        ({"inspected": "all", "label_accuracy": 1.0}, NAN),
        ({"inspected": "200", "label_accuracy": 1.0}, NAN),
        ({"inspected": "90", "label_accuracy": 0.85, "filtered": True}, NAN),
        ({"inspected": "90", "label_accuracy": NAN}, NAN),
        ({"inspected": "90", "n": NAN, "label_accuracy": 0.85}, NAN),
    ]
    found = uninspected_accuracy(results(row for row, _ in rows))
    assert found.tolist() == pytest.approx([wanted for _, wanted in rows], nan_ok=True)


def test_the_card_tells_what_lr_does_beyond_inspection() -> None:
    """Inspection alone: 50 of 100 texts are looked at, the others stay 80 % right."""
    rows = [
        {"seed": seed, "n": 100.0, "inspected": stage, "label_accuracy": accuracy + 0.01 * seed}
        for seed in range(3)
        for stage, accuracy in (("0", 0.8), ("50", 0.9 - 0.005 * seed), ("all", 1.0 - 0.01 * seed))
    ]
    found = {hypothesis.name: hypothesis for hypothesis in replacement_hypotheses(results(rows))}
    assert "others_all" not in found
    others = found["others_50"]
    assert others.effect.mean == pytest.approx(0.0)
    assert (others.counts, others.verdict) == (False, "undecided")
    assert others.words.startswith("LR raises label accuracy of the texts not inspected with 50")


def test_advice_tells_it_and_what_is_so_by_definition() -> None:
    found = advise(points(), Target(at_least={"label_accuracy": 0.8}))
    assert found.best is not None
    assert found.best.uninspected == pytest.approx(80 / 110)
    assert ALL_RIGHT not in found.notes
    everything = points(inspected=["0", "all", "0", "all"], label_accuracy=[0.9, 1.0, 0.7, 1.0])
    told = advise(everything, Target(at_least={"label_accuracy": 0.99}))
    assert told.best is not None
    assert told.best.uninspected is None
    assert "label accuracy 100.0% (by definition)" in told.sentence
    assert ALL_RIGHT in told.notes


def test_advice_does_not_recommend_an_idle_knob_unsaid() -> None:
    idle = points(suppression=[0.0, 0.0, 7.5, 7.5], other=["", "", IDLE, f"max tokens 50 · {IDLE}"])
    found = advise(idle, Target(at_least={"label_accuracy": 0.8}))
    assert f"T 1.3 · S 7.5 · unseeded · m · max tokens 50 · {IDLE}" in found.sentence
    note = f"Where {IDLE}, one request covers a label: only re-requested texts are suppressed."
    assert note in found.notes
    assert note not in advise(points(), Target()).notes


def test_the_table_of_a_report_tells_both() -> None:
    part = str(conditions_part(points(inspected=["0", "90", "0", "all"])))
    assert "95.0% (87.0% to 97.0%; not inspected: 90.9%)" in part  # 190 - 90 of 110
    assert "85.0% (by definition)" in part  # of whatever value: the table asks for the stage
