"""Which conditions the story of a sweep compares, chosen by their knobs alone.

Chosen by their results they would look better than they are: the extremes of many measurements are
partly chance (winner's curse).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.analysis.findings.hypotheses import as_generated
from core.domain.registries.knobs import NUMERIC_AXES
from core.domain.wording import counted

ALIKE = ("task_key", "encoder", "classifier", "model", "other")
"""What the conditions of a story share."""

_WIDENING = tuple(knob for knob in NUMERIC_AXES if knob.widens)

_UNLIKE = {
    "model": "of another model",
    "encoder": "by another encoder",
    "classifier": "by another classifier",
    "other": "with other settings",
}


@dataclass(frozen=True, slots=True)
class StoryConditions:
    """The conditions of a story.

    Args:
        points: the points of its conditions, at all stages.
        baseline: `condition` with the least widening knobs; empty where there is none.
        most_diverse: the one with the most widening knobs; the same where no knob differs.
        left_out: points of the task that are too unlike the others to be compared with them.
        unlike: what these differ in, of `ALIKE`.
    """

    points: pd.DataFrame
    baseline: str
    most_diverse: str
    left_out: int
    unlike: tuple[str, ...] = ()

    @property
    def left_out_words(self) -> str:
        """ "12 points of another model or with other settings"; not escaped."""
        reasons = " or ".join(_UNLIKE[name] for name in self.unlike)
        return f"{counted(self.left_out, 'point')} {reasons}".strip()

    @property
    def differ(self) -> bool:
        """Whether the baseline and the most diverse condition are two."""
        return self.baseline != self.most_diverse


def choose_conditions(points: pd.DataFrame, *, task_key: str | None = None) -> StoryConditions:
    """Choose the conditions: the largest group that is comparable, and its two ends.

    A condition's place is the sum of its places on the knobs, each from 0 (the least widening value
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
        return StoryConditions(ours.iloc[:0], "", "", len(ours))
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
    for knob in _WIDENING:
        values = knob.widens * own[knob.name].fillna(0).to_numpy(np.float64)
        span = float(np.ptp(values))
        widths += (values - values.min()) / span if span else 0.0
    names = own["condition"].tolist()
    baseline, most_diverse = (names[int(place)] for place in (np.argmin(widths), np.argmax(widths)))
    rest = ours[~alike]
    unlike = tuple(name for name in _UNLIKE if (rest[name] != own[name].iloc[0]).any())
    return StoryConditions(chosen, baseline, most_diverse, len(rest), unlike)
