"""Small multiples: a map in many panels, each with its own points before all others in grey."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from core.figures.elements import NO_RIM, PanelGrid, Trace, legend_entry
from core.figures.map import MapPoints, category_codes, marker_size
from core.figures.theme import STATIC_LEGEND, base_layout, figure_of, grey, shortened

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

MAX_PANELS = 16
_MAX_BEHIND = 2000
_HEAD = 24  # pixels above a panel


def small_multiples(
    points: "pd.DataFrame",
    *,
    by: str = "dataset",
    panels: Mapping[str, str] | None = None,
    color_by: str | None = None,
    colors: Mapping[str, str] | None = None,
    behind_real: bool = False,
) -> "go.Figure":
    """Up to 16 panels on the same axes, that zoom together.

    Behind a panel's own points lie all generated ones in grey: of many, 2,000 at even steps, as
    twelve copies of ten thousand points would only say the same slower.

    Args:
        points: as for `core.figures.map.map_figure`.
        by: the column whose values have a panel each.
        panels: those values in order, each with its "#RRGGBB"; the first 16 are shown. By default
            all that occur, in alphabetical order.
        color_by: a column of categories to colour the points by; None: each panel has its colour.
        colors: its categories in order with their colours, as `panels`.
        behind_real: the real texts lie behind instead, hollow.
    """
    texts = MapPoints.of(points)
    generated = ~texts.reference
    codes, known = category_codes(points, by, panels)
    names = list(known)[:MAX_PANELS]
    columns = column_count(len(names))
    rows = max(1, math.ceil(len(names) / columns))
    grid = PanelGrid(rows, columns, panel=196, head=_HEAD, foot=10, gap=0.02)
    ground = np.flatnonzero(texts.reference if behind_real else generated)
    ground = ground[:: max(1, math.ceil(len(ground) / _MAX_BEHIND))]
    back: dict[str, object] = {"color": grey(0.16), "line": NO_RIM}
    if behind_real:
        back = {"color": grey(0.45), "symbol": "circle-open", "line": {"width": 1}}
    size = marker_size(int(generated.sum())) * 0.75
    own_colors: Any = None
    legend: dict[str, str] = {}
    if color_by is not None:
        places, legend = category_codes(points, color_by, colors)
        # A place of -1, for no category, takes the last colour.
        own_colors = np.array([*legend.values(), grey(0.9)], dtype=object)[places]
    behind = texts.trace(
        ground, name="reference" if behind_real else "all", marker={"size": size * 0.8, **back}
    ) | {"hoverinfo": "skip", "hovertext": None, "customdata": None}
    traces: list[Trace] = []
    axes = texts.axes()
    layout = base_layout(
        height=grid.height + 8,
        margin={"r": 0, "t": 0},
        showlegend=bool(legend),
        legend={"y": 1, **STATIC_LEGEND},
        dragmode="lasso",
        uirevision="multiples",
    )
    notes = []
    for place, name in enumerate(names):
        own = np.flatnonzero(generated & (codes == place))
        color: Any = known[name] if own_colors is None else own_colors[own]
        marker = {"size": size, "color": color, "opacity": 0.8, "line": NO_RIM}
        panel = grid.axes(place)
        traces += [behind | panel, texts.trace(own, name=shortened(name), marker=marker, **panel)]
        end = grid.end(place)
        across, up = grid.domains(place)
        shared = ({"matches": "x"}, {"matches": "y", "scaleanchor": None}) if place else ({}, {})
        layout[f"xaxis{end}"] = axes["xaxis"] | {"domain": across, "anchor": f"y{end}"} | shared[0]
        layout[f"yaxis{end}"] = axes["yaxis"] | {"domain": up, "anchor": f"x{end}"} | shared[1]
        title = grid.name(place, shortened(name, 36), size=12)
        notes.append(title | {"text": f"{title['text']}  {len(own):,}"})
    for category, color in legend.items():
        # An entry of the legend alone: a panel's points are one trace of many colours.
        traces.append(legend_entry(shortened(category), group=category, color=color))
    layout["annotations"] = notes
    return figure_of(traces, layout)


def column_count(panels: int) -> int:
    """Panels in a row: no more than 4, and rows as full as can be."""
    if panels <= 3:
        return max(1, panels)
    return {4: 2, 5: 3, 6: 3, 9: 3}.get(panels, 4)
