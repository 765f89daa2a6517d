"""Label accuracy by hand and against scikit-learn and scipy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix

from core.interventions.relabelling.label_accuracy import (
    correct_for_oracle_errors,
    label_accuracy,
    share,
)

LABELS = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), max_size=40)


def test_label_accuracy_by_hand() -> None:
    found = label_accuracy(
        ["a", "a", "a", "b", "b"], ["a", "b", "a", "b", "c"], label_names=("a", "b", "c")
    )
    assert found.confusion == ((2, 1, 0), (0, 1, 1), (0, 0, 0))
    assert (found.overall.hits, found.overall.n) == (3, 5)
    assert {name: (s.hits, s.n) for name, s in found.by_label.items()} == {
        "a": (2, 3),
        "b": (1, 2),
        "c": (0, 0),
    }
    assert found.by_label["c"].interval is None
    assert found.label_names == ("a", "b", "c")
    assert found.overall.interval is not None
    assert found.overall.interval.mean == 0.6
    with pytest.raises(ValueError, match="none of the task's"):
        label_accuracy(["a"], ["x"], label_names=("a",))
    with pytest.raises(ValueError, match="shorter"):
        label_accuracy(["a", "a"], ["a"], label_names=("a",))


@settings(deadline=None)
@given(LABELS)
def test_the_confusion_is_that_of_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    borne, judged = [a for a, _ in pairs], [b for _, b in pairs]
    found = label_accuracy(borne, judged, label_names=("a", "b", "c"))
    if pairs:
        expected = confusion_matrix(borne, judged, labels=["a", "b", "c"])
        assert np.array_equal(found.confusion, expected)
    assert found.overall.hits == sum(a == b for a, b in pairs)


@settings(deadline=None)
@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_is_wilsons(counts: tuple[int, int]) -> None:
    hits, n = counts
    expected = binomtest(hits, n).proportion_ci(0.95, method="wilson")
    interval = share(hits, n).interval
    assert interval is not None
    assert (interval.mean, interval.low, interval.high) == pytest.approx(
        (hits / n, expected.low, expected.high), abs=1e-9
    )


def test_the_oracles_errors_are_taken_out() -> None:
    # Labels right on 0.7, an oracle right on 0.8, 5 labels: 0.56 + 0.3 * 0.2 / 4 agree.
    assert correct_for_oracle_errors(0.575, 0.8, labels=5) == pytest.approx(0.7)
    assert correct_for_oracle_errors(0.8, 1.0, labels=2) == pytest.approx(0.8)
    assert correct_for_oracle_errors(0.99, 0.8, labels=5) == 1
    assert correct_for_oracle_errors(0.0, 0.8, labels=5) == 0
    assert correct_for_oracle_errors(0.5, 0.5, labels=2) is None
