"""A forest plot: effects with their intervals, row by row, about a line of none."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from core.figures.points import Trace, legend_entry
from core.figures.style import grey, page_text, quiet_layout, value_axis

if TYPE_CHECKING:
    import plotly.graph_objects as go

_ROW = 40  # pixels
_CHARACTER = 6.4  # pixels of a letter of 12, rather more than the mean
_DOWN = 0.26  # of a row: where the paper's mark stands, under ours


@dataclass(frozen=True)
class ForestRow:
    """One row; all words escaped, missing numbers NaN.

    Args:
        name: at the left; "<br>" breaks it.
        value: the effect.
        low: lower end of its interval.
        high: upper end.
        paper: the paper's effect.
        color: "#RRGGBB" or an rgba().
        symbol: of the mark.
        told: at the right, the effect in words.
        key: the mark's customdata.
    """

    name: str
    value: float
    low: float
    high: float
    paper: float
    color: str
    symbol: str
    told: str
    key: str


def forest_figure(
    rows: Sequence[ForestRow],
    *,
    axis: str,
    own_scales: bool = False,
    legend: Sequence[Trace] = (),
    row_pixels: int = _ROW,
) -> "go.Figure":
    """The rows from the top; the paper's effects are hollow diamonds under ours.

    Args:
        rows: one at least.
        axis: what the numbers are, escaped.
        own_scales: each row is stretched to its own largest number, for effects of unlike units;
            the axis then has no numbers but 0, and the words at the right tell them.
        legend: traces for the legend alone.
        row_pixels: height of a row.
    """
    import plotly.graph_objects as go

    ends = np.array([[row.value, row.low, row.high, row.paper] for row in rows], dtype=np.float64)
    if own_scales:
        most = np.nanmax(np.abs(ends), axis=1, initial=0.0, where=np.isfinite(ends), keepdims=True)
        ends = ends / np.where(most > 0, most, 1.0)
    value, low, high, paper = ends.T
    places = np.arange(len(rows), dtype=np.float64)
    traces: list[Trace] = [
        {
            "type": "scatter",
            "x": value,
            "y": places,
            "customdata": [row.key for row in rows],
            "hovertext": [f"{row.name}<br>{row.told}" for row in rows],
            "hoverinfo": "text",
            "mode": "markers",
            "name": "ours",
            "showlegend": False,
            "marker": {
                "size": 11,
                "color": [row.color for row in rows],
                "symbol": [row.symbol for row in rows],
                "line": {
                    "width": [2 if row.symbol.endswith("-open") else 0 for row in rows],
                    "color": [row.color for row in rows],
                },
            },
            "unselected": {"marker": {"opacity": 0.4}},
        }
    ]
    for row, at, left, right in zip(
        rows, places.tolist(), low.tolist(), high.tolist(), strict=True
    ):
        if left == left and right == right:
            # A row's interval has its colour, which error bars of one trace could not have.
            traces.insert(
                0,
                {
                    "type": "scatter",
                    "x": [left, right],
                    "y": [at, at],
                    "mode": "lines",
                    "line": {"color": row.color, "width": 2.2},
                    "hoverinfo": "skip",
                    "showlegend": False,
                    "name": "interval",
                },
            )
    theirs = np.isfinite(paper)
    if theirs.any():
        hollow = {"symbol": "diamond-open", "color": grey(1), "line": {"width": 1.8}}
        traces.append(
            {
                "type": "scatter",
                "x": paper[theirs],
                "y": places[theirs] + _DOWN,
                "mode": "markers",
                "name": "the paper",
                "marker": {"size": 9, **hollow},
                "hovertext": [
                    f"{row.name}<br>the paper: {row.paper:+.3f}"
                    for row in rows
                    if np.isfinite(row.paper)
                ],
                "hoverinfo": "text",
                "showlegend": False,
            }
        )
        legend = [*legend, legend_entry("the paper", group="paper", **hollow)]
    there = ends[np.isfinite(ends)]
    left, right = min(0.0, float(there.min(initial=0.0))), max(0.0, float(there.max(initial=0.0)))
    margin = 0.07 * ((right - left) or 1.0)
    long = max((len(row.told) for row in rows), default=0)
    layout: dict[str, Any] = quiet_layout(
        height=row_pixels * len(rows) + (30 if legend else 8) + 48,
        left=8,
        right=round(_CHARACTER * long) + 14,
        top=30 if legend else 8,
        bottom=46,
    )
    layout["legend"] |= {"itemclick": False, "itemdoubleclick": False}
    layout |= {
        "showlegend": bool(legend),
        "hovermode": "closest",
        "dragmode": False,
        "annotations": [
            {
                "x": 1,
                "xref": "paper",
                "xanchor": "left",
                "xshift": 8,
                "y": place,
                "text": page_text(row.told),
                "align": "left",
                "showarrow": False,
                "font": {"size": 12},
            }
            for place, row in enumerate(rows)
        ],
        "shapes": [
            {
                "type": "line",
                "x0": 0,
                "x1": 0,
                "yref": "paper",
                "y0": 0,
                "y1": 1,
                "layer": "below",
                "line": {"width": 1.2, "color": grey(0.8)},
            }
        ],
        "xaxis": value_axis(
            axis,
            range=[left - margin, right + margin],
            nticks=7,
            **({"tickmode": "array", "tickvals": [0], "ticktext": ["0"]} if own_scales else {}),
        ),
        "yaxis": {
            "tickmode": "array",
            "tickvals": places.tolist(),
            "ticktext": [f"{row.name}  " for row in rows],
            "range": [len(rows) - 0.4, -0.6],
            "gridcolor": grey(0.12),
            "zeroline": False,
            "fixedrange": True,
            "automargin": True,
        },
    }
    return go.Figure([*traces, *legend], layout)
