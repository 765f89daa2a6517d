"""Inspection: which texts the oracle looks at when it stands in for people, and what it says."""

from collections.abc import Sequence

import numpy as np

from core.interventions.oracle import noisy


def inspected_by_oracle(
    right: Sequence[str],
    count: int | None,
    *,
    label_names: Sequence[str],
    error_rate: float = 0.0,
    seed: int = 0,
) -> tuple[tuple[str, ...], list[int]]:
    """Draw the texts that the oracle inspects; equal arguments give equal draws.

    Args:
        right: the oracle's label for each text.
        count: texts to inspect; None is all of them.
        label_names: all labels.
        error_rate: chance that it gives a wrong label, 0 to 1, to simulate people.
        seed: of errors and draw.

    Returns:
        What it says of each text, and the rows of those that it inspects, in the order drawn.

    Raises:
        BadInput: the error rate is out of range, or there is no other label to err with.
    """
    rng = np.random.default_rng(seed)
    told = noisy(right, error_rate, rng, label_names=label_names)
    if count is None:
        return told, list(range(len(told)))
    return told, rng.permutation(len(told))[:count].tolist()
