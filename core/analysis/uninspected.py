"""Uninspected: how right the labels are that label replacement gave to texts nobody looked at.

An inspected text bears the annotator's label, which counts as right by definition. So label
accuracy after LR rises by the inspection alone, even where the proxies change nothing.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

ALL_RIGHT = (
    "After LR of all texts label accuracy is 100% by definition: the oracle that relabels them is "
    "the one that judges."
)

Numbers = npt.NDArray[np.float64]


def uninspected_accuracy(rows: pd.DataFrame) -> Numbers:
    """Label accuracy of the texts that were not inspected, from that of all.

    Of n texts with accuracy a, N were inspected and are right: of the rest (a n - N) / (n - N) are.
    The inspected ones are drawn at random, so without LR the rest would be as right as all were.

    Args:
        rows: a results or a points frame. Of points `n` is the mean over runs, so that the share
            is exact where their runs are of equal size, and nearly so elsewhere.

    Returns:
        (rows,), 0 to 1; NaN as generated, where all were inspected, where out-of-scope filtering
        took texts out (it is not kept how many of them were inspected), and without a value.
    """
    inspected = pd.to_numeric(rows["inspected"].astype(str), errors="coerce").to_numpy(np.float64)
    n = rows["n"].to_numpy(np.float64)
    right = rows["label_accuracy"].to_numpy(np.float64) * n - inspected
    known = (inspected > 0) & (inspected < n) & ~rows["filtered"].to_numpy(np.bool_)
    with np.errstate(invalid="ignore", divide="ignore"):
        accuracy: Numbers = np.where(known, np.clip(right / (n - inspected), 0.0, 1.0), np.nan)
    return accuracy
