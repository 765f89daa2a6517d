"""Pairs within and between labels, against a loop over all pairs."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.diversity.measures.remote_clique import Decomposition, decomposed, remote_clique


def naive(vectors: np.ndarray, labels: list[str], same: bool | None) -> float | None:
    found = []
    for one, other in combinations(range(len(vectors)), 2):
        if same is None or (labels[one] == labels[other]) == same:
            a, b = vectors[one].astype(float), vectors[other].astype(float)
            found.append(1 - a @ b / np.sqrt((a @ a) * (b @ b)))
    return float(np.mean(found)) if found else None


def test_two_labels_by_hand() -> None:
    # a: two equal texts; b: one at a right angle to them. Pairs: aa 0, ab 1, ab 1.
    vectors = np.array([[2, 0], [1, 0], [0, 3]], dtype=np.float32)
    found = decomposed(vectors, ["a", "a", "b"])
    assert found == Decomposition(pytest.approx(2 / 3), 0.0, 1.0, pytest.approx(1 / 3))


@given(st.integers(2, 30), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_it_equals_a_loop_over_the_pairs(n: int, groups: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(n, 5)).astype(np.float32)
    labels = [str(number) for number in rng.integers(0, groups, size=n)]
    found = decomposed(vectors, labels)
    assert found.value == pytest.approx(remote_clique(vectors), abs=1e-5)
    for value, same in ((found.within, True), (found.between, False)):
        wanted = naive(vectors, labels, same)
        assert value == (None if wanted is None else pytest.approx(wanted, abs=1e-5))
    parts = found.share_within * (found.within or 0) + (1 - found.share_within) * (
        found.between or 0
    )
    assert parts == pytest.approx(found.value, abs=1e-6)


def test_too_few_texts_and_wrong_lengths() -> None:
    one = np.ones((1, 3), dtype=np.float32)
    assert decomposed(one, ["a"]) == Decomposition(None, None, None, 0.0)
    assert decomposed(one[:0], []) == Decomposition(None, None, None, 0.0)
    with pytest.raises(ValueError, match="1 vectors have 2 labels"):
        decomposed(one, ["a", "b"])
