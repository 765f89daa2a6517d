"""Similarity: by a naive loop, and its interval against repetition."""

import numpy as np
import pytest

from core.diversity.measures.remote_clique import Vectors, similarity


def drawn(n: int, seed: int, middle: float = 1.0) -> Vectors:
    return np.random.default_rng(seed).normal(middle, 1, (n, 6)).astype(np.float32)


def test_it_is_the_mean_cosine_of_a_naive_double_loop() -> None:
    one, other = drawn(9, 1), drawn(7, 2, 0.2)
    cosines = [a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a in one for b in other]
    found = similarity(one, other, np.random.default_rng(0))
    assert found.value == pytest.approx(np.mean(cosines), abs=1e-6)
    assert found.n == 9
    assert found.low < found.value < found.high  # type: ignore[operator]


def test_too_few_texts_have_no_interval_or_nothing() -> None:
    rng = np.random.default_rng(0)
    assert similarity(drawn(0, 1), drawn(3, 1), rng).value is None
    assert similarity(drawn(3, 1), drawn(0, 1), rng).value is None
    single = similarity(drawn(1, 1), drawn(3, 1), rng)
    assert single.value is not None
    assert single.low is single.high is None


def test_the_interval_covers_the_true_value_as_often_as_it_says() -> None:
    truth = similarity(
        drawn(60_000, 98), drawn(60_000, 99, 0.3), np.random.default_rng(0), resamples=1
    ).value
    covered = 0
    for seed in range(200):
        found = similarity(
            drawn(60, seed),
            drawn(40, 1000 + seed, 0.3),
            np.random.default_rng(seed),
            resamples=300,
        )
        covered += found.low < truth < found.high  # type: ignore[operator]
    # 190 expected of 200; 3.5 standard deviations of chance below are 179.
    assert 179 <= covered < 200, covered
