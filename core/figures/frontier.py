"""The frontier: what diversity costs in label accuracy, a mark for each condition."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from core.figures.frontier_marks import (
    color_axis,
    is_shaded,
    mark_sizes,
    mark_traces,
    ring_trace,
    step_trace,
)
from core.figures.mark_names import name_notes
from core.figures.points import Trace
from core.figures.repair_arrows import PATH, repair_traces
from core.figures.results import (
    METRICS,
    PAPER,
    Numbers,
    at_stage,
    condition_names,
    numbers,
    tick_form,
    title,
    unlike,
    varying,
    whiskers,
)
from core.figures.sentence import footnote, sentence_figure
from core.figures.style import grey, quiet_layout, value_axis

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

__all__ = ["PATH", "frontier_figure", "pareto_mask"]

_WHISKERS_UP_TO = 80  # marks, beyond which intervals are all one would see
_NAMES = 8  # members of the Pareto set that are named in the figure
_LEAST_SPAN = 0.02  # of an axis: below, chance alone would look like a landslide


def frontier_figure(
    points: "pd.DataFrame",
    *,
    x: str = "diversity",
    y: str = "label_accuracy",
    value: str | None = "model_accuracy",
    by: str | None = None,
    budget: str | None = None,
    filtered: bool = False,
    pareto: bool = True,
    intervals: bool | None = None,
    large: bool = False,
    height: int | None = None,
) -> "go.Figure":
    """A mark for each condition as generated, in the trace's customdata its `point`.

    Args:
        points: a points frame; rows of `source` "paper" are hollow, and no members of the set.
        x: a metric.
        y: a metric.
        value: the metric that a mark's area tells and, without `by`, its colour, too.
        by: a knob, or "task", whose values have a colour and a symbol each; more than 8 numbers
            are shades.
        budget: inspected texts as text, or "all": arrows from each condition to where label
            replacement brings it; `PATH`: through all budgets.
        filtered: arrows to where out-of-scope filtering brings a condition.
        pareto: rings round the conditions that no other surpasses in both metrics, and a step
            line; wants two conditions at least.
        intervals: error bars; None: up to 80 marks.
        large: letters and marks for a room.
        height: in pixels.
    """
    import plotly.graph_objects as go

    letters, scale = (18, 1.5) if large else (12, 1.0)
    raw = at_stage(points)
    known = np.isfinite(numbers(raw, x)) & np.isfinite(numbers(raw, y))
    shown = raw[known]
    if not len(shown):
        words = f"No condition has both {title(x)} and {title(y)} yet."
        return sentence_figure(words, size=letters + 2)
    all_ours = points[(points["source"] != PAPER).to_numpy(np.bool_)]
    our = (shown["source"] != PAPER).to_numpy(np.bool_)
    arrows = repair_traces(
        all_ours, shown[our], x=x, y=y, budget=budget, filtered=filtered, scale=scale
    )
    member = np.zeros(len(shown), dtype=np.bool_)
    if pareto and our.sum() > 1:
        member[our] = pareto_mask(numbers(shown[our], x), numbers(shown[our], y))
    members = shown[member]
    if intervals is None:
        intervals = len(shown) <= _WHISKERS_UP_TO
    traces: list[Trace] = [step_trace(members, x=x, y=y)] if member.any() else []
    bars = [(axis, metric) for axis, metric in (("x", x), ("y", y)) if metric in METRICS]
    if intervals and bars:
        traces.append(_interval_trace(shown, x, y, bars))
    traces += arrows
    traces += mark_traces(shown, x=x, y=y, value=value, by=by, scale=scale)
    if member.any():
        sizes = mark_sizes(shown, value, scale=scale)[member]
        traces.append(ring_trace(members, x=x, y=y, sizes=sizes, scale=scale))
    ranges = {
        axis: _range(shown, metric, arrows, axis, whiskered=intervals)
        for axis, metric in (("x", x), ("y", y))
    }
    said = _said(shown, ~known, (x, y, *([value] if value else [])))
    notes = [footnote(said, below=round(4.3 * letters), size=letters - 1)] if said else []
    if len(members) <= _NAMES and not arrows:
        notes += name_notes(
            condition_names(members, varying(shown[our])),
            numbers(members, x),
            numbers(members, y),
            marks=(numbers(shown, x), numbers(shown, y)),
            across=ranges["x"],
            up=ranges["y"],
            letters=letters,
        )
    layout: dict[str, Any] = quiet_layout(
        height=height or (680 if large else 460),
        left=5 * letters,
        top=3 * letters,
        bottom=round(4.3 * letters) + (round(1.5 * letters) * len(said)),
    )
    layout["legend"] |= {"itemclick": False, "itemdoubleclick": False, "font": {"size": letters}}
    layout |= {
        "hovermode": "closest",
        "dragmode": "zoom",
        "showlegend": True,
        "uirevision": f"{x} {y}",
        "annotations": notes,
        "xaxis": _axis(x, ranges["x"], letters),
        "yaxis": _axis(y, ranges["y"], letters),
    }
    shade = by if by is not None and is_shaded(shown, by) else (None if by else value)
    if shade is not None and np.isfinite(numbers(shown, shade)).any():
        layout["coloraxis"] = color_axis(shown, shade, letters=letters)
    return go.Figure(traces, layout)


def pareto_mask(x: Numbers, y: Numbers) -> npt.NDArray[np.bool_]:
    """bool (points,): those that no other equals or surpasses in both, surpassing in one.

    Args:
        x: float64 (points,), more is better; finite.
        y: the same.
    """
    mask = np.zeros(len(x), dtype=np.bool_)
    best, at_best = -np.inf, -np.inf
    # From the right: a point is a member where it lies higher than all before it, or is their twin.
    for place in np.lexsort((-y, -x)):
        if y[place] > best or (y[place] == best and x[place] == at_best):
            mask[place] = True
            best, at_best = y[place], x[place]
    return mask


def _interval_trace(points: "pd.DataFrame", x: str, y: str, bars: list[tuple[str, str]]) -> Trace:
    """All whiskers behind all marks; those of a mark's own trace would lie over other marks."""
    return {
        "type": "scatter",
        "x": numbers(points, x),
        "y": numbers(points, y),
        "mode": "markers",
        "marker": {"size": 1, "color": grey(0.5)},
        "hoverinfo": "skip",
        "showlegend": False,
        "name": "interval",
        **{f"error_{axis}": whiskers(points, metric, color=grey(0.5)) for axis, metric in bars},
    }


