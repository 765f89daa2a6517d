"""What a classifier makes of a filter, on vectors of two directions."""

import numpy as np
import pytest

from core.classification.evaluation.intervals import wilson
from core.domain.errors import BadInput
from core.domain.serialization import from_json, to_json
from core.interventions.scope_filter import DRAWS, FilterEffect, filter_effect

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
