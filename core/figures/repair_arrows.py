"""Arrows from a condition to where repair brings it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from core.figures.palette import LABEL_COLORS
from core.figures.points import Trace, legend_entry
from core.figures.results import RAW, at_stage, hovers, numbers, stage_told, stages

if TYPE_CHECKING:
    import pandas as pd

PATH = "path"
_HEAD = 10.0  # pixels
_STOP = 5.0
_HEADS_UP_TO = 1000  # beyond, an arrow is a line


def repair_traces(
    points: "pd.DataFrame",
    raw: "pd.DataFrame",
    *,
    x: str,
    y: str,
    budget: str | None,
    filtered: bool,
    scale: float = 1.0,
) -> list[Trace]:
    """Arrows for label replacement and for filtering, one trace each; customdata is `point`.

    An arrow's points are its start (customdata ""), its stops, its end, and a gap.

    Args:
        points: all stages.
        raw: the conditions that arrows start from; one that lacks a stage has no arrow to it.
        x: a metric.
        y: a metric.
        budget: inspected texts as text, or "all"; `PATH` for all of them; None for no arrow.
        filtered: whether to draw those of out-of-scope filtering.
        scale: of the heads.
    """
    wanted: list[tuple[str, str, bool, list[str]]] = []
    if budget is not None:
        through = [one for one in stages(points) if one != RAW] if budget == PATH else [budget]
        name = "LR, by texts inspected" if budget == PATH else stage_told(budget, filtered=False)
        wanted.append((name, LABEL_COLORS[0], False, through))
    if filtered:
        wanted.append(("OOSF", LABEL_COLORS[3], True, [RAW]))
    traces = []
    for name, color, oosf, through in wanted:
        steps = [_by_condition(at_stage(points, one, filtered=oosf), x, y) for one in through]
        trace = _trace(_by_condition(raw, x, y), steps, scale=scale)
        if trace["x"]:
            line = {"color": color, "width": 1.3 * scale, "dash": "dot" if oosf else "solid"}
            marker = trace.pop("marker") | {"color": color, "opacity": 1}
            traces.append(
                trace | {"name": name, "line": line, "marker": marker, "showlegend": False}
            )
            traces.append(legend_entry(name, group=name) | {"mode": "lines", "line": line})
    return traces


Ends = dict[Any, tuple[float, float, str, str]]


def _by_condition(points: "pd.DataFrame", x: str, y: str) -> Ends:
    """Where each condition stands at a stage, with its key and hover."""
    across, up = numbers(points, x), numbers(points, y)
    known = np.isfinite(across) & np.isfinite(up)
    shown = points[known]
    columns = (
        across[known].tolist(),
        up[known].tolist(),
        shown["point"].tolist(),
        hovers(shown, [y, x, "model_accuracy"]),
    )
    return dict(zip(shown["condition"].tolist(), zip(*columns, strict=True), strict=True))


def _trace(starts: Ends, steps: Sequence[Ends], *, scale: float) -> Trace:
    rows: list[tuple[float | None, float | None, str, str, float, str]] = []
    for condition, (x, y, _, _) in starts.items():
        stops = [step[condition] for step in steps if condition in step]
        if stops and stops[-1][:2] != (x, y):
            rows.append((x, y, "", "", 0.0, "circle"))
            for place, (across, up, key, hover) in enumerate(stops):
                last = place == len(stops) - 1
                size, symbol = (_HEAD, "arrow") if last else (_STOP, "circle")
                rows.append((across, up, key, hover, size * scale, symbol))
            rows.append((None, None, "", "", 0.0, "circle"))
    x_values, y_values, keys, texts, sizes, symbols = (
        map(list, zip(*rows, strict=True)) if rows else [[]] * 6
    )
    heads = len(starts) <= _HEADS_UP_TO
    return {
        "type": "scatter" if heads else "scattergl",
        "mode": "lines+markers" if heads else "lines",
        "x": x_values,
        "y": y_values,
        "customdata": keys,
        "hovertext": texts,
        "hoverinfo": "text",
        "marker": {"size": sizes, "symbol": symbols, "angleref": "previous", "line": {"width": 0}}
        if heads
        else {},
    }
