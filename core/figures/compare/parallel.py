"""Parallel coordinates: each condition a line through its knobs and what came of them."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from core.figures.compare.columns import (
    KNOBS,
    METRICS,
    PAPER,
    at_stage,
    hovers,
    is_share,
    knob_values,
    numbers,
    title,
    unlike,
    varying,
)
from core.figures.compare.frontier_marks import color_axis
from core.figures.elements import Numbers, Trace
from core.figures.theme import (
    SEQUENCE_COLORS,
    footnote,
    grey,
    page_text,
    quiet_layout,
    see_through,
    sentence_figure,
    shortened,
)

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


_FEW = 8  # values of a knob that all have a tick


_INSET = 0.04  # of an axis' length, free above and below


class Upright:
    """An upright axis: where each row stands on it, 0 to 1, NaN for a missing value; its ticks."""

    def __init__(self, points: "pd.DataFrame", column: str) -> None:
        self.title = title(column)
        known = knob_values(points, column) if column not in METRICS else []
        named = any(isinstance(one, str) for one in known)
        if named:
            place = {one: number for number, one in enumerate(known)}
            raw = np.array([place.get(one, np.nan) for one in points[column]], dtype=np.float64)
            ticks = {shortened(str(one), 16): float(number) for one, number in place.items()}
        else:
            raw = numbers(points, column)
            ticks = _ticks(raw, column, known)
        there = raw[np.isfinite(raw)]
        low, high = (float(there.min()), float(there.max())) if len(there) else (0.0, 1.0)
        self.places = _scaled(raw, low, high)
        self.ticks = {
            words: float(_scaled(np.array([value]), low, high)[0]) for words, value in ticks.items()
        }


def _ticks(values: Numbers, column: str, known: Sequence[Any]) -> dict[str, float]:
    """A knob's few values, or the ends of a scale; what lies between is told by hovers."""
    there = values[np.isfinite(values)]
    if not len(there):
        return {}
    if known and len(known) <= _FEW:
        return {f"{one:g}": float(one) for one in known}
    form = ".1%" if is_share(column) else ".3f" if column in METRICS else ".3g"
    ends = float(there.min()), float(there.max())
    return {f"{one:{form}}": one for one in ends}


def _scaled(values: Numbers, low: float, high: float) -> Numbers:
    if high <= low:
        return np.where(np.isfinite(values), 0.5, np.nan)
    return np.asarray(_INSET + (1 - 2 * _INSET) * (values - low) / (high - low))


_SHADES = 12  # each a trace, as a line has one colour


_GL_FROM = 1000


_PALE_FROM = 60  # lines


