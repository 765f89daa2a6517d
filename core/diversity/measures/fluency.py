"""Fluency: how likely the language model found what it wrote.

Gibberish lies far apart and so scores as very diverse; a low fluency tells it from real variety.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

GIBBERISH = -4.5
"""The mean of a dataset from which on little of it may make sense. The embedded model's texts lie
about -3.5 at temperature 1, where they still are sentences, and about -6 at 1.3, where few are."""


@dataclass(frozen=True, slots=True)
class Fluency:
    """Mean and spread of the texts' mean log-probability per token.

    Args:
        mean: natural logarithm, 0 at most, higher is more fluent; None where no text's is known.
        sd: standard deviation over the texts (divisor n - 1); None below two.
        n: texts whose fluency is known.
    """

    mean: float | None
    sd: float | None
    n: int


def fluency_of(values: Sequence[float | None]) -> Fluency:
    """The fluency of texts; None and values that are not finite are left out."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    return Fluency(
        mean=float(np.mean(known)) if known else None,
        sd=float(np.std(known, ddof=1)) if len(known) > 1 else None,
        n=len(known),
    )
