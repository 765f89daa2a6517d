"""Pairs: results that differ in one thing alone, their differences, and what these say."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.analysis.frames.columns import KNOBS, METRICS, STAGE
from core.classification.evaluation.intervals import t_quantile
from core.domain.registries.knobs import KNOB, NUMERIC_AXES

Verdict = Literal["holds", "does not", "undecided"]
Numbers = npt.NDArray[np.float64]

LEAST = 3
"""Fewer pairs decide nothing."""

TARGETS: Mapping[str, tuple[float, float]] = {
    knob.name: (float(min(knob.paper)), float(max(knob.paper)))
    for knob in NUMERIC_AXES
    if len(knob.paper) > 1
}
"""The values of the paper between which a knob's effect is measured."""

SAME = (
    "task",
    "task_key",
    *KNOBS,
    "other",
    "encoder",
    "classifier",
    *STAGE,
    "seed",
)
"""What the two of a pair share, but for what is looked at. Repeats are paired by their seed: it
draws the same seed examples for all conditions."""

_EVEN = 1e-12  # differences of decimals such as 0.3 - 0.1 - 0.2 are not 0


@dataclass(frozen=True, slots=True)
class Effect:
    """A mean difference over pairs, with Student's t interval (95%).

    Args:
        mean: NaN without a pair.
        low: None below two pairs.
        high: likewise.
        n: pairs.
    """

    mean: float
    low: float | None
    high: float | None
    n: int


def effect(differences: Numbers) -> Effect:
    """Mean and interval of differences (pairs,), NaN left out; below `LEAST` there is no interval.

    The interval takes the pairs as independent: give those of one task, or see `over_tasks`. It is
    of the mean over the settings that were tried: how these differ among each other counts as
    chance, which makes it rather too wide for them.
    """
    known = differences[np.isfinite(differences)]
    if not len(known):
        return Effect(math.nan, None, None, 0)
    mean = float(known.mean())
    if len(known) < LEAST:  # of two, Student's t reaches twelve errors, or nowhere if they agree
        return Effect(mean, None, None, len(known))
    reach = t_quantile_of(len(known) - 1) * float(known.std(ddof=1)) / math.sqrt(len(known))
    return Effect(mean, mean - reach, mean + reach, len(known))


def over_tasks(values: Numbers, tasks: Sequence[str]) -> Effect:
    """The mean of the tasks' own means, each task counting once, with Student's t over the tasks.

    Pairs of one task share its labels, reference and oracle, so several tasks' pairs are not so
    many independent ones; the tasks are. Estimating in each group by itself and testing over the
    groups holds for few groups, too, whatever their variances (Ibragimov and Müller 2010).

    Args:
        values: (pairs,), NaN left out.
        tasks: of each pair.

    Returns:
        `n` counts the tasks that have a value.
    """
    known = np.isfinite(values)
    codes = pd.factorize(np.asarray(tasks, dtype=object)[known])[0]
    counts = np.bincount(codes)
    return effect(np.bincount(codes, values[known]) / counts if len(counts) else np.zeros(0))


def verdict(effect: Effect, direction: Literal[1, -1], *, least: int = LEAST) -> Verdict:
    """What an effect says of a hypothesis on its sign.

    `holds`: the interval lies wholly on the hypothesis' side of 0; `does not`: wholly on the other;
    `undecided`: it holds 0 (as its end, too), or there are fewer than `least` pairs.

    Args:
        effect: the effect.
        direction: 1 for more, -1 for less.
        least: see above.
    """
    if effect.n < least or effect.low is None or effect.high is None:
        return "undecided"
    low, high = (effect.low, effect.high) if direction > 0 else (-effect.high, -effect.low)
    if low > _EVEN:
        return "holds"
    return "does not" if high < -_EVEN else "undecided"


def within(effect: Effect, bound: float, *, least: int = LEAST) -> Verdict:
    """What an effect says of the hypothesis that it is small: between -bound and bound.

    `holds`: so is the whole interval; `does not`: the interval lies wholly outside; else undecided.
    """
    if effect.n < least or effect.low is None or effect.high is None:
        return "undecided"
    if -bound < effect.low and effect.high < bound:
        return "holds"
    return "does not" if effect.low > bound or effect.high < -bound else "undecided"


