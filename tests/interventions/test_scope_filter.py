"""The filter: its rules by hand, its measure against a naive loop."""

import numpy as np
import pytest
from scipy.stats import t

from core.classification.evaluation.intervals import wilson
from core.domain.errors import BadInput
from core.domain.serialization import from_json, to_json
from core.interventions.scope_filter import (
    DRAWS,
    FilterEffect,
    HeldOut,
    ScopeFilter,
    filter_effect,
    train_filter,
)
from tests.interventions.making import clouds


def by_hand(*confidence: float, judged: dict[int, bool] | None = None) -> ScopeFilter:
    splits = (
        HeldOut((0.9, 0.2, 0.4), (True, False, True)),
        HeldOut((0.9, 0.8, 0.45), (True, True, False)),
    )
    return ScopeFilter(np.array(confidence), judged or {}, splits)


def test_what_goes_goes_from_the_boundary_on_and_the_judged_as_judged() -> None:
    scope = by_hand(0.9, 0.1, 0.49, 0.5, 0.3, 0.95, judged={0: False, 4: True, 5: False})
    assert scope.kept(0.5).tolist() == [False, False, False, True, True, False]
    assert scope.going(0.5) == [2, 1, 5, 0]
    assert scope.going(0) == [5, 0]
    assert scope.going(1) == [3, 2, 1, 5, 0]
    for threshold in (-0.1, 1.1, float("nan")):
        with pytest.raises(BadInput, match="threshold"):
            scope.kept(threshold)


def test_precision_and_recall_by_hand() -> None:
    quality = by_hand().quality(0.5)
    # First split: two go, one rightly; second: one goes, rightly. All that is out of scope goes.
    assert quality.precision is not None
    assert quality.precision.mean == pytest.approx(0.75)
    reach = t.ppf(0.975, 1) * np.std([0.5, 1], ddof=1) / np.sqrt(2)
    assert quality.precision.low == max(0, 0.75 - reach)
    assert quality.recall.mean == 1
    assert quality.accuracy.mean == pytest.approx((2 / 3 + 1) / 2)
    assert (quality.splits, quality.without_precision) == (2, 0)
    strict = by_hand().quality(0.3)  # nothing goes in the second split
    assert strict.precision is not None
    assert (strict.precision.mean, strict.without_precision) == (1, 1)
    assert strict.recall.mean == 0.5
    none = by_hand().quality(0.1)
    assert (none.precision, none.without_precision, none.recall.mean) == (None, 2, 0)


def test_it_finds_what_is_out_of_scope() -> None:
    vectors, labels = clouds(300, 60, spread=0.1)
    out = np.array([label == "b" for label in labels])
    judged = {row: not bool(out[row]) for row in range(90)}
    scope = train_filter(vectors, judged, seed=1)
    assert np.array_equal(scope.kept(), ~out)
    quality = scope.quality()
    assert quality.precision is not None
    assert quality.precision.mean == quality.recall.mean == quality.accuracy.mean == 1
    assert scope.explanations == ()
    again = train_filter(vectors, judged, seed=1)
    assert np.array_equal(again.confidence, scope.confidence)
    assert all(
        np.array_equal(a.confidence, b.confidence)
        for a, b in zip(again.held_out, scope.held_out, strict=True)
    )


def test_splits_are_of_8_to_2_and_hold_both_kinds() -> None:
    vectors, labels = clouds(46, 7)
    judged = {row: label == "a" for row, label in enumerate(labels)}
    scope = train_filter(vectors, judged, splits=10)
    assert len(scope.held_out) == 10
    # A fifth of 46 is 9, of 7 is 1.
    assert {(len(s.in_scope), sum(s.in_scope)) for s in scope.held_out} == {(10, 9)}
    # Ten draws of a fifth are not the same draw.
    assert len({tuple(np.round(s.confidence, 6)) for s in scope.held_out}) > 5


def test_where_scope_can_t_be_seen_it_says_so() -> None:
    judged = {row: row % 2 == 0 for row in range(40)}
    scope = train_filter(np.ones((60, 4), dtype=np.float32), judged)
    assert scope.explanations[0].startswith("On held-out texts the filter does no better")
    assert set(scope.confidence.round(9)) == {0.5}


@pytest.mark.parametrize(
    ("inside", "outside", "message"),
    [
        (0, 0, "No text was judged in or out of scope; none was removed"),
        (30, 0, "All 30 judged texts are in scope.*no text was removed"),
        (0, 30, "All 30 judged texts are out of scope.*no text was removed"),
        (30, 4, "30 of the judged texts are in scope and 4 out of it.*No text was removed"),
        (4, 30, "4 of the judged texts are in scope and 30 out of it"),
    ],
)
def test_too_little_to_learn_from_changes_nothing(inside: int, outside: int, message: str) -> None:
    vectors, _ = clouds(40, 40)
    judged = {row: row < inside for row in range(inside + outside)}
    with pytest.raises(BadInput, match=message):
        train_filter(vectors, judged)


A, B = (1.0, 0.0), (0.0, 1.0)


# Strangers that bear the label a lie where b belongs, three for each b.
VECTORS = np.array([A] * 4 + [B] * 4 + [B] * 12, dtype=np.float32)


LABELS = ["a"] * 4 + ["b"] * 4 + ["a"] * 12


KEPT = np.arange(20) < 8


TEST = {
    "test_vectors": np.array([A] * 5 + [B] * 5, dtype=np.float32),
    "test_labels": ["a"] * 5 + ["b"] * 5,
}


def test_strangers_that_mislead_are_better_gone() -> None:
    calls: list[None] = []
    found = filter_effect(VECTORS, LABELS, KEPT, **TEST, seed=1, between=lambda: calls.append(None))
    assert (found.n, found.kept, found.n_test) == (20, 8, 10)
    assert (found.before, found.after) == (wilson(5, 10), wilson(10, 10))
    assert found.against_all.difference == 0.5
    # Half of the test texts turn right: drawn anew, two to eight of ten.
    assert (found.against_all.low, found.against_all.high) == (0.2, 0.8)
    # As many at random hold as many strangers in proportion, so they teach no better than all.
    assert found.drawn.mean == pytest.approx(0.5)
    assert found.against_drawn.difference == pytest.approx(0.5)
    assert len(calls) == 2 + DRAWS
    assert from_json(FilterEffect, to_json(found)) == found
    assert filter_effect(VECTORS, LABELS, KEPT, **TEST, seed=1) == found


def test_a_single_label_teaches_nothing() -> None:
    with pytest.raises(BadInput, match="fewer than two labels would be left"):
        filter_effect(VECTORS, LABELS, np.arange(20) < 4, **TEST, seed=0)
