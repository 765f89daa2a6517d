"""Fault 43: one class only, one sample, all duplicates: SVCs and measures explain themselves."""

import numpy as np
import pytest

from core.domain.errors import BadInput
from core.interventions.annotation_queue import most_spread, most_uncertain
from core.interventions.annotators import cohen_kappa
from core.interventions.relabelling.budget import budget_curve
from core.interventions.relabelling.label_accuracy import label_accuracy
from core.interventions.relabelling.oracle import train_oracle
from core.interventions.relabelling.relabel import relabel_all, replace_labels
from core.interventions.scope_filter import train_filter

ONE = np.ones((1, 4), dtype=np.float32)
ALIKE = np.ones((30, 4), dtype=np.float32)


def test_one_class() -> None:
    judged = dict.fromkeys(range(10), "only")
    with pytest.raises(BadInput, match="All 10 inspected texts were labelled 'only'"):
        replace_labels(ALIKE, ["only"] * 30, judged, label_names=("only",))
    with pytest.raises(BadInput, match="fewer than two labels"):
        train_oracle(ALIKE, ["only"] * 30)
    with pytest.raises(BadInput, match="All 10 judged texts are in scope"):
        train_filter(ALIKE, dict.fromkeys(range(10), True))
    assert relabel_all(["only"], ["only"], label_names=("only",)).changed == ()
    assert cohen_kappa(["only"], ["only"]) is None
    found = label_accuracy(["only"] * 9, ["only"] * 9, label_names=("only",))
    assert (found.overall.hits, found.confusion) == (9, ((9,),))


def test_one_sample() -> None:
    with pytest.raises(BadInput, match="All 1 inspected texts"):
        replace_labels(ONE, ["a"], {0: "b"}, label_names=("a", "b"))
    with pytest.raises(BadInput, match="All 1 judged texts are out of scope"):
        train_filter(ONE, {0: False})
    assert most_spread(ONE, 5) == [0]
    assert most_uncertain([None], [0]) == []
    points = budget_curve(ONE, ["a"], {0: "b"}, label_names=("a", "b"))
    assert [(p.inspected, p.accuracies) for p in points] == [(0, (0.0,)), (1, (1.0,) * 5)]


def test_all_duplicates() -> None:
    labels = ["a", "b", "c"] * 10
    judged = {row: labels[row] for row in range(12)}
    result = replace_labels(ALIKE, labels, judged, label_names=("a", "b", "c"))
    assert result.changed == ()
    assert result.explanations[-1].startswith(
        "The proxy of 'a', 'b', 'c' does no better than chance"
    )
    scope = train_filter(ALIKE, {row: row % 2 == 0 for row in range(20)})
    assert scope.explanations[0].startswith("On held-out texts the filter does no better")
    assert most_spread(ALIKE, 3) == [0, 1, 2]
    oracle = train_oracle(ALIKE, labels)
    assert oracle.accuracy.interval is not None
    assert oracle.accuracy.interval.mean <= 0.5
