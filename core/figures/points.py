"""Points of a map as plotly draws them: known by ids, at fixed axes, texts as hovers."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from core.figures.palette import label_colors
from core.figures.style import CLEAR
from core.figures.words import hover_texts, shortened

if TYPE_CHECKING:
    import pandas as pd

Trace = dict[str, Any]
Rows = npt.NDArray[np.int64]

SYMBOLS = ("circle", "diamond", "square", "triangle-up", "star")
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


def legend_entry(name: str, *, group: str, **marker: Any) -> Trace:
    """A trace for the legend alone: there, one of faded or differing points would look like none.

    Args:
        name: escaped.
        group: the `legendgroup` of the points that a click on the entry switches off and on.
        marker: colour and symbol.
    """
    return {
        "type": "scatter",
        "x": [None],
        "y": [None],
        "mode": "markers",
        "name": name,
        "legendgroup": group,
        "showlegend": True,
        "marker": {"size": 9, "line": solid_line(), **marker},
        "hoverinfo": "skip",
    }


def solid_line() -> dict[str, Any]:
    """No rim: rims of thousands of points are all one would see."""
    return {"width": 0, "color": CLEAR}


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
