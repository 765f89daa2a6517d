"""The map: texts with like meanings lie near each other; what a colour says can be chosen.

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
their revision hang on the points alone, so that a zoom outlives a change of colour.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from core.figures.elements import SYMBOLS, Trace, legend_entry, solid_line
from core.figures.theme import (
    LABEL_COLORS,
    SEQUENCE_COLORS,
    grey,
    hover_texts,
    label_colors,
    quiet_layout,
    shortened,
)

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


Rows = npt.NDArray[np.int64]


_COLORS_A_SYMBOL = 8  # as many as are told apart by colour alone


_GL_FROM = 1000


@dataclass(frozen=True)
class Cloud:
    """All points of a figure, column by column, each of shape (points,).

    Args:
        x: place on the map, float64.
        y: place on the map, float64.
        ids: str, one a point.
        hovers: escaped texts with line breaks.
        reference: bool, whether it is a real text.
    """

    x: npt.NDArray[np.float64]
    y: npt.NDArray[np.float64]
    ids: npt.NDArray[Any]
    hovers: npt.NDArray[Any]
    reference: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, points: "pd.DataFrame") -> "Cloud":
        """The columns of a frame `id, x, y, text, label, dataset, cycle, duplicate, reference`."""
        return cls(
            x=points["x"].to_numpy(np.float64),
            y=points["y"].to_numpy(np.float64),
            ids=points["id"].to_numpy(object),
            hovers=_hovers(points),
            reference=points["reference"].to_numpy(np.bool_),
        )

    def __len__(self) -> int:
        return len(self.ids)

    def trace(self, rows: Rows, *, name: str, marker: Mapping[str, Any], **more: Any) -> Trace:
        """Some of the points as one trace, drawn in the order of the rows.

        A mapping and no plotly object, which would check and copy all values once more.
        """
        return dict(
            type="scattergl" if len(self) > _GL_FROM else "scatter",
            x=self.x[rows],
            y=self.y[rows],
            customdata=self.ids[rows],
            hovertext=self.hovers[rows],
            hoverinfo="text",
            mode="markers",
            name=name,
            marker=marker,
            showlegend=False,
            **more,
        )

    def ranges(self) -> dict[str, list[float]]:
        """Ranges of the axes with all points in and a margin round them, under `x` and `y`."""
        return {"x": _range(self.x), "y": _range(self.y)}


def hidden_axes(cloud: Cloud) -> dict[str, Any]:
    """Axes of a map: distances mean something, places and directions do not."""
    ranges = cloud.ranges()
    return {
        "xaxis": {"visible": False, "range": ranges["x"]},
        "yaxis": {"visible": False, "range": ranges["y"], "scaleanchor": "x"},
    }


def marker_size(count: int) -> float:
    """Pixels across: 10 for a few points, below 5 for ten thousand."""
    return round(min(10.0, max(3.5, 14.5 - 2.5 * math.log10(max(count, 1)))), 1)


def marker_symbol(place: int) -> str:
    """Shape of a label's points: beyond eight, colours are no longer told apart by themselves."""
    return SYMBOLS[place // _COLORS_A_SYMBOL % len(SYMBOLS)]


def category_codes(
    points: "pd.DataFrame", by: str, colors: Mapping[str, str] | None
) -> tuple[Rows, dict[str, str]]:
    """Each point's place among the categories of a column, and the categories with their colours.

    Args:
        points: the frame.
        by: the column.
        colors: categories in order with "#RRGGBB"; None takes the column's values in alphabetical
            order with the palette's colours.

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


def found_mask(cloud: Cloud, highlight: Collection[str]) -> npt.NDArray[np.bool_]:
    """bool (points,): whether a point's id is among those to highlight."""
    wanted = frozenset(highlight)
    return np.fromiter((one in wanted for one in cloud.ids), np.bool_, len(cloud))


def _hovers(points: "pd.DataFrame") -> npt.NDArray[Any]:
    texts = hover_texts(points["text"].tolist())
    labels, datasets = (_names(points[column]) for column in ("label", "dataset"))
    cycles = [
        f" · cycle {cycle:.0f}" if cycle == cycle else "" for cycle in _floats(points["cycle"])
    ]
    doubles = [
        f" · {kind} duplicate" if kind in ("near", "exact") else "" for kind in points["duplicate"]
    ]
    lines = [
        f"{text}<br><i>{label} · {dataset}{cycle}{double}</i>"
        for text, label, dataset, cycle, double in zip(
            texts, labels, datasets, cycles, doubles, strict=True
        )
    ]
    answer = np.empty(len(lines), dtype=object)
    answer[:] = lines
    return answer


def _names(column: "pd.Series[Any]") -> list[str]:
    known: dict[Any, str] = {}
    for value in column.unique().tolist():
        known[value] = shortened(value) if isinstance(value, str) else "no label"
    return [known.get(value, "no label") for value in column.tolist()]


def _floats(column: "pd.Series[Any]") -> list[float]:
    numbers: list[float] = column.astype("float64").tolist()
    return numbers


def _range(values: npt.NDArray[np.float64]) -> list[float]:
    if not len(values):
        return [-1.0, 1.0]
    low, high = float(values.min()), float(values.max())
    margin = 0.04 * (high - low) or 1.0
    return [low - margin, high + margin]


DUPLICATE_COLORS = {"new": "#56B4E9", "near": "#E69F00", "exact": "#D55E00"}


GENERATED_COLOR, REFERENCE_COLOR = LABEL_COLORS[0], LABEL_COLORS[1]


NEWEST = 20


_PLAIN, _FADED, _GHOST = 0.8, 0.14, 0.2


_LARGER = 1.5


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
        colors: categories in order, each with its "#RRGGBB" (`palette.label_colors`); by default
            the column's values in alphabetical order. Of use for columns of categories alone.
        highlight: ids that stand out, the others faded, such as those a search found; None fades
            nothing, an empty one everything.
        drag: what the mouse draws: "lasso", "select" (a box), or "pan", which moves the map.
        height: in pixels.
    """
    import plotly.graph_objects as go

    cloud = Cloud.of(points)
    size = marker_size(len(cloud))
    found = None if highlight is None else found_mask(cloud, highlight)
    traces: list[Trace] = []

    def add(rows: Rows, name: str, *, size: float = size, **marker: Any) -> None:
        opacity: Any = _PLAIN
        sizes: Any = size
        if found is not None:
            # Found points are drawn last, on top of the others of their kind.
            rows = rows[np.argsort(found[rows], kind="stable")]
            opacity = np.where(found[rows], 1.0, _FADED)
            sizes = np.where(found[rows], size * _LARGER, size)
        if isinstance(marker.get("color"), np.ndarray):
            marker["color"] = marker["color"][rows]
        traces.append(
            cloud.trace(
                rows,
                name=name,
                legendgroup=str(len(traces)),
                marker={"size": sizes, "opacity": opacity, "line": solid_line(), **marker},
            )
        )

    _add_reference(add, cloud, size, colored=color_by == "reference")
    generated = ~cloud.reference
    if color_by == "cycle":
        cycles = points["cycle"].to_numpy(np.float64, na_value=np.nan)
        add(np.flatnonzero(generated), "texts", color=cycles, **_scale(cycles[generated]))
    elif color_by == "reference":
        add(np.flatnonzero(generated), "generated", color=GENERATED_COLOR, symbol="circle")
    else:
        if color_by == "duplicate":
            colors = DUPLICATE_COLORS
        codes, known = category_codes(points, color_by, colors)
        for place, (name, color) in enumerate(known.items()):
            rows = np.flatnonzero(generated & (codes == place))
            add(rows, shortened(name), color=color, symbol=marker_symbol(place))
        add(np.flatnonzero(generated & (codes < 0)), "other", color=grey(0.9), symbol="circle")
    layout = _layout(cloud, height=height, colors=color_by)
    layout["dragmode"] = drag
    # As Streamlit has it, which takes no click for a choice while a lasso or a box is at hand.
    layout["clickmode"] = "event+select" if drag == "pan" else "event"
    return go.Figure(traces + _legend(traces), layout)


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
    import plotly.graph_objects as go

    cloud = Cloud.of(points)
    size = marker_size(len(cloud))
    order = points["order"].to_numpy(np.float64, na_value=np.nan)
    arrived = ~cloud.reference & (order <= upto)
    newest = np.zeros(len(cloud), dtype=np.bool_)
    there = np.flatnonzero(arrived)
    newest[there[np.argsort(order[there], kind="stable")][-NEWEST:]] = True
    traces: list[Trace] = []

    def add(rows: Rows, name: str, *, size: float = size, **marker: Any) -> None:
        rows = rows[np.argsort(newest[rows], kind="stable")]
        marker.setdefault("opacity", np.where(newest[rows], 1.0, _PLAIN * 0.75))
        traces.append(
            cloud.trace(
                rows,
                name=name,
                legendgroup=str(len(traces)),
                marker={
                    "size": np.where(newest[rows], size * _LARGER * 1.2, size),
                    "line": {"width": np.where(newest[rows], 1.5, 0.0), "color": grey(1)},
                    **marker,
                },
            )
        )

    _add_reference(add, cloud, size, colored=False)
    waiting = np.flatnonzero(~cloud.reference & ~arrived)
    add(waiting, "to come", color=grey(_GHOST), opacity=1, symbol="circle")
    codes, known = category_codes(points, color_by, colors)
    for place, (name, color) in enumerate(known.items()):
        rows = np.flatnonzero(arrived & (codes == place))
        add(rows, shortened(name), color=color, symbol=marker_symbol(place))
    add(np.flatnonzero(arrived & (codes < 0)), "other", color=grey(0.9), symbol="circle")
    return go.Figure(traces + _legend(traces), _layout(cloud, height=height, colors=color_by))


def _add_reference(add: Any, cloud: Cloud, size: float, *, colored: bool) -> None:
    """Real texts first, so that they lie behind: hollow, and grey unless they are the point."""
    add(
        np.flatnonzero(cloud.reference),
        "reference",
        size=size if colored else 0.8 * size,
        color=REFERENCE_COLOR if colored else grey(0.9),
        symbol="circle-open",
        line={"width": 1},
    )


def _legend(traces: Sequence[Trace]) -> list[Trace]:
    """An entry for each trace that has points, but for one that has a bar of colours."""
    entries = []
    for trace in traces:
        marker = trace["marker"]
        if len(trace["x"]) and isinstance(marker["color"], str):
            look = {"color": marker["color"], "symbol": marker["symbol"]}
            if look["symbol"] == "circle-open":
                look["line"] = {"width": 1.5}
            entries.append(legend_entry(trace["name"], group=trace["legendgroup"], **look))
    return entries


def _scale(values: Any) -> dict[str, Any]:
    """Colours from the earliest cycle to the latest, with their bar."""
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (1.0, 1.0)
    last = len(SEQUENCE_COLORS) - 1
    return {
        "colorscale": [[place / last, color] for place, color in enumerate(SEQUENCE_COLORS)],
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


def _layout(cloud: Cloud, *, height: int, colors: str) -> dict[str, Any]:
    layout: dict[str, Any] = quiet_layout(height=height, left=0, right=0, bottom=0)
    layout |= hidden_axes(cloud)
    layout |= {
        "dragmode": "lasso",
        # Upright at the side: lying, its buttons would cover the legend.
        "modebar": {"orientation": "v"},
        "hovermode": "closest",
        "showlegend": True,
        "newselection": {"line": {"color": grey(1), "width": 1.5}},
        # A zoom outlives a change of colour, but not another map: there it would show nothing.
        "uirevision": f"map {layout['xaxis']['range']} {layout['yaxis']['range']}",
        # Labels that were switched off, and points that were chosen, are those of this colouring.
        "selectionrevision": colors,
    }
    layout["legend"]["uirevision"] = colors
    return layout
