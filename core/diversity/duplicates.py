"""Texts that repeat an earlier one: word for word, or nearly."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.diversity.remote_clique import Numbers
from core.texts import fold

DEFAULT_THRESHOLD = 0.1
"""Cosine distance at which two texts count as near duplicates unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Repeats:
    """How many texts repeat an earlier one.

    Args:
        count: these texts; the first of each kind is none of them.
        share: of all texts, 0 to 1, lower is more diverse; None without texts.
    """

    count: int
    share: float | None


def wordings(texts: Sequence[str]) -> "npt.NDArray[np.int64]":
    """A number for each wording: texts that differ in case and white space alone share it.

    Returns:
        int64 (texts,): the row of the first text of that wording.
    """
    first: dict[str, int] = {}
    return np.array([first.setdefault(fold(t), row) for row, t in enumerate(texts)], dtype=np.int64)


def exact_duplicates(texts: Sequence[str]) -> Repeats:
    """Texts whose wording (`core.texts.fold`) an earlier one has."""
    kinds = wordings(texts)
    return _repeats(int((kinds < np.arange(len(kinds))).sum()), len(texts))


def near_duplicates_at(nearest_earlier: Numbers, threshold: float) -> Repeats:
    """Texts that lie within the threshold of an earlier one, exact duplicates among them.

    Counting is all it does, so that a person can move the threshold.

    Args:
        nearest_earlier: each text's distance to the nearest earlier one; NaN for the first.
        threshold: cosine distance, 0 to 2.
    """
    near = nearest_earlier <= threshold  # never true of NaN
    return _repeats(int(near.sum()), len(nearest_earlier))


def _repeats(count: int, n: int) -> Repeats:
    return Repeats(count, count / n if n else None)
