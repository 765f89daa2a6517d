"""Parallel coordinates: each condition a line through its knobs and its metrics."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from core.domain.registries.stages import RAW
from core.figures.compare.columns import (
    METRICS,
    at_stage,
    axis_title,
    caveats,
    hovers,
    is_paper,
    is_share,
    knob_values,
    numbers,
    varying_knobs,
)
from core.figures.compare.frontier import color_axis
from core.figures.elements import Numbers, Trace, scatter, straight_line
from core.figures.theme import (
    HIDDEN_AXIS,
    base_layout,
    empty_figure,
    figure_of,
    footnote,
    grey,
    note,
    page_text,
    sequence_color,
    shortened,
    with_alpha,
)

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

_SHADES = 12  # each a trace, as a line has one colour
_PALE_FROM = 60  # lines
_FEW = 8  # values of a knob that all have a tick
_INSET = 0.04  # of an axis' length, free above and below


def parallel_figure(
    points: "pd.DataFrame",
    *,
    columns: Sequence[str] | None = None,
    color: str = "model_accuracy",
    highlight: Collection[str] | None = None,
    inspected: str = RAW,
    filtered: bool = False,
    height: int = 420,
) -> "go.Figure":
    """Lines over upright axes, dark for low and light for high values of a metric.

    Drawn of ordinary lines, as plotly's own parallel coordinates can't be clicked and vanish on a
    dark page. A line breaks where a value is missing. The marks' customdata is `point`.

    Args:
        points: a points frame; the paper's rows are left out.
        columns: knobs and metrics from the left; by default the knobs that differ, and all metrics
            that have values.
        color: the metric that colours the lines; those without it are grey.
        highlight: keys of the points that stay in colour; the others fade. None: all.
        inspected: the stage of repair.
        filtered: the same.
        height: in pixels.
    """
    rows = at_stage(points, inspected, filtered=filtered)
    rows = rows[~is_paper(rows)]
    if columns is None:
        measured = [name for name in METRICS if np.isfinite(numbers(rows, name)).any()]
        columns = [*varying_knobs(rows), *measured]
    if len(rows) < 2:
        count = "No condition" if not len(rows) else "Only one condition"
        return empty_figure(f"{count} at this stage: this chart needs at least two.")
    if len(columns) < 2:
        return empty_figure("These conditions do not differ, and nothing has been measured yet.")
    axes = [_Axis(rows, column) for column in columns]
    heights = np.stack([axis.places for axis in axes], axis=1)
    values = numbers(rows, color)
    faded = np.zeros(len(rows), dtype=np.bool_)
    if highlight is not None:
        wanted = frozenset(highlight)
        faded = np.array([key not in wanted for key in rows["point"]], dtype=np.bool_)
    traces = _shaded_lines(heights, _shades(values), faded)
    # At a knob's axis conditions meet in one place, where no click could tell them apart.
    own = [place for place, name in enumerate(columns) if name in METRICS]
    shown = dict.fromkeys((*columns, color))
    metrics = [name for name in shown if name in METRICS]
    if own:
        bright = ~faded
        traces.append(_marks(rows[bright], heights[bright][:, own], own, values[bright], metrics))
    layout = _layout(axes, caveats(rows, metrics), height)
    layout["coloraxis"] = color_axis(rows, color, letters=12)
    return figure_of(traces, layout)


class _Axis:
    """An upright axis: the place of each row on it, 0 to 1, NaN for a missing value; its ticks."""

    def __init__(self, points: "pd.DataFrame", column: str) -> None:
        self.title = axis_title(column)
        known = knob_values(points, column) if column not in METRICS else []
        if any(isinstance(value, str) for value in known):
            place = {value: number for number, value in enumerate(known)}
            raw = np.array([place.get(value, np.nan) for value in points[column]], dtype=np.float64)
            ticks = {shortened(str(value), 16): float(number) for value, number in place.items()}
        else:
            raw = numbers(points, column)
            ticks = _ticks(raw, column, known)
        there = raw[np.isfinite(raw)]
        low, high = (float(there.min()), float(there.max())) if len(there) else (0.0, 1.0)
        self.places = _scaled(raw, low, high)
        self.ticks = {
            text: float(_scaled(np.array([value]), low, high)[0]) for text, value in ticks.items()
        }


def _ticks(values: Numbers, column: str, known: Sequence[Any]) -> dict[str, float]:
    """A knob's few values, or the ends of a scale; hovers hold what lies between."""
    there = values[np.isfinite(values)]
    if not len(there):
        return {}
    if known and len(known) <= _FEW:
        return {f"{value:g}": float(value) for value in known}
    form = ".1%" if is_share(column) else ".3f" if column in METRICS else ".3g"
    return {f"{end:{form}}": end for end in (float(there.min()), float(there.max()))}


