"""The paired bootstrap against the normal approximation and against scipy."""

import numpy as np
import pytest
import scipy.stats

from core.classification.evaluation.comparison import paired_bootstrap, right_shares


def test_shares_of_repeats() -> None:
    shares = right_shares(("a", "b", "a"), [("a", "a", "a"), ("a", "b", "b")])
    assert shares.tolist() == [1.0, 0.5, 0.5]


def test_a_difference_by_hand_and_by_scipy() -> None:
    first = np.array([1.0] * 60 + [0.0] * 40)
    second = np.array([1.0] * 55 + [0.0] * 5 + [1.0] * 20 + [0.0] * 20)
    found = paired_bootstrap(first, second, rng=np.random.default_rng(1))
    assert found.difference == pytest.approx(0.15)
    assert found.n == 100
    reference = scipy.stats.bootstrap(
        (second - first,), np.mean, method="percentile", rng=np.random.default_rng(2)
    ).confidence_interval
    assert (found.low, found.high) == pytest.approx((reference.low, reference.high), abs=0.011)
    assert found.share > 0.99
    mirrored = paired_bootstrap(second, first, rng=np.random.default_rng(1))
    assert mirrored.share == pytest.approx(1 - found.share)


def test_equal_classifiers_tie() -> None:
    same = np.array([1.0, 0.0, 1 / 3, 2 / 3])
    found = paired_bootstrap(same, same, rng=np.random.default_rng(0), draws=50)
    assert (found.difference, found.low, found.high, found.share) == (0, 0, 0, 0.5)


def test_draws_come_in_pieces_of_the_right_number() -> None:
    gaps = np.zeros(3_000_000)
    found = paired_bootstrap(gaps, gaps, rng=np.random.default_rng(0), draws=3)
    assert found.share == 0.5


def test_other_texts_are_refused() -> None:
    with pytest.raises(ValueError, match="different texts"):
        paired_bootstrap(np.zeros(3), np.zeros(4), rng=np.random.default_rng(0))
