"""Remote-Clique: by hand, against a naive double loop, and its intervals against repetition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from core.diversity.measures.remote_clique import (
    CliqueSum,
    Vectors,
    bootstrap,
    mean_distances,
    remote_clique,
    size_matched,
)


def naive(vectors: Vectors) -> float:
    distances = []
    for i, one in enumerate(vectors.astype(np.float64)):
        for j, other in enumerate(vectors.astype(np.float64)):
            if i != j:
                cosine = one @ other / np.sqrt((one @ one) * (other @ other))
                distances.append(1 - cosine)
    return float(np.mean(distances))


def scattered(n: int, *, seed: int = 0, size: int = 8, middle: float = 1.0) -> Vectors:
    """Vectors around one direction, of unlike lengths."""
    rng = np.random.default_rng(seed)
    return (rng.normal(0, 1, (n, size)) + middle).astype(np.float32) * rng.uniform(
        0.1, 9, (n, 1)
    ).astype(np.float32)


def test_by_hand() -> None:
    right, up, left = [2, 0], [0, 5], [-1, 0]
    assert remote_clique(np.array([right, up], np.float32)) == pytest.approx(1)
    assert remote_clique(np.array([right, right], np.float32)) == pytest.approx(0)
    assert remote_clique(np.array([right, left], np.float32)) == pytest.approx(2)
    # pairs: right-up 1, right-left 2, up-left 1
    assert remote_clique(np.array([right, up, left], np.float32)) == pytest.approx(4 / 3)
    # right-right 0, twice right-up 1
    assert remote_clique(np.array([right, right, up], np.float32)) == pytest.approx(2 / 3)


@pytest.mark.parametrize("n", [0, 1])
def test_below_two_texts_there_is_none(n: int) -> None:
    assert remote_clique(scattered(n)) is None
    clique = CliqueSum(8)
    clique.add(scattered(n))
    assert clique.value is None
    assert clique.estimate().value is None
    assert bootstrap(scattered(n), np.random.default_rng(0)).low is None


@settings(deadline=None)
@given(
    arrays.arrays(
        np.float32,
        st.tuples(st.integers(2, 30), st.integers(1, 6)),
        elements=st.floats(0.125, 100, width=32) | st.floats(-100, -0.125, width=32),
    )
)
def test_it_is_the_mean_over_a_naive_double_loop(vectors: Vectors) -> None:
    expected = naive(vectors)
    assert remote_clique(vectors) == pytest.approx(expected, abs=1e-5)
    assert mean_distances(vectors).mean() == pytest.approx(expected, abs=1e-5)
    clique = CliqueSum(vectors.shape[1])
    clique.add(vectors[:1])
    clique.add(vectors[1:1])
    clique.add(vectors[1:])
    assert clique.n == len(vectors)
    assert clique.value == pytest.approx(expected, abs=1e-5)


def test_many_texts_lose_no_precision() -> None:
    # Nearly equal texts, more than a block of them: the score is a small difference of large sums.
    near = (np.ones((10_000, 64)) + np.random.default_rng(1).normal(0, 0.01, (10_000, 64))).astype(
        np.float32
    )
    unit = near.astype(np.float64)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    exact = 1 - (np.square(unit.sum(0)).sum() - 10_000) / (10_000 * 9_999)
    assert exact < 2e-4
    assert remote_clique(near) == pytest.approx(exact, rel=1e-3)


def test_a_texts_own_mean_distance_is_to_the_others() -> None:
    vectors = np.array([[1, 0], [0, 1], [0, 2]], np.float32)
    assert mean_distances(vectors) == pytest.approx([1, 0.5, 0.5])


@pytest.mark.parametrize("bad", [0.0, np.nan, np.inf])
def test_a_vector_without_a_direction_is_refused(bad: float) -> None:
    vectors = scattered(5)
    vectors[3] = bad
    for measure in (remote_clique, mean_distances, CliqueSum(8).add):
        with pytest.raises(ValueError, match="zero or not finite"):
            measure(vectors)


def test_equal_texts_have_no_spread() -> None:
    same = np.ones((50, 8), np.float32)
    clique = CliqueSum(8)
    clique.add(same)
    for found in (clique.estimate(), bootstrap(same, np.random.default_rng(0))):
        assert found.value == pytest.approx(0, abs=1e-6)
        assert found.high == pytest.approx(0, abs=1e-3)


def test_both_intervals_cover_the_true_value_as_often_as_they_say() -> None:
    # The true value is that of the population that each dataset is drawn from.
    truth = remote_clique(scattered(60_000, seed=99))
    assert truth is not None
    covered = {"delta": 0, "bootstrap": 0}
    for seed in range(200):
        vectors = scattered(80, seed=seed)
        clique = CliqueSum(8)
        clique.add(vectors)
        both = {
            "delta": clique.estimate(),
            "bootstrap": bootstrap(vectors, np.random.default_rng(seed), resamples=300),
        }
        for name, found in both.items():
            assert found.n == 80
            covered[name] += found.low < truth < found.high  # type: ignore[operator]
    # 190 expected of 200; 3.5 standard deviations of chance below are 179.
    assert all(count >= 179 for count in covered.values()), covered
    assert min(covered.values()) < 200


def test_the_two_intervals_agree() -> None:
    vectors = scattered(400, seed=3)
    clique = CliqueSum(8)
    clique.add(vectors)
    quick, slow = clique.estimate(), bootstrap(vectors, np.random.default_rng(0))
    assert quick.value == pytest.approx(slow.value, abs=1e-6)
    wide = slow.high - slow.low  # type: ignore[operator]
    assert quick.high - quick.low == pytest.approx(wide, rel=0.15)  # type: ignore[operator]


def test_a_seed_gives_the_same_interval_and_another_not() -> None:
    vectors = scattered(40)
    first = bootstrap(vectors, np.random.default_rng(5))
    assert bootstrap(vectors, np.random.default_rng(5)) == first
    assert bootstrap(vectors, np.random.default_rng(6)).low != first.low


def test_a_resample_of_two_or_three_texts_may_hold_no_pair() -> None:
    vectors = np.array([[1, 0], [0, 1], [1, 1]], np.float32)
    found = bootstrap(vectors, np.random.default_rng(0), resamples=500)
    assert found.low == pytest.approx(1 - np.sqrt(0.5), abs=1e-6)
    assert found.high == pytest.approx(1)


def test_subsets_of_equal_size_have_the_whole_sets_mean_and_more_chance() -> None:
    vectors = scattered(300, seed=4)
    whole = remote_clique(vectors)
    small = size_matched(vectors, 20, np.random.default_rng(0), draws=2000)
    assert small.n == 20
    assert small.value == pytest.approx(whole, abs=0.005)
    large = size_matched(vectors, 200, np.random.default_rng(0))
    assert large.high - large.low < small.high - small.low  # type: ignore[operator]
    everything = size_matched(vectors, 300, np.random.default_rng(0), draws=3)
    assert everything.low == pytest.approx(everything.high, abs=1e-6)
    for n in (0, 1, 301):
        with pytest.raises(ValueError, match="no pairs"):
            size_matched(vectors, n, np.random.default_rng(0))