def _range(
    points: "pd.DataFrame", metric: str, arrows: list[Trace], axis: str, *, whiskered: bool
) -> tuple[float, float]:
    """An axis with all marks, arrows' ends and whiskers in it, and a margin."""
    columns = [metric, *([f"{metric}_low", f"{metric}_high"] if whiskered else [])]
    values = [numbers(points, column) for column in columns]
    values += [np.array(trace[axis], dtype=np.float64) for trace in arrows]
    together = np.concatenate(values)
    low, high = float(np.nanmin(together)), float(np.nanmax(together))
    short = max(0.0, _LEAST_SPAN - (high - low)) / 2
    margin = 0.07 * max(high - low, _LEAST_SPAN)
    return low - short - margin, high + short + margin


def _axis(metric: str, bounds: tuple[float, float], letters: int) -> dict[str, Any]:
    return value_axis(
        tickformat=tick_form(metric),
        range=list(bounds),
        nticks=7,
        fixedrange=False,
        tickfont={"size": letters},
    ) | {"title": {"text": title(metric), "font": {"size": letters + 1}}}


def _said(points: "pd.DataFrame", missing: Any, metrics: tuple[str, ...]) -> list[str]:
    """What a reader must know beside the marks; escaped."""
    said = ["One condition only."] if len(points) == 1 else []
    gone = int(missing.sum())
    if gone:
        said.append(f"{gone:,} {'condition lacks' if gone == 1 else 'conditions lack'} a value.")
    alike = unlike(points, metrics)
    return [*said, *([alike] if alike else [])]
