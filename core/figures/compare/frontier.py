"""Arrows from a condition to where repair brings it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from core.figures.compare.columns import (
    METRICS,
    PAPER,
    RAW,
    at_stage,
    condition_names,
    hovers,
    numbers,
    stage_told,
    stages,
    tick_form,
    title,
    unlike,
    varying,
    whiskers,
)
from core.figures.compare.frontier_marks import (
    color_axis,
    is_shaded,
    mark_sizes,
    mark_traces,
    ring_trace,
    step_trace,
)
from core.figures.elements import Numbers, Trace, legend_entry, name_notes
from core.figures.theme import (
    LABEL_COLORS,
    footnote,
    grey,
    quiet_layout,
    sentence_figure,
    value_axis,
)

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


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
