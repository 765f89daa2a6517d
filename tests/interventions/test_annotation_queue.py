"""In which order texts come up to be judged, and the keys that judge them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.diversity.measures.remote_clique import Vectors
from core.interventions.annotation_queue import (
    KEYS,
    label_keys,
    most_spread,
    most_uncertain,
)


def plane(*degrees: float) -> Vectors:
    radians = np.deg2rad(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def test_the_least_confident_come_first() -> None:
    confidence = [0.9, None, 0.5, 0.7, 0.5, 0.1]
    assert most_uncertain(confidence, [0, 1, 2, 3, 4]) == [2, 4, 3, 0]
    assert most_uncertain(confidence, []) == []


def test_spread_out_texts_by_hand() -> None:
    # The mean of 0, 10, 20, 90 points to 29 degrees, nearest to 20. Farthest from 20 is 90, then 0
    # (20 away), then 10.
    vectors = plane(0, 10, 20, 90)
    assert most_spread(vectors, 4) == [2, 3, 0, 1]
    assert most_spread(vectors * 7, 2) == [2, 3]
    assert most_spread(vectors, 9, covered=[0]) == [3, 2, 1]
    assert most_spread(vectors, 2, candidates=[0, 1, 3], covered=[2]) == [3, 0]
    assert most_spread(vectors, 0) == most_spread(vectors[:0].reshape(0, 2), 3) == []


def test_equal_texts_come_in_their_order() -> None:
    assert most_spread(plane(0, 0, 0), 3) == [0, 1, 2]
    assert most_spread(plane(40, 40, 90, 90), 4) == [0, 2, 1, 3]


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10_000), st.integers(1, 25), st.integers(1, 12), st.integers(0, 4))
def test_each_next_text_is_the_farthest_from_those_before(
    seed: int, n: int, count: int, known: int
) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(0.2, 1, (n, 3)).astype(np.float32)
    covered = rng.permutation(n)[:known].tolist()
    unit = vectors.astype(np.float64)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    distances = 1 - unit @ unit.T
    chosen = most_spread(vectors, count, covered=covered)
    assert len(chosen) == min(count, n - len(covered))
    assert len({*chosen, *covered}) == len(chosen) + len(covered)
    for place, row in enumerate(chosen):
        before = covered + chosen[:place]
        free = [r for r in range(n) if r not in before]
        if before:
            best = max(min(distances[r, c] for c in before) for r in free)
            assert min(distances[row, c] for c in before) == pytest.approx(best, abs=2e-6)
        else:
            best = max(unit[r] @ unit.mean(axis=0) for r in free)
            assert unit[row] @ unit.mean(axis=0) == pytest.approx(best, abs=1e-6)


def test_greedy_covers_at_most_twice_as_badly_as_the_best() -> None:
    # Gonzalez's bound holds for distances with the triangle inequality: the chord's.
    from itertools import combinations

    for seed in range(20):
        vectors = np.random.default_rng(seed).normal(0, 1, (9, 3)).astype(np.float32)
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        chords = np.linalg.norm(unit[:, None] - unit[None], axis=2)
        best = min(chords[:, list(c)].min(axis=1).max() for c in combinations(range(9), 3))
        assert chords[:, most_spread(vectors, 3)].min(axis=1).max() <= 2 * best + 1e-6


def test_digits_first_then_letters_that_nothing_else_needs() -> None:
    names = [f"label {n}" for n in range(35)]
    keys = list(label_keys(names).values())
    assert keys[:11] == ["1", "2", "3", "4", "5", "6", "7", "8", "9", "A", "B"]
    assert keys[len(KEYS) :] == [None] * (35 - len(KEYS))
    assert len(set(KEYS)) == len(KEYS)
    assert not set("CROSZN") & set(KEYS)
