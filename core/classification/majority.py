"""The lowest rung of the ladder: every text gets the label that training has most of."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def majority(
    train_labels: Sequence[str], *, label_names: Sequence[str], n: int
) -> npt.NDArray[np.float64]:
    """Each label's share of training as its probability, (n, labels), whatever the text.

    Args:
        train_labels: at least one.
        label_names: names of the columns; of equally frequent labels the first one wins.
        n: texts to answer.
    """
    counts = Counter(train_labels)
    shares = np.array([counts[name] for name in label_names], dtype=np.float64) / len(train_labels)
    return np.tile(shares, (n, 1))