def levels(frame: pd.DataFrame, knob: str) -> tuple[float, float] | None:
    """The two values of a knob in the frame that an effect is told between; None without two.

    Those nearest to `TARGETS`; of a knob that can be off the first must be that, 0.
    """
    first, second = TARGETS[knob]
    values = np.unique(frame[knob].to_numpy(np.float64))
    values = values[np.isfinite(values)]
    if KNOB[knob].off is not None:
        on = values[values > 0]
        if not len(on) or 0.0 not in values:
            return None
        return 0.0, float(on[np.argmin(np.abs(on - second))])
    if len(values) < 2:
        return None
    low = float(values[np.argmin(np.abs(values[:-1] - first))])
    rest = values[values > low]
    return low, float(rest[np.argmin(np.abs(rest - second))])


def knob_pairs(frame: pd.DataFrame, knob: str) -> pd.DataFrame:
    """Pairs that differ in one knob alone, its two `levels` chosen for each task by itself.

    Returns:
        One row a pair, see `matched`: `<metric>_a` at the first value, `<metric>_b` at the second.
    """
    side = np.full(len(frame), -1)
    values = frame[knob].to_numpy(np.float64)
    for task in _tasks(frame):
        both = levels(frame[task], knob)
        for place, value in enumerate(both or ()):
            side[task & (values == value)] = place
    return matched(frame, side, ("a", "b"), but=(knob,))


def factorial_cells(frame: pd.DataFrame) -> pd.DataFrame:
    """Squares of temperature and suppression: the two `levels` of both, all else alike.

    Returns:
        One row a square, see `matched`: `<metric>_00` at low temperature without suppression, `_10`
        at high temperature, `_01` with suppression, `_11` with both.
    """
    side = np.full(len(frame), -1)
    heats, strengths = (frame[knob].to_numpy(np.float64) for knob in ("temperature", "suppression"))
    for task in _tasks(frame):
        both = levels(frame[task], "temperature"), levels(frame[task], "suppression")
        if both[0] and both[1]:
            for place, (s, t) in enumerate((s, t) for s in both[1] for t in both[0]):
                side[task & (heats == t) & (strengths == s)] = place
    names = ("00", "10", "01", "11")
    return matched(frame, side, names, but=("temperature", "suppression"))


def matched(
    frame: pd.DataFrame, side: npt.NDArray[np.int_], names: Sequence[str], *, but: Sequence[str]
) -> pd.DataFrame:
    """Rows of each side that agree in all of `SAME` but some, side by side.

    Args:
        frame: results or points.
        side: of each row, its place in `names`; -1 leaves it out.
        names: of the sides: a metric's column becomes `<metric>_<name>`.
        but: columns in which they may differ.

    Returns:
        One row for all rows that agree and are there on every side: what they agree in, and the
        metrics; rows that agree on the same side, too, are averaged.
    """
    rows, side = frame[side >= 0], side[side >= 0]
    same = [name for name in SAME if name not in but and name in rows]
    of = rows.groupby(same, dropna=False, sort=False).ngroup().to_numpy()
    first = np.unique(of, return_index=True)[1]
    cell = of * len(names) + side
    size = len(first) * len(names)
    whole = (np.bincount(cell, minlength=size).reshape(-1, len(names)) > 0).all(axis=1)
    pairs = rows.iloc[first[whole]][same].reset_index(drop=True)
    for metric in METRICS:
        values = rows[metric].to_numpy(np.float64)
        known = np.isfinite(values)
        with np.errstate(invalid="ignore"):
            mean = np.bincount(cell[known], values[known], size) / np.bincount(
                cell[known], minlength=size
            )
        for place, name in enumerate(names):
            pairs[f"{metric}_{name}"] = mean.reshape(-1, len(names))[whole, place]
    return pairs


def task_labels(frame: pd.DataFrame) -> pd.Series:
    """The task of each row, by key and name."""
    return frame["task_key"] + "\n" + frame["task"]


def _tasks(frame: pd.DataFrame) -> list[npt.NDArray[np.bool_]]:
    codes = pd.factorize(task_labels(frame))[0]
    return [codes == code for code in np.unique(codes)]


@cache
def t_quantile_of(freedom: int) -> float:
    """Student's t quantile at 0.975."""
    return t_quantile(freedom)
