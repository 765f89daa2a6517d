"""The map: texts with like meanings lie near each other; what colour shows can be chosen.

A figure is drawn from a frame of points with the columns

    id         str, unique
    x, y       float, places on one shared projection
    text       str
    label      str or None, the specified label
    dataset    str, for display: the run's or the reference's name
    cycle      number, counted from 1; missing for a reference
    duplicate  'new', 'near' or 'exact'
    reference  bool, whether it is a real text
    order      number, place in the order of arrival; missing for a reference

Every point carries its id as customdata, and a selection is read by it, never by position. Axes and
their revision depend on the points alone, so that a zoom outlives a change of colour.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from core.figures.elements import (
    NO_RIM,
    SYMBOLS,
    Numbers,
    PanelGrid,
    Trace,
    legend_entry,
    padded_range,
    scatter,
)
from core.figures.theme import (
    COLOR_SCALE,
    LABEL_COLORS,
    STATIC_LEGEND,
    base_layout,
    figure_of,
    grey,
    hover_text,
    label_colors,
    shortened,
    with_alpha,
)

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

Rows = npt.NDArray[np.int64]

DUPLICATE_COLORS = {"new": "#56B4E9", "near": "#E69F00", "exact": "#D55E00"}
GENERATED_COLOR, REFERENCE_COLOR = LABEL_COLORS[0], LABEL_COLORS[1]
NEWEST = 20
_OPACITY, _FADED, _PENDING = 0.8, 0.14, 0.2
_LARGER = 1.5
_REFERENCE_ALPHA = 0.55
_COLORS_PER_SYMBOL = 8  # as many as can be distinguished by colour alone
MAX_PANELS = 16
_MAX_BEHIND = 2000
_HEAD = 24  # pixels above a panel


@dataclass(frozen=True)
class MapPoints:
    """All points of a figure, column by column, each of shape (points,).

    Args:
        x: place on the map, float64.
        y: place on the map, float64.
        ids: str, one per point.
        hovers: escaped texts with line breaks.
        reference: bool, whether it is a real text.
    """

    x: Numbers
    y: Numbers
    ids: npt.NDArray[Any]
    hovers: npt.NDArray[Any]
    reference: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, points: "pd.DataFrame") -> "MapPoints":
        """The columns of a frame of points."""
        return cls(
            x=points["x"].to_numpy(np.float64),
            y=points["y"].to_numpy(np.float64),
            ids=points["id"].to_numpy(object),
            hovers=_hovers(points),
            reference=points["reference"].to_numpy(np.bool_),
        )

    def __len__(self) -> int:
        return len(self.ids)

    def trace(self, rows: Rows, *, name: str, marker: Mapping[str, object], **more: Any) -> Trace:
        """Some of the points as one trace, drawn in the order of the rows."""
        return scatter(
            self.x[rows],
            self.y[rows],
            count=len(self),
            customdata=self.ids[rows],
            hovers=self.hovers[rows],
            name=name,
            marker=marker,
            **more,
        )

    def axes(self) -> dict[str, dict[str, object]]:
        """Axes with all points in: distances mean something, places and directions do not."""
        x, y = (
            list(padded_range(part, pad=0.04)) if len(self) else [-1.0, 1.0]
            for part in (self.x, self.y)
        )
        return {
            "xaxis": {"visible": False, "range": x},
            "yaxis": {"visible": False, "range": y, "scaleanchor": "x"},
        }


def marker_size(count: int) -> float:
    """Pixels across: 10 for a few points, below 5 for ten thousand."""
    return round(min(10.0, max(3.5, 14.5 - 2.5 * math.log10(max(count, 1)))), 1)


def category_codes(
    points: "pd.DataFrame", by: str, colors: Mapping[str, str] | None
) -> tuple[Rows, dict[str, str]]:
    """Each point's place among the categories of a column, and the categories with their colours.

    Args:
        points: the frame.
        by: the column.
        colors: categories in order with "#RRGGBB"; None takes the column's values in alphabetical
            order with the label colours.

    Returns:
        int64 (points,), -1 for a value that is none of them; the categories.
    """
    values = points[by]
    if colors is None:
        real = values[~points["reference"].to_numpy(np.bool_)]
        colors = label_colors(sorted({str(value) for value in real.dropna()}))
    place = {name: number for number, name in enumerate(colors)}
    codes = [place.get(value, -1) for value in values.tolist()]
    return np.array(codes, dtype=np.int64), dict(colors)


def map_figure(
    points: "pd.DataFrame",
    *,
    color_by: str = "label",
    colors: Mapping[str, str] | None = None,
    highlight: Collection[str] | None = None,
    drag: str = "lasso",
    height: int = 560,
) -> "go.Figure":
    """Scatter of texts; real ones behind, small and hollow.

    Args:
        points: as above.
        color_by: `cycle` (early to late), `duplicate`, `reference`, or any column of categories:
            `label`, `dataset`, ...
        colors: categories in order, each with its "#RRGGBB" (`theme.label_colors`); by default
            the column's values in alphabetical order. Of use for columns of categories alone.
        highlight: ids that stand out, the others faded, such as those a search found; None fades
            nothing, an empty one everything.
        drag: what the mouse draws: "lasso", "select" (a box), or "pan", which moves the map.
        height: in pixels.
    """
    texts = MapPoints.of(points)
    size = marker_size(len(texts))
    highlighted = None
    if highlight is not None:
        wanted = frozenset(highlight)
        highlighted = np.fromiter((key in wanted for key in texts.ids), np.bool_, len(texts))
    traces: list[Trace] = []

    def add(rows: Rows, name: str, *, size: float = size, **marker: Any) -> None:
        opacity: Any = _OPACITY
        sizes: Any = size
        if highlighted is not None:
            # Highlighted points are drawn last, on top of the others of their kind.
            rows = rows[np.argsort(highlighted[rows], kind="stable")]
            opacity = np.where(highlighted[rows], 1.0, _FADED)
            sizes = np.where(highlighted[rows], size * _LARGER, size)
        if isinstance(marker.get("color"), np.ndarray):
            marker["color"] = marker["color"][rows]
        marker = {"size": sizes, "opacity": opacity, "line": NO_RIM, **marker}
        traces.append(texts.trace(rows, name=name, legendgroup=str(len(traces)), marker=marker))

    _add_reference(add, points, texts, size, color_by, colors)
    generated = ~texts.reference
    if color_by == "cycle":
        cycles = points["cycle"].to_numpy(np.float64, na_value=np.nan)
        add(np.flatnonzero(generated), "texts", color=cycles, **_cycle_scale(cycles[generated]))
    elif color_by == "reference":
        add(np.flatnonzero(generated), "generated", color=GENERATED_COLOR, symbol="circle")
    else:
        known = DUPLICATE_COLORS if color_by == "duplicate" else colors
        _add_categories(add, generated, *category_codes(points, color_by, known))
    layout = _layout(texts, height=height, colors=color_by)
    layout["dragmode"] = drag
    # Streamlit's own default, which takes no click for a selection while a lasso or a box is on.
    layout["clickmode"] = "event+select" if drag == "pan" else "event"
    return figure_of(traces + _legend(traces), layout)


def replay_figure(
    points: "pd.DataFrame",
    upto: int,
    *,
    color_by: str = "label",
    colors: Mapping[str, str] | None = None,
    height: int = 560,
) -> "go.Figure":
    """The map at a moment: what had arrived in colour, the newest 20 larger, the rest pale.

    Args:
        points: as for `map_figure`; `order` is read.
        upto: the last `order` that had arrived.
        color_by: a column of categories.
        colors: as for `map_figure`.
        height: in pixels.
    """
    texts = MapPoints.of(points)
    size = marker_size(len(texts))
    order = points["order"].to_numpy(np.float64, na_value=np.nan)
    arrived = ~texts.reference & (order <= upto)
    newest = np.zeros(len(texts), dtype=np.bool_)
    there = np.flatnonzero(arrived)
    newest[there[np.argsort(order[there], kind="stable")][-NEWEST:]] = True
    traces: list[Trace] = []

    def add(rows: Rows, name: str, *, size: float = size, **marker: Any) -> None:
        rows = rows[np.argsort(newest[rows], kind="stable")]
        marker = {
            "opacity": np.where(newest[rows], 1.0, _OPACITY * 0.75),
            "size": np.where(newest[rows], size * _LARGER * 1.2, size),
            "line": {"width": np.where(newest[rows], 1.5, 0.0), "color": grey(1)},
            **marker,
        }
        traces.append(texts.trace(rows, name=name, legendgroup=str(len(traces)), marker=marker))

    _add_reference(add, points, texts, size, color_by, colors)
    pending = np.flatnonzero(~texts.reference & ~arrived)
    add(pending, "not yet generated", color=grey(_PENDING), opacity=1, symbol="circle")
    _add_categories(add, arrived, *category_codes(points, color_by, colors))
    return figure_of(traces + _legend(traces), _layout(texts, height=height, colors=color_by))


def _add_reference(
    add: Any,
    points: "pd.DataFrame",
    texts: MapPoints,
    size: float,
    color_by: str,
    colors: Mapping[str, str] | None,
) -> None:
    """Real texts first, so that they lie behind: hollow, grey, pale in the colours of labels."""
    color: Any = REFERENCE_COLOR if color_by == "reference" else grey(0.9)
    if color_by == "label":
        codes, known = category_codes(points, color_by, colors)
        # A place of -1, for no label, takes the last colour.
        pale = [with_alpha(own, _REFERENCE_ALPHA) for own in known.values()]
        color = np.array([*pale, grey(_REFERENCE_ALPHA)], dtype=object)[codes]
    add(
        np.flatnonzero(texts.reference),
        "reference",
        size=size if color_by == "reference" else 0.8 * size,
        color=color,
        symbol="circle-open",
        line={"width": 1},
    )


def _add_categories(
    add: Any, shown: npt.NDArray[np.bool_], codes: Rows, colors: Mapping[str, str]
) -> None:
    """A trace for each category; beyond eight, symbols help colours to tell them apart."""
    for place, (name, color) in enumerate(colors.items()):
        symbol = SYMBOLS[place // _COLORS_PER_SYMBOL % len(SYMBOLS)]
        add(np.flatnonzero(shown & (codes == place)), shortened(name), color=color, symbol=symbol)
    add(np.flatnonzero(shown & (codes < 0)), "other", color=grey(0.9), symbol="circle")


def _legend(traces: Sequence[Trace]) -> list[Trace]:
    """An entry for each trace that has points, but for one that has a bar of colours."""
    entries = []
    for trace in traces:
        marker = trace["marker"]
        hollow = marker["symbol"] == "circle-open"
        if len(trace["x"]) and (hollow or isinstance(marker["color"], str)):
            color = marker["color"] if isinstance(marker["color"], str) else grey(0.9)
            look = {"color": color, "symbol": marker["symbol"]}
            if hollow:
                look["line"] = {"width": 1.5}
            entries.append(legend_entry(trace["name"], group=trace["legendgroup"], **look))
    return entries


def _cycle_scale(values: Numbers) -> dict[str, Any]:
    """Colours from the earliest cycle to the latest, with their bar."""
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (1.0, 1.0)
    return {
        "colorscale": COLOR_SCALE,
        "cmin": low,
        "cmax": max(high, low + 1),
        "symbol": "circle",
        "colorbar": {
            "title": {"text": "cycle", "side": "right"},
            "orientation": "h",
            "thickness": 8,
            "len": 0.35,
            "x": 1,
            "xanchor": "right",
            "y": 1.0,
            "yanchor": "bottom",
            "tickvals": np.unique(np.linspace(low, high, 5).round()),
            "outlinewidth": 0,
            "ticks": "",
        },
    }


def _layout(texts: MapPoints, *, height: int, colors: str) -> dict[str, object]:
    axes = texts.axes()
    return base_layout(
        height=height,
        margin={"r": 0, "b": 0},
        legend={"uirevision": colors},
        dragmode="lasso",
        # Upright at the side: lying, its buttons would cover the legend.
        modebar={"orientation": "v"},
        showlegend=True,
        newselection={"line": {"color": grey(1), "width": 1.5}},
        # Labels that were switched off, and points that were chosen, are those of this colouring.
        selectionrevision=colors,
        # A zoom outlives a change of colour, but not another map: there it would show nothing.
        uirevision=f"map {axes['xaxis']['range']} {axes['yaxis']['range']}",
        **axes,
    )


def _hovers(points: "pd.DataFrame") -> npt.NDArray[Any]:
    columns = zip(
        map(hover_text, points["text"].tolist()),
        *(_names(points[column]) for column in ("label", "dataset")),
        points["cycle"].astype("float64").tolist(),
        points["duplicate"],
        strict=True,
    )
    hovers = np.empty(len(points), dtype=object)
    hovers[:] = [
        f"{text}<br><i>{label} · {dataset}{f' · cycle {cycle:.0f}' if cycle == cycle else ''}"
        f"{f' · {kind} duplicate' if kind in ('near', 'exact') else ''}</i>"
        for text, label, dataset, cycle, kind in columns
    ]
    return hovers


def _names(column: "pd.Series[Any]") -> list[str]:
    known = {
        value: shortened(value) if isinstance(value, str) else "no label"
        for value in column.unique().tolist()
    }
    return [known.get(value, "no label") for value in column.tolist()]


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
