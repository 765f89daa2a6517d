"""Cast: which conditions a story of a sweep is told with, chosen by their knobs alone.

Chosen by their results they would look better than they are: the extremes of many measurements are
partly luck.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.analysis.findings.hypotheses import as_generated

ALIKE = ("task_key", "encoder", "classifier", "model", "other")
"""What the conditions of a story share."""

_UNLIKE = {
    "model": "of another model",
    "encoder": "by another encoder",
    "classifier": "by another classifier",
    "other": "with other settings",
}

_WIDENING = (("temperature", 1.0), ("suppression", 1.0), ("seeding", 1.0), ("min_p", -1.0))
"""The knobs, and whether more of each is wider (paper, section 4.1; min_p cuts rare tokens off)."""


@dataclass(frozen=True, slots=True)
class Cast:
    """What a story is told with.

    Args:
        points: the points of its conditions, at all stages.
        narrow: `condition` with the most careful knobs; empty where there is nothing.
        wide: the one with the widest; the same where no knob differs.
        left_out: points of the task that are too unlike the others to be compared with them.
        unlike: what these differ in, of `ALIKE`.
    """

    points: pd.DataFrame
    narrow: str
    wide: str
    left_out: int
    unlike: tuple[str, ...] = ()

    @property
    def left_out_words(self) -> str:
        """ "12 points of another model or with other settings"; not escaped."""
        many = f"{self.left_out:,} point{'' if self.left_out == 1 else 's'}"
        why = " or ".join(_UNLIKE[name] for name in self.unlike)
        return f"{many} {why}".strip()

    @property
    def moved(self) -> bool:
        """Whether narrow and wide differ."""
        return self.narrow != self.wide


def cast(points: pd.DataFrame, *, task_key: str | None = None) -> Cast:
    """Choose the conditions: the largest group that is comparable, and its two ends.

    A condition's place is the sum of its places on the knobs, each from 0 (the narrowest value
    that occurs) to 1; of equals the first in the frame.

    Args:
        points: a points frame.
        task_key: only of this task; None is the task with the most conditions.
    """
    ours = points[points["source"] != "paper"]
    if task_key is not None:
        ours = ours[ours["task_key"] == task_key]
    raw = as_generated(ours)
    if not len(raw):
        return Cast(ours.iloc[:0], "", "", len(ours))
    if task_key is None:
        ours = ours[ours["task_key"] == raw["task_key"].value_counts().index[0]]
        raw = as_generated(ours)
    groups = raw.groupby(list(ALIKE), sort=False, dropna=False).ngroup().to_numpy()
    own = raw[groups == np.bincount(groups).argmax()]
    alike = ours["condition"].isin(own["condition"]).to_numpy(np.bool_)
    for name in ALIKE:
        alike = alike & (ours[name] == own[name].iloc[0]).to_numpy(np.bool_)
    chosen = ours[alike]
    widths = np.zeros(len(own))
    for knob, sign in _WIDENING:
        values = sign * own[knob].fillna(0).to_numpy(np.float64)
        span = float(np.ptp(values))
        widths += (values - values.min()) / span if span else 0.0
    names = own["condition"].tolist()
    narrow, wide = (names[int(place)] for place in (np.argmin(widths), np.argmax(widths)))
    rest = ours[~alike]
    unlike = tuple(name for name in _UNLIKE if (rest[name] != own[name].iloc[0]).any())
    return Cast(chosen, narrow, wide, len(rest), unlike)
