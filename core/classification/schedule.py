"""Schedule: the learning rate of a step, the batches of an epoch, and when it is enough."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt


def rate_factor(step: int, *, warmup_steps: int) -> float:
    """What the learning rate is multiplied by in a step counted from 0: linear, then 1."""
    return min(1.0, (step + 1) / max(1, warmup_steps))


def batches_of_an_epoch(
    lengths: Sequence[int], size: int, *, rng: np.random.Generator
) -> list[npt.NDArray[np.int64]]:
    """Rows batch by batch: texts of like length together, batches in random order.

    A batch is as long as its longest text, so sorted batches hold little padding. Each length is
    first moved by up to a tenth and one token, so that the same texts don't meet in every epoch.

    Args:
        lengths: tokens of each text.
        size: texts a batch; the last texts may be fewer.
        rng: moves the lengths, orders the batches.
    """
    moved = np.array(lengths) * rng.uniform(0.9, 1.1, len(lengths)) + rng.uniform(
        -1, 1, len(lengths)
    )
    order = np.argsort(moved, kind="stable").astype(np.int64)
    batches = [order[start : start + size] for start in range(0, len(order), size)]
    return [batches[place] for place in rng.permutation(len(batches))]


def class_weights(labels: Sequence[int], *, count: int) -> list[float]:
    """Each label's weight, inverse to its frequency, such that the texts' mean weight is 1.

    n / (labels that occur * texts of the label), as scikit-learn's `balanced`.

    Args:
        labels: each text's label, 0 to count - 1.
        count: how many labels there are; one without texts weighs 0.
    """
    found = np.bincount(labels, minlength=count)
    present = int((found > 0).sum())
    return [float(len(labels) / (present * n)) if n else 0.0 for n in found.tolist()]


def best_epoch(history: Sequence[dict[str, Any]]) -> int:
    """Number of the best epoch so far: the most accurate, of equals the one of the lowest loss.

    Args:
        history: for each epoch `epoch`, `accuracy` and `validation_loss`.
    """
    ranked = sorted(history, key=lambda e: (-e["accuracy"], e["validation_loss"], e["epoch"]))
    return int(ranked[0]["epoch"])


def is_enough(history: Sequence[dict[str, Any]], *, patience: int, max_epochs: int) -> bool:
    """Whether training ends after these epochs.

    Patience counts from the last epoch that was the best so far in accuracy or in loss: accuracy on
    a few texts held out moves in coarse steps, and stands still while a model goes on learning. The
    paper names the patience (section 4.2), not of what.
    """
    if not history:
        return False
    done = int(history[-1]["epoch"])
    lowest = min(history, key=lambda e: (e["validation_loss"], e["epoch"]))
    last = max(best_epoch(history), int(lowest["epoch"]))
    return done >= max_epochs or done - last >= patience
