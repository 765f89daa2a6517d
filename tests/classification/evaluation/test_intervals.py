"""Intervals against scipy and against values worked out by hand."""

import pytest
import scipy.stats

from core.classification.evaluation.intervals import (
    Interval,
    over_seeds,
    t_below,
    t_quantile,
    wilson,
)


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 5, 9, 10, 19, 60])
def test_t_agrees_with_scipy(freedom: int) -> None:
    assert t_quantile(freedom) == pytest.approx(scipy.stats.t.ppf(0.975, freedom), abs=1e-9)
    for t in (0.0, 0.3, 1.0, 4.2):
        assert t_below(t, freedom) == pytest.approx(scipy.stats.t.cdf(t, freedom), abs=1e-12)


def test_the_interval_over_seeds() -> None:
    # mean 0.8, standard deviation 0.02, error 0.02 / sqrt(3), t(2) = 4.3027
    found = over_seeds([0.78, 0.8, 0.82])
    assert found.mean == pytest.approx(0.8)
    assert found.high is not None
    assert found.high - 0.8 == pytest.approx(4.302652729911275 * 0.02 / 3**0.5)
    reference = scipy.stats.t.interval(0.95, 2, 0.8, scipy.stats.sem([0.78, 0.8, 0.82]))
    assert (found.low, found.high) == pytest.approx(reference)


def test_one_seed_has_no_interval_and_shares_stay_shares() -> None:
    assert over_seeds([0.7]) == Interval(0.7, None, None)
    wide = over_seeds([0.2, 0.9])
    assert (wide.low, wide.high) == (0.0, 1.0)


@pytest.mark.parametrize(("hits", "n"), [(0, 10), (10, 10), (7, 10), (812, 1000), (1, 1)])
def test_wilson_agrees_with_scipy(hits: int, n: int) -> None:
    found = wilson(hits, n)
    reference = scipy.stats.binomtest(hits, n).proportion_ci(method="wilson")
    assert found.mean == hits / n
    assert (found.low, found.high) == pytest.approx((reference.low, reference.high), abs=1e-9)
