"""The frontier of a sweep: Pareto-optimal conditions, and those at the ends of its knobs."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.diversity.map.frame import display_names
from core.domain.registries.knobs import AXES, NUMERIC_AXES, SEPARATOR, condition_words

_ORDER = ("model", "other", *(axis.name for axis in AXES[::-1] if axis.name != "model"))
"""Outermost first, as a grid is planned: conditions of several temperatures are neighbours."""


def extreme_conditions(points: pd.DataFrame, *, most: int) -> list[str]:
    """Keys of conditions, in the order of their knobs.

    All where they are few; else those at the lowest or highest value of every knob that varies,
    of each model; of more than `most`, as many at even steps.

    Args:
        points: a points frame, of one task; the stages of repair do not matter.
        most: 1 or more.
    """
    rows = points.drop_duplicates("condition").sort_values([*_ORDER, "condition"])
    if len(rows) > most:
        ends = pd.Series(True, index=rows.index)
        for knob in NUMERIC_AXES:
            values = rows[knob.name]
            ends &= values.isin([values.min(), values.max()]) | values.isna()
        rows = rows[ends] if ends.any() else rows
    keys: list[str] = rows["condition"].tolist()
    if len(keys) <= most:
        return keys
    return [keys[place * len(keys) // most] for place in range(most)]


def short_names(points: pd.DataFrame, *, context: Sequence[str] = ()) -> dict[str, str]:
    """A short name for each condition by its temperature and the knobs that vary.

    Args:
        points: a points frame.
        context: further columns whose values are added where they vary, such as "task".

    Returns:
        By condition, in the order of the knobs; two of the same name are told apart by a number.
    """
    rows = points.drop_duplicates("condition").sort_values(list(_ORDER))
    varying = [name for name in _ORDER if rows[name].nunique(dropna=False) > 1]
    added = [name for name in context if rows[name].nunique() > 1]
    names = []
    for row in rows.to_dict("records"):
        name = condition_words(
            {name: row[name] for name in row if name in varying or name == "temperature"},
            varying=varying,
            other=str(row["other"]) if "other" in varying else "",
        )
        names.append(SEPARATOR.join([name, *(str(row[column]) for column in added if row[column])]))
    return dict(zip(rows["condition"], display_names(names), strict=True))


Numbers = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def frontier(
    points: pd.DataFrame, *, x: str = "diversity", y: str = "label_accuracy"
) -> pd.DataFrame:
    """Who beats whom, for each point; more is better in both metrics.

    A point beats another if it is at least as good in both metrics and better in one. Points that
    are equal in both don't beat each other. A point that lacks a metric neither beats nor stands
    on the frontier. All points are compared with each other: give those of one task, encoder and
    classifier (`core.analysis.frames.results.mixtures`).

    Args:
        points: a points frame.
        x: a metric.
        y: another one.

    Returns:
        With the index of `points`: `pareto` (bool), nothing beats it; `not_clearly_worse` (bool),
        nothing beats it clearly, which is: by the lower ends of the other's intervals against the
        upper ends of its own, so that chance is unlikely to undo it (a point without an interval in
        a metric neither beats nor is beaten clearly);
        `dominated_by`, the `point` of the frontier that beats it by most, gains summed as shares
        of each metric's range, the first of equals; empty where nothing does.
    """
    values = [points[metric].to_numpy(np.float64) for metric in (x, y)]
    known: Flags = np.isfinite(values[0]) & np.isfinite(values[1])
    pareto, clear = known.copy(), known.copy()
    pareto[known] = ~_beaten(values[0][known], values[1][known], values[0][known], values[1][known])
    low, high = (
        [_end(points, metric, end)[known] for metric in (x, y)] for end in ("_low", "_high")
    )
    clear[known] = ~_beaten(low[0], low[1], high[0], high[1])
    by = np.full(len(points), "", dtype=object)
    names = points["point"].to_numpy(object)
    front = np.flatnonzero(pareto)
    ranges = (
        [float(np.ptp(metric_values[known])) or 1.0 for metric_values in values]
        if known.any()
        else [1.0, 1.0]
    )
    for place in np.flatnonzero(known & ~pareto):
        gains = [
            (metric_values[front] - metric_values[place]) / width
            for metric_values, width in zip(values, ranges, strict=True)
        ]
        total = np.where((gains[0] >= 0) & (gains[1] >= 0), gains[0] + gains[1], -np.inf)
        by[place] = names[front[int(np.argmax(total))]]
    columns: dict[str, Any] = {"pareto": pareto, "not_clearly_worse": clear, "dominated_by": by}
    return pd.DataFrame(columns, index=points.index).astype({"dominated_by": "str"})


def _beaten(low_x: Numbers, low_y: Numbers, high_x: Numbers, high_y: Numbers) -> Flags:
    """Whose upper ends (n,) another's lower ends reach in both metrics and exceed in one."""
    order = np.argsort(-low_x, kind="stable")
    sorted_x = -low_x[order]  # rising
    best_y = np.maximum.accumulate(np.concatenate([[-np.inf], low_y[order]]))
    reach = best_y[np.searchsorted(sorted_x, -high_x, side="right")]  # of those as good in x
    exceed = best_y[np.searchsorted(sorted_x, -high_x, side="left")]  # of those better in x
    beaten: Flags = (reach > high_y) | (exceed >= high_y)
    return beaten


def _end(points: pd.DataFrame, metric: str, end: str) -> Numbers:
    value: Numbers = points[metric].to_numpy(np.float64)
    outer, unknown = (np.minimum, -np.inf) if end == "_low" else (np.maximum, np.inf)
    if f"{metric}{end}" not in points:
        return np.full(len(value), unknown)
    at = points[f"{metric}{end}"].to_numpy(np.float64)
    # A value outside of its own interval would beat itself.
    values: Numbers = np.where(np.isfinite(at), outer(at, value), unknown)
    return values
