"""Small multiples: a map in many panels, each with its own points before all others in grey."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from core.figures.elements import Trace, legend_entry, solid_line
from core.figures.map import Cloud, category_codes, marker_size
from core.figures.theme import grey, page_text, quiet_layout, shortened

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


MOST_PANELS = 16


_BEHIND = 2000


_PANEL_PIXELS = 230


_GAP = 0.02


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
    import plotly.graph_objects as go

    cloud = Cloud.of(points)
    generated = ~cloud.reference
    codes, known = category_codes(points, by, panels)
    names = list(known)[:MOST_PANELS]
    columns = column_count(len(names))
    rows = max(1, math.ceil(len(names) / columns))
    everything = np.flatnonzero(generated)
    ground = np.flatnonzero(cloud.reference) if behind_real else everything
    behind = ground[:: max(1, math.ceil(len(ground) / _BEHIND))]
    back: dict[str, Any] = {"color": grey(0.16), "line": solid_line()}
    if behind_real:
        back = {"color": grey(0.45), "symbol": "circle-open", "line": {"width": 1}}
    own_size = marker_size(len(everything)) * 0.75
    own_colors: Any = None
    legend: dict[str, str] = {}
    if color_by is not None:
        places, legend = category_codes(points, color_by, colors)
        # A place of -1, for no category, takes the last colour.
        own_colors = np.array([*legend.values(), grey(0.9)], dtype=object)[places]
    traces: list[Trace] = []
    layout: dict[str, Any] = quiet_layout(height=_PANEL_PIXELS * rows + 8, left=0, right=0, top=24)
    ranges = cloud.ranges()
    notes = []
    for place, name in enumerate(names):
        row, column = divmod(place, columns)
        end = "" if place == 0 else str(place + 1)
        axes = {"xaxis": f"x{end}", "yaxis": f"y{end}"}
        own = np.flatnonzero(generated & (codes == place))
        traces.append(
            cloud.trace(
                behind,
                name="reference" if behind_real else "all",
                marker={"size": own_size * 0.8, **back},
                **axes,
            )
            | {"hoverinfo": "skip", "hovertext": None, "customdata": None}
        )
        color: Any = known[name] if own_colors is None else own_colors[own]
        traces.append(
            cloud.trace(
                own,
                name=shortened(name),
                marker={"size": own_size, "color": color, "opacity": 0.8, "line": solid_line()},
                **axes,
            )
        )
        left, right = column / columns, (column + 1) / columns - _GAP
        top = 1 - row / rows
        bottom = 1 - (row + 1) / rows + 34 / (_PANEL_PIXELS * rows)
        layout[f"xaxis{end}"] = {
            "domain": [left, right],
            "anchor": f"y{end}",
            "visible": False,
            "range": ranges["x"],
            **({"matches": "x"} if place else {}),
        }
        layout[f"yaxis{end}"] = {
            "domain": [bottom, top],
            "anchor": f"x{end}",
            "visible": False,
            "range": ranges["y"],
            **({"matches": "y"} if place else {"scaleanchor": "x"}),
        }
        notes.append(
            {
                "text": f"{page_text(shortened(name, 28))}  {len(own):,}",
                "x": left,
                "y": top,
                "xref": "paper",
                "yref": "paper",
                "xanchor": "left",
                "yanchor": "bottom",
                "showarrow": False,
                "font": {"size": 12},
            }
        )
    for category, color in legend.items():
        # An entry of the legend alone: a panel's points are one trace of many colours.
        traces.append(legend_entry(shortened(category), group=category, color=color))
    layout |= {"annotations": notes, "showlegend": bool(legend), "hovermode": "closest"}
    layout |= {"dragmode": "lasso", "uirevision": "multiples"}
    layout["legend"] |= {"y": 1 + 24 / (_PANEL_PIXELS * rows), "itemclick": False}
    layout["legend"]["itemdoubleclick"] = False
    return go.Figure(traces, layout)


def column_count(panels: int) -> int:
    """Panels in a row: no more than 4, and rows as full as can be."""
    if panels <= 3:
        return max(1, panels)
    return {4: 2, 5: 3, 6: 3, 9: 3}.get(panels, 4)
