"""Intervals of 95 %: around a mean over seeds, around a share of texts."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# The normal distribution's quantile at 0.975.
_Z = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Interval:
    """A number and its 95 % interval; low and high are None where nothing can be said."""

    mean: float
    low: float | None
    high: float | None


def over_seeds(values: Sequence[float]) -> Interval:
    """The mean over repeats with Student's t interval, cut to 0 to 1.

    It holds what the seeds vary (drawing, initial head, dropout), not which texts are in the test
    set. One value alone has no interval.

    Args:
        values: one score, 0 to 1, a repeat; at least one.
    """
    mean = float(np.mean(values))
    if len(values) < 2:
        return Interval(mean, None, None)
    error = float(np.std(values, ddof=1)) / math.sqrt(len(values))
    reach = t_quantile(len(values) - 1) * error
    return Interval(mean, max(0.0, mean - reach), min(1.0, mean + reach))


def wilson(hits: int, n: int) -> Interval:
    """A share with Wilson's score interval (1927), for a single run.

    Args:
        hits: 0 to n.
        n: at least 1.
    """
    share = hits / n
    spread = 1 + _Z**2 / n
    centre = (share + _Z**2 / (2 * n)) / spread
    reach = _Z / spread * math.sqrt(share * (1 - share) / n + _Z**2 / (4 * n * n))
    return Interval(share, max(0.0, centre - reach), min(1.0, centre + reach))


def t_quantile(freedom: int, *, level: float = 0.975) -> float:
    """Student's t below which a share of `level` (above 0.5, below 1) lies, by bisection."""
    low, high = 0.0, 1.0
    while t_below(high, freedom) < level:
        high *= 2
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if t_below(middle, freedom) < level else (low, middle)
    return (low + high) / 2


def t_below(t: float, freedom: int) -> float:
    """The share of Student's t distribution below t >= 0.

    The closed forms for whole degrees of freedom (Abramowitz and Stegun 1964, 26.7.3 and 26.7.4).
    """
    angle = math.atan2(t, math.sqrt(freedom))
    sine, square = math.sin(angle), math.cos(angle) ** 2
    odd = freedom % 2
    term = math.cos(angle) if odd else 1.0
    total = 0.0
    for step in range(1, (freedom - odd) // 2 + 1):
        total += term
        term *= square * (2 * step - 1 + odd) / (2 * step + odd)
    within = 2 / math.pi * (angle + sine * total) if odd else sine * total
    return (1 + within) / 2
