"""Two classifiers on the same test texts: is one better, and on which texts do they differ?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_AT_ONCE = 4_000_000  # values drawn at once: 32 MB

Shares = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Difference:
    """How much more accurate the second classifier is than the first.

    Args:
        difference: accuracy of the second minus that of the first.
        low: lower end of its 95 % interval.
        high: upper end.
        share: share of draws in which the second is the better one, ties counted half.
        n: test texts.
    """

    difference: float
    low: float
    high: float
    share: float
    n: int


def right_shares(truth: Sequence[str], predictions: Sequence[Sequence[str]]) -> Shares:
    """For each text the share of repeats that gave it its own label, float64 (texts,)."""
    own = np.array(truth, dtype=object)
    hits = [(np.array(given, dtype=object) == own).astype(float) for given in predictions]
    shares: Shares = np.mean(hits, axis=0)
    return shares


def paired_bootstrap(
    first: Shares, second: Shares, *, rng: np.random.Generator, draws: int = 10_000
) -> Difference:
    """Draw the test texts anew, the same for both (Efron and Tibshirani 1993; Koehn 2004).

    Args:
        first: from `right_shares`, (texts,), at least one.
        second: of the other classifier, the same texts in the same order.
        rng: draws the texts.
        draws: how often.

    Raises:
        ValueError: the two differ in length.
    """
    if first.shape != second.shape:
        raise ValueError("the two classifiers answered different texts")
    gaps = second - first
    n = len(gaps)
    means = []
    at_once = max(1, _AT_ONCE // n)
    for start in range(0, draws, at_once):
        rows = rng.integers(n, size=(min(at_once, draws - start), n))
        means.append(gaps[rows].mean(axis=1))
    drawn = np.concatenate(means)
    low, high = np.quantile(drawn, [0.025, 0.975])
    # Equal gaps that add up in another order differ by rounding.
    share = float(np.mean(drawn > 1e-12) + np.mean(np.abs(drawn) <= 1e-12) / 2)
    return Difference(float(gaps.mean()), float(low), float(high), share, n)