def parallel_figure(
    points: "pd.DataFrame",
    *,
    columns: Sequence[str] | None = None,
    color: str = "model_accuracy",
    highlight: Collection[str] | None = None,
    inspected: str = "0",
    filtered: bool = False,
    height: int = 420,
) -> "go.Figure":
    """Lines over upright axes, dark for low and light for high values of a metric.

    Drawn of ordinary lines, as plotly's own parallel coordinates can't be clicked and sink into a
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
    import plotly.graph_objects as go

    rows = at_stage(points, inspected, filtered=filtered)
    rows = rows[(rows["source"] != PAPER).to_numpy(np.bool_)]
    if columns is None:
        measured = [one for one in METRICS if np.isfinite(numbers(rows, one)).any()]
        columns = [*varying(rows), *measured]
    if len(rows) < 2 or len(columns) < 2:
        few = "No condition is" if not len(rows) else "Only one condition is"
        words = f"{few} there at this stage: lines want two at least."
        if len(rows) >= 2:
            words = "Nothing differs between these conditions, and nothing is measured yet."
        return sentence_figure(words)
    scales = [Upright(rows, column) for column in columns]
    heights = np.stack([scale.places for scale in scales], axis=1)
    values = numbers(rows, color)
    shades = _shades(values)
    faded = np.zeros(len(rows), dtype=np.bool_)
    if highlight is not None:
        wanted = frozenset(highlight)
        faded = np.array([key not in wanted for key in rows["point"]], dtype=np.bool_)
    alpha = 0.55 if len(rows) > _PALE_FROM else 0.85
    traces: list[Trace] = []
    lines = [(faded, grey(0.18), 1.0), (~faded & (shades < 0), grey(0.5), 1.2)]
    lines += [
        (~faded & (shades == shade), see_through(_shade(shade), alpha), 1.6)
        for shade in range(_SHADES)
    ]
    for mask, paint, width in lines:
        if mask.any():
            traces.append(_lines(heights[mask], paint, width))
    there = ~faded
    # At a knob's axis conditions meet in one place, where no click could tell them apart.
    own = [place for place, one in enumerate(columns) if one in METRICS]
    if own:
        marks = heights[there][:, own]
        traces.append(_marks(rows[there], marks, own, values[there], (*columns, color)))
    return go.Figure(traces, _layout(scales, rows, color, (*columns, color), height))


def _shades(values: Numbers) -> Any:
    """int64 (rows,): 0 to 11 from the lowest to the highest value, -1 for a missing one."""
    there = np.isfinite(values)
    if not there.any():
        return np.full(len(values), -1)
    low, high = values[there].min(), values[there].max()
    share = (values - low) / (high - low) if high > low else np.where(there, 0.5, np.nan)
    return np.where(there, np.minimum(np.nan_to_num(share) * _SHADES, _SHADES - 1), -1).astype(int)


def _shade(place: int) -> str:
    """The colour "#RRGGBB" in the middle of a shade."""
    at = (place + 0.5) / _SHADES * (len(SEQUENCE_COLORS) - 1)
    left = min(int(at), len(SEQUENCE_COLORS) - 2)
    ends = [
        [int(color[digit : digit + 2], 16) for digit in (1, 3, 5)]
        for color in SEQUENCE_COLORS[left : left + 2]
    ]
    mixed = [round(one + (other - one) * (at - left)) for one, other in zip(*ends, strict=True)]
    return "#" + "".join(f"{one:02X}" for one in mixed)


def _lines(heights: Numbers, color: str, width: float) -> Trace:
    """Many lines in one trace, with gaps between them."""
    count, axes = heights.shape
    y = np.concatenate([heights, np.full((count, 1), np.nan)], axis=1).ravel()
    x = np.tile(np.append(np.arange(axes, dtype=np.float64), np.nan), count)
    return {
        "type": "scattergl" if len(y) > _GL_FROM else "scatter",
        "x": x,
        "y": y,
        "mode": "lines",
        "line": {"color": color, "width": width},
        "hoverinfo": "skip",
        "showlegend": False,
        "name": "conditions",
    }


def _marks(
    points: "pd.DataFrame",
    heights: Numbers,
    axes: Sequence[int],
    values: Numbers,
    columns: Sequence[str],
) -> Trace:
    """Where lines meet the axes of metrics: to hover and click."""
    count = len(points)
    told_of = [one for one in dict.fromkeys(columns) if one not in (*KNOBS, "other")]
    keys = points["point"].to_numpy(object)
    words = np.array(hovers(points, told_of), dtype=object)
    known = np.isfinite(heights).ravel()
    return {
        "type": "scattergl" if known.sum() > _GL_FROM else "scatter",
        "x": np.tile(np.array(axes, dtype=np.float64), count)[known],
        "y": heights.ravel()[known],
        "customdata": np.repeat(keys, len(axes))[known],
        "hovertext": np.repeat(words, len(axes))[known],
        "hoverinfo": "text",
        "mode": "markers",
        "marker": {
            "size": 7 if count <= _PALE_FROM else 5,
            "color": np.repeat(values, len(axes))[known],
            "coloraxis": "coloraxis",
            "opacity": 0.9,
            "line": {"width": 0},
        },
        "unselected": {"marker": {"opacity": 0.25}},
        "showlegend": False,
        "name": "marks",
    }


def _layout(
    scales: Sequence[Upright],
    points: "pd.DataFrame",
    color: str,
    metrics: Sequence[str],
    height: int,
) -> dict[str, Any]:
    alike = unlike(points, metrics)
    notes: list[dict[str, Any]] = [footnote([alike], below=26)] if alike else []
    shapes = []
    last = len(scales) - 1
    for place, scale in enumerate(scales):
        shapes.append(
            {
                "type": "line",
                "x0": place,
                "x1": place,
                "y0": 0,
                "y1": 1,
                "layer": "below",
                "line": {"color": grey(0.6), "width": 1},
            }
        )
        at = {"x": place, "showarrow": False}
        side = "left" if place == 0 else "right" if place == last else "center"
        # Every other name stands higher: side by side they would touch on a narrow page.
        notes.append(
            at
            | {
                "y": 1,
                "text": page_text(scale.title),
                "xanchor": side,
                "yanchor": "bottom",
                "yshift": 20 + 18 * (place % 2),
                "font": {"size": 12},
            }
        )
        notes += [at | _tick(words, where, scale) for words, where in scale.ticks.items()]
    layout: dict[str, Any] = quiet_layout(
        height=height, left=48, top=66, bottom=30 + (18 if alike else 0)
    )
    hidden = {"visible": False, "fixedrange": True}
    return layout | {
        "hovermode": "closest",
        "dragmode": False,
        "showlegend": False,
        "annotations": notes,
        "shapes": shapes,
        "xaxis": {**hidden, "range": [-0.02, last + 0.02]},
        "yaxis": {**hidden, "range": [-0.01, 1.01]},
        "coloraxis": color_axis(points, color, letters=12),
    }


def _tick(words: str, where: float, scale: Upright) -> dict[str, Any]:
    """The ends of a scale stand beyond the axis, where no line covers them; others beside it."""
    note: dict[str, Any] = {"text": page_text(words), "font": {"size": 11}}
    if where == max(scale.ticks.values()):
        return note | {"y": 1, "yanchor": "bottom", "yshift": 2}
    if where == min(scale.ticks.values()):
        return note | {"y": 0, "yanchor": "top", "yshift": -2}
    return note | {"y": where, "xanchor": "right", "xshift": -6}
