"""Contrasts: how far two conditions, or two stages of one, lie apart, and how sure that is.

A sweep has few runs of each condition, too few for an interval of its own. So the chance from run
to run is taken from the repeats of all conditions together (the residual of an analysis of
variance by condition), as if it were the same everywhere.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.analysis.frames.columns import METRICS
from core.analysis.frames.results import RANGES
from core.analysis.pairs import LEAST, t_quantile_of

Cell = tuple[str, str]
"""A condition and a stage of repair: `condition` and `inspected`; unfiltered."""

Basis = Literal["repeats", "texts", ""]
Direction = Literal["up", "down", "unclear"]
Numbers = npt.NDArray[np.float64]

_EVEN = 1e-12


@dataclass(frozen=True, slots=True)
class Contrast:
    """The difference between two cells in a metric.

    Args:
        before: mean over the runs of the first; NaN where there is none.
        after: of the second.
        low: lower end of the difference's 95% interval; None where nothing gives one.
        high: upper end.
        runs: how many runs the smaller side has.
        basis: where the interval is from: the "repeats" of all conditions, or the "texts" of
            single runs, which leaves the chance of another seed out; empty without one.
    """

    before: float
    after: float
    low: float | None
    high: float | None
    runs: int
    basis: Basis

    @property
    def mean(self) -> float:
        """The difference, NaN where a side is missing."""
        return self.after - self.before

    @property
    def known(self) -> bool:
        """Whether both sides were measured."""
        return math.isfinite(self.mean)

    @property
    def direction(self) -> Direction:
        """Up or down where the whole interval lies above or below 0."""
        if self.low is None or self.high is None:
            return "unclear"
        return "up" if self.low > _EVEN else "down" if self.high < -_EVEN else "unclear"


def contrast(results: pd.DataFrame, metric: str, before: Cell, after: Cell) -> Contrast:
    """The second cell against the first.

    Two stages of one condition are compared run by run, as LR changes the same texts. The interval
    is Student's t with the pooled spread of the repeats of all conditions at these stages, where
    they leave 3 degrees of freedom; else the runs' own intervals are put together by squares (the
    method MOVER; Zou and Donner 2008, with no correlation), which is too wide for one run's stages.

    Args:
        results: a results frame of one task, encoder and classifier.
        metric: which.
        before: the first cell.
        after: the second.
    """
    frame = results[~results["filtered"].astype(bool) & np.isfinite(results[metric])]
    if before[0] == after[0] and before[1] != after[1]:
        return _paired(frame, metric, before, after)
    sides = [_of(frame, cell) for cell in (before, after)]
    means = [float(side[metric].mean()) if len(side) else math.nan for side in sides]
    runs = min(map(len, sides))
    if not runs:
        return Contrast(means[0], means[1], None, None, 0, "")
    stages = list(dict.fromkeys((before[1], after[1])))
    spreads = [_at(frame, stage) for stage in stages]
    pooled = [_pooled(part[metric].to_numpy(np.float64), part["condition"]) for part in spreads]
    variance = sum(part[0] for part in pooled) / len(pooled)
    freedom = min(part[1] for part in pooled)
    if freedom >= LEAST:
        reach = t_quantile_of(freedom) * math.sqrt(
            variance * (1 / len(sides[0]) + 1 / len(sides[1]))
        )
        middle = means[1] - means[0]
        return Contrast(means[0], means[1], middle - reach, middle + reach, runs, "repeats")
    return _by_texts(metric, sides, runs)


def with_pooled_intervals(
    points: pd.DataFrame, results: pd.DataFrame, *, vain: bool = True
) -> pd.DataFrame:
    """The points with intervals by the pooled spread of each stage, where there are enough repeats.

    A point's own interval over two runs is Student's t with one degree of freedom, twelve times the
    standard error: true, and of no use to the eye.

    Args:
        points: a points frame of one task, encoder and classifier.
        results: the results frame that it was made of.
        vain: keep a point's own interval over two runs where there is nothing to pool.
    """
    pooled = points.copy()
    for metric in METRICS:
        least, most = RANGES[metric]
        known = results[np.isfinite(results[metric])]
        for stage, rows in known.groupby(["inspected", "filtered"], sort=False):
            variance, freedom = _pooled(rows[metric].to_numpy(np.float64), rows["condition"])
            if freedom < LEAST and vain:
                continue
            runs = pooled["point"].map(rows["point"].value_counts()).fillna(0).to_numpy(np.float64)
            here = (pooled["inspected"] == stage[0]) & (pooled["filtered"] == stage[1]) & (runs > 0)
            if freedom < LEAST:
                pooled.loc[here & (runs == 2), [f"{metric}_low", f"{metric}_high"]] = math.nan
                continue
            reach = t_quantile_of(freedom) * np.sqrt(variance / np.maximum(runs, 1))
            pooled.loc[here, f"{metric}_low"] = (pooled[metric] - reach).clip(lower=least)[here]
            pooled.loc[here, f"{metric}_high"] = (pooled[metric] + reach).clip(upper=most)[here]
    return pooled


def with_common_intervals(points: pd.DataFrame, results: pd.DataFrame) -> pd.DataFrame:
    """Each task's points `with_pooled_intervals`, those measured alike together, in their order.

    Args:
        points: a points frame of any tasks.
        results: the results frame that it was made of.
    """
    pooled = points.copy()
    for _, part in points.groupby(["task_key", "encoder", "classifier"], sort=False):
        own = results[results["point"].isin(part["point"])]
        pooled.loc[part.index] = with_pooled_intervals(part, own)
    return pooled


def _paired(frame: pd.DataFrame, metric: str, before: Cell, after: Cell) -> Contrast:
    at = [_at(frame, stage).set_index("run_id") for stage in (before[1], after[1])]
    both = at[0].index.intersection(at[1].index)
    gains = at[1].loc[both, metric] - at[0].loc[both, metric]
    conditions = at[0].loc[both, "condition"]
    mine = both[(conditions == before[0]).to_numpy()]
    if not len(mine):
        sides = [_of(frame, cell) for cell in (before, after)]
        means = [float(side[metric].mean()) if len(side) else math.nan for side in sides]
        return Contrast(means[0], means[1], None, None, 0, "")
    sides = [rows.loc[mine] for rows in at]
    means = [float(side[metric].mean()) for side in sides]
    variance, freedom = _pooled(gains.to_numpy(np.float64), conditions)
    if freedom >= LEAST:
        reach = t_quantile_of(freedom) * math.sqrt(variance / len(mine))
        middle = means[1] - means[0]
        return Contrast(means[0], means[1], middle - reach, middle + reach, len(mine), "repeats")
    return _by_texts(metric, sides, len(mine))


def _by_texts(metric: str, sides: Sequence[pd.DataFrame], runs: int) -> Contrast:
    values, lows, highs = (
        [float(side[f"{metric}{end}"].mean(skipna=False)) for side in sides]
        for end in ("", "_low", "_high")
    )
    if not all(map(math.isfinite, [*lows, *highs])):
        return Contrast(values[0], values[1], None, None, runs, "")
    middle = values[1] - values[0]
    down = math.hypot(values[1] - lows[1], highs[0] - values[0])
    up = math.hypot(highs[1] - values[1], values[0] - lows[0])
    return Contrast(values[0], values[1], middle - down, middle + up, runs, "texts")


def _pooled(values: Numbers, conditions: pd.Series) -> tuple[float, int]:
    """Variance within conditions, and its degrees of freedom."""
    codes, _ = pd.factorize(conditions)
    if not len(codes):
        return math.nan, 0
    counts = np.bincount(codes)
    means = np.bincount(codes, values) / counts
    freedom = int((counts - 1).sum())
    squares = float(((values - means[codes]) ** 2).sum())
    return (squares / freedom if freedom else math.nan), freedom


def _at(frame: pd.DataFrame, stage: str) -> pd.DataFrame:
    return frame[frame["inspected"].astype(str) == stage]


def _of(frame: pd.DataFrame, cell: Cell) -> pd.DataFrame:
    rows = _at(frame, cell[1])
    return rows[rows["condition"] == cell[0]]
