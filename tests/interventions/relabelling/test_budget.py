"""The annotation-budget curve: its ends by hand, its middle on texts that are known."""

import numpy as np
import pytest
from scipy.stats import t

from core.classification.evaluation.intervals import Interval
from core.domain.errors import BadInput
from core.domain.serialization import to_json
from core.interventions.relabelling.budget import MIN_LEFT, BudgetPoint, budget_curve, flattens
from tests.interventions.making import clouds

NAMES = ("a", "b", "c")
OTHER = {"a": "b", "b": "c", "c": "a"}


def mixed(n: int = 60, *, spread: float = 0.4) -> tuple[np.ndarray, list[str], list[str]]:
    """Vectors, labels of which the first fifth is wrong, and the truth."""
    vectors, truth = clouds(n, n, n, spread=spread)
    return vectors, [OTHER[x] if i < 3 * n / 5 else x for i, x in enumerate(truth)], truth


def test_the_ends_of_the_curve_are_counted() -> None:
    vectors, specified, truth = mixed()
    points = budget_curve(
        vectors, specified, dict(enumerate(truth)), label_names=NAMES, budgets=(0,)
    )
    assert [(p.inspected, p.accuracies) for p in points] == [(0, (0.8,)), (180, (1.0,) * 5)]
    assert points[0].accuracy == Interval(0.8, None, None)
    assert points[1].accuracy == Interval(1, 1, 1)


def test_accuracy_rises_with_what_was_inspected() -> None:
    vectors, specified, truth = mixed()
    points = budget_curve(
        vectors,
        specified,
        dict(enumerate(truth)),
        label_names=NAMES,
        budgets=(0, 10, 60),
        to_all=False,
    )
    means = [p.accuracy.mean for p in points if p.accuracy]
    assert [p.inspected for p in points] == [0, 10, 60]
    assert means[0] == 0.8 < means[1] < means[2]
    found = np.array(points[1].accuracies, dtype=float)
    assert len(set(found)) > 1
    reach = t.ppf(0.975, 4) * found.std(ddof=1) / np.sqrt(5)
    assert points[1].accuracy is not None
    assert points[1].accuracy.low == pytest.approx(found.mean() - reach)
    again = budget_curve(
        vectors, specified, dict(enumerate(truth)), label_names=NAMES, budgets=(10,), to_all=False
    )
    assert again == [points[1]]


def test_an_annotator_who_errs_leaves_errors() -> None:
    vectors, specified, truth = mixed()
    (point,) = budget_curve(
        vectors,
        specified,
        dict(enumerate(truth)),
        label_names=NAMES,
        budgets=(),
        error_rate=0.25,
    )
    assert point.inspected == 180
    assert point.accuracy is not None
    # Five draws of 180 labels.
    assert point.accuracy.mean == pytest.approx(0.75, abs=4 * np.sqrt(0.25 * 0.75 / 900))


def test_judgements_of_some_texts_stand_for_the_rest() -> None:
    vectors, specified, truth = mixed(spread=0.1)
    rows = list(range(20, 80))  # 16 of these 60 labels are wrong
    judged = {row: truth[row] for row in rows}
    points = budget_curve(
        vectors, specified, judged, label_names=NAMES, budgets=(0, 30, 60 - MIN_LEFT, 41)
    )
    # 41 would leave too few to measure on, and all texts are not judged, so there is no end point.
    assert [p.inspected for p in points] == [0, 30, 40]
    wrong = sum(specified[row] != truth[row] for row in rows)
    assert points[0].accuracies == (pytest.approx(1 - wrong / 60),)
    assert points[1].accuracies == (1.0,) * 5


def test_a_sample_of_one_label_is_left_out() -> None:
    vectors, specified, truth = mixed()
    (point,) = budget_curve(
        vectors,
        specified,
        dict(enumerate(truth)),
        label_names=NAMES,
        budgets=(1,),
        to_all=False,
        repeats=3,
    )
    assert (point.accuracies, point.accuracy) == ((None,) * 3, None)
    assert to_json(point) == {"inspected": 1, "accuracies": [None] * 3, "accuracy": None}


def test_what_can_t_be_measured_is_refused() -> None:
    vectors, specified, _ = mixed()
    with pytest.raises(BadInput, match="No text was judged"):
        budget_curve(vectors, specified, {}, label_names=NAMES)
    for wrong in ({"budgets": (-1,)}, {"repeats": 0}):
        with pytest.raises(BadInput, match="negative"):
            budget_curve(vectors, specified, {0: "a"}, label_names=NAMES, **wrong)  # type: ignore[arg-type]


def curve(*points: tuple[int, float | None]) -> list[BudgetPoint]:
    return [
        BudgetPoint(n, (mean,), None if mean is None else Interval(mean, None, None))
        for n, mean in points
    ]


def test_where_a_curve_flattens() -> None:
    rising = curve((0, 0.5), (50, 0.6), (100, 0.64), (200, 0.65), (400, 0.66))
    # Gains a 100 texts: 0.2, 0.08, 0.01, 0.005.
    assert flattens(rising, bound=0.02) == 100
    assert flattens(rising, bound=0.1) == 50
    assert flattens(rising, bound=0.3) == 0
    assert flattens(rising, bound=0.004) is None
    # A late rise counts: what looked flat before it was not.
    assert flattens(curve((0, 0.5), (100, 0.5), (200, 0.9), (300, 0.9))) == 200
    assert flattens(curve((0, 0.5), (10, None), (100, 0.9))) is None
    assert flattens(curve((0, 0.5))) is None
    assert flattens([]) is None
