"""Duplicates counted by hand, and near ones against a naive loop at every threshold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.diversity.measures.neighbours import (
    exact_duplicates,
    near_duplicates_at,
    nearest_earlier,
    wordings,
)


def test_wordings_pass_over_case_and_white_space() -> None:
    texts = ["A text", "another", "a  TEXT ", "another", "a text.", "A text"]
    assert wordings(texts).tolist() == [0, 1, 0, 1, 4, 0]
    found = exact_duplicates(texts)
    assert (found.count, found.share) == (3, 0.5)
    assert (exact_duplicates([]).count, exact_duplicates([]).share) == (0, None)
    assert wordings([]).tolist() == []


def test_the_first_text_repeats_none_at_any_threshold() -> None:
    nearest = np.array([np.nan, 0.2, 0.0, 0.1])
    assert [near_duplicates_at(nearest, t).count for t in (0, 0.1, 0.15, 0.2, 2)] == [1, 2, 2, 3, 3]
    assert near_duplicates_at(nearest, 0.1).share == 0.5
    assert near_duplicates_at(nearest[:0], 0.1).share is None


@settings(deadline=None)
@given(st.integers(1, 30), st.integers(0, 1000), st.floats(0, 1.2))
def test_the_count_is_that_of_a_naive_loop(n: int, seed: int, threshold: float) -> None:
    vectors = np.random.default_rng(seed).normal(0.5, 1, (n, 3)).astype(np.float32)
    unit = vectors.astype(np.float64) / np.linalg.norm(vectors.astype(np.float64), axis=1)[:, None]
    least = [min((1 - unit[j] @ unit[i] for j in range(i)), default=np.inf) for i in range(n)]
    if any(abs(distance - threshold) < 1e-5 for distance in least):
        return  # rounding decides
    expected = sum(distance <= threshold for distance in least)
    found = near_duplicates_at(nearest_earlier(vectors)[0], threshold)
    assert found.count == expected
    assert found.share == pytest.approx(expected / n)
