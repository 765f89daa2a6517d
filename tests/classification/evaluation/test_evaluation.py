"""Evaluation against scikit-learn and against cases worked out by hand."""

import json

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given
from hypothesis import strategies as st

from core.classification.evaluation.evaluation import (
    accuracy,
    calibration,
    confusion,
    evaluate,
    label_scores,
    macro_f1,
    macro_f1_interval,
)
from core.domain.serialization import to_json

LABELS = ("a", "b", "c")
TRUTH = ("a", "a", "a", "b", "b", "a")
GIVEN = ("a", "b", "a", "b", "c", "c")


def test_a_case_by_hand() -> None:
    matrix = confusion(TRUTH, GIVEN, LABELS)
    assert matrix.tolist() == [[2, 1, 1], [0, 1, 1], [0, 0, 0]]
    assert accuracy(matrix) == 0.5
    scores = label_scores(matrix, LABELS)
    assert to_json(scores["a"]) == {"precision": 1, "recall": 0.5, "f1": 2 / 3, "support": 4}
    assert to_json(scores["b"]) == {"precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 2}
    assert to_json(scores["c"]) == {"precision": 0, "recall": None, "f1": None, "support": 0}
    assert macro_f1(matrix) == pytest.approx((2 / 3 + 0.5) / 2)


def test_a_label_never_given_has_no_precision() -> None:
    scores = label_scores(confusion(("a", "b"), ("a", "a"), ("a", "b")), ("a", "b"))
    assert to_json(scores["b"]) == {"precision": None, "recall": 0, "f1": 0, "support": 1}


pairs = st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), min_size=1)


@given(pairs)
def test_scores_agree_with_scikit_learn(rows: list[tuple[str, str]]) -> None:
    truth, given = zip(*rows, strict=True)
    matrix = confusion(truth, given, LABELS)
    assert matrix.tolist() == sklearn.metrics.confusion_matrix(truth, given, labels=LABELS).tolist()
    tested = sorted(set(truth))
    f1 = sklearn.metrics.f1_score(truth, given, labels=tested, average="macro", zero_division=0)
    assert macro_f1(matrix) == pytest.approx(f1)
    assert accuracy(matrix) == pytest.approx(sklearn.metrics.accuracy_score(truth, given))
    report = sklearn.metrics.classification_report(
        truth, given, labels=LABELS, output_dict=True, zero_division=0
    )
    for name, scores in label_scores(matrix, LABELS).items():
        assert scores.support == report[name]["support"]
        assert (scores.precision or 0) == pytest.approx(report[name]["precision"])
        assert (scores.recall or 0) == pytest.approx(report[name]["recall"])


def test_calibration_by_hand() -> None:
    probabilities = np.array([[0.95, 0.05], [0.95, 0.05], [0.3, 0.7], [0.5, 0.5]])
    curve = calibration(probabilities, ("a", "b", "b", "b"), ("a", "b"))
    assert [(row["from"], row["to"], row["n"]) for row in curve.bins] == [
        (0.4, 0.5, 1),
        (0.6, 0.7, 1),
        (0.9, 1.0, 2),
    ]
    assert [row["accuracy"] for row in curve.bins] == [0.0, 1.0, 0.5]
    assert curve.ece == pytest.approx(0.5 / 4 + 0.3 / 4 + 0.45 * 2 / 4)
    assert to_json(curve)["bins"][1] == {
        "from": 0.6,
        "to": 0.7,
        "n": 1,
        "confidence": pytest.approx(0.7),
        "accuracy": 1.0,
    }


def test_repeats_are_averaged_and_their_interval_is_named() -> None:
    second = ("a", "a", "a", "a", "b", "a")
    found = to_json(evaluate(TRUTH, [GIVEN, second], LABELS))
    assert found["accuracy"]["values"] == [0.5, pytest.approx(5 / 6)]
    assert found["accuracy"]["mean"] == pytest.approx(2 / 3)
    assert found["accuracy"]["interval"] == "t over seeds"
    assert found["per_label"]["b"]["recall"] == 0.5
    assert found["per_label"]["b"]["precision"] == pytest.approx(0.75)
    assert found["per_label"]["a"]["support"] == 4
    assert found["confusion"]["counts"] == [[6, 1, 1], [1, 2, 1], [0, 0, 0]]
    assert found["calibration"] is None
    assert found["n_test"] == 6
    json.dumps(found)


def test_a_single_run_has_intervals_over_texts() -> None:
    truth = ["a"] * 60 + ["b"] * 40
    given = ["a"] * 50 + ["b"] * 10 + ["b"] * 30 + ["a"] * 10
    found = to_json(evaluate(truth, [given], ("a", "b"), probabilities=[np.full((100, 2), 0.5)]))
    assert found["accuracy"]["interval"] == "Wilson over texts"
    assert found["macro_f1"]["interval"] == "bootstrap over texts"
    low, high = found["macro_f1"]["low"], found["macro_f1"]["high"]
    # A naive bootstrap, text by text.
    rng = np.random.default_rng(5)
    scores = []
    for _ in range(1000):
        rows = rng.integers(100, size=100)
        scores.append(
            sklearn.metrics.f1_score(
                np.array(truth)[rows], np.array(given)[rows], average="macro", zero_division=0
            )
        )
    assert (low, high) == pytest.approx(tuple(np.quantile(scores, [0.025, 0.975])), abs=0.015)
    assert macro_f1_interval([confusion(truth, given, ("a", "b"))]).low == low
    assert found["calibration"]["ece"] == pytest.approx(0.1)  # sure by half, right in 60 (ties: a)