def _scaled(values: Numbers, low: float, high: float) -> Numbers:
    if high <= low:
        return np.where(np.isfinite(values), 0.5, np.nan)
    return np.asarray(_INSET + (1 - 2 * _INSET) * (values - low) / (high - low))


def _shades(values: Numbers) -> Any:
    """int64 (rows,): 0 to 11 from the lowest to the highest value, -1 for a missing one."""
    there = np.isfinite(values)
    if not there.any():
        return np.full(len(values), -1)
    low, high = values[there].min(), values[there].max()
    share = (values - low) / (high - low) if high > low else np.where(there, 0.5, np.nan)
    return np.where(there, np.minimum(np.nan_to_num(share) * _SHADES, _SHADES - 1), -1).astype(int)


def _shaded_lines(heights: Numbers, shades: Any, faded: Any) -> list[Trace]:
    """A trace for each shade that occurs: many lines with gaps between them."""
    alpha = 0.55 if len(heights) > _PALE_FROM else 0.85
    groups = [(faded, grey(0.18), 1.0), (~faded & (shades < 0), grey(0.5), 1.2)]
    for shade in range(_SHADES):
        color = with_alpha(sequence_color((shade + 0.5) / _SHADES), alpha)
        groups.append((~faded & (shades == shade), color, 1.6))
    traces = []
    for rows, color, width in groups:
        count, axes = heights[rows].shape
        if count:
            y = np.concatenate([heights[rows], np.full((count, 1), np.nan)], axis=1).ravel()
            x = np.tile(np.append(np.arange(axes, dtype=np.float64), np.nan), count)
            line = {"color": color, "width": width}
            traces.append(scatter(x, y, mode="lines", line=line, name="conditions"))
    return traces


def _marks(
    points: "pd.DataFrame",
    heights: Numbers,
    axes: Sequence[int],
    values: Numbers,
    metrics: Sequence[str],
) -> Trace:
    """Where lines meet the axes of metrics: to hover and click."""
    count, many = len(points), len(axes)
    known = np.isfinite(heights).ravel()
    keys = points["point"].to_numpy(object)
    return scatter(
        np.tile(np.array(axes, dtype=np.float64), count)[known],
        heights.ravel()[known],
        customdata=np.repeat(keys, many)[known],
        hovers=np.repeat(np.array(hovers(points, metrics), dtype=object), many)[known],
        marker={
            "size": 7 if count <= _PALE_FROM else 5,
            "color": np.repeat(values, many)[known],
            "coloraxis": "coloraxis",
            "opacity": 0.9,
            "line": {"width": 0},
        },
        unselected={"marker": {"opacity": 0.25}},
        name="marks",
    )


def _layout(axes: Sequence[_Axis], sentences: Sequence[str], height: int) -> dict[str, object]:
    notes = [footnote(sentences, below=26)] if sentences else []
    shapes = []
    last = len(axes) - 1
    for place, axis in enumerate(axes):
        line = straight_line(x=place, dash="solid", width=1, color=grey(0.6), layer="below")
        shapes.append(line | {"yref": "y"})
        # Every other name stands higher: side by side they would touch on a narrow page.
        side = "left" if place == 0 else "right" if place == last else "center"
        above = {"x": place, "xanchor": side, "y": 1, "yanchor": "bottom"}
        above |= {"yshift": 20 + 18 * (place % 2)}
        notes.append(note(page_text(axis.title), above))
        notes += [_tick(text, place, y, axis) for text, y in axis.ticks.items()]
    return base_layout(
        height=height,
        margin={"l": 48, "t": 66, "b": 30 + 18 * len(sentences)},
        annotations=notes,
        shapes=shapes,
        xaxis={**HIDDEN_AXIS, "range": [-0.02, last + 0.02]},
        yaxis={**HIDDEN_AXIS, "range": [-0.01, 1.01]},
    )


def _tick(text: str, x: int, y: float, axis: _Axis) -> dict[str, object]:
    """The ends of a scale stand beyond the axis, where no line covers them; others beside it."""
    if y == max(axis.ticks.values()):
        place: dict[str, object] = {"y": 1, "yanchor": "bottom", "yshift": 2}
    elif y == min(axis.ticks.values()):
        place = {"y": 0, "yanchor": "top", "yshift": -2}
    else:
        place = {"y": y, "xanchor": "right", "xshift": -6}
    return note(page_text(text), {"x": x, **place}, size=11)
