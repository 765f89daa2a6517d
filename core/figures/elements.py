"""What figures are put together from: traces, lines, legends, cells, panels, names of marks."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from core.figures.theme import (
    CLEAR,
    LABEL_COLORS,
    MAX_CELL_ALPHA,
    grey,
    note,
    page_text,
    with_alpha,
)

Numbers = npt.NDArray[np.float64]
Trace = dict[str, Any]

SYMBOLS = ("circle", "diamond", "square", "triangle-up", "star")
NO_RIM = {"width": 0, "color": CLEAR}
"""Of a mark: of thousands of marks, rims would be all one sees."""
HOLLOW: dict[str, object] = {"symbol": "diamond-open", "line": {"width": 1.8}}
"""Marks of the paper and of the reference."""
UNSEEN = {"marker": {"opacity": 0}}

_GL_FROM = 1000  # marks of a figure; WebGL draws more of them faster
# What a plot measures at least on a narrow page: on a wider one there is only more room.
_PLOT_WIDTH, _PLOT_HEIGHT = 480.0, 330.0
_CHARACTER = 0.52  # of the letters' size, the mean
_LINE = 1.3
# Where a name's box is anchored: share of its width left of the mark; 1 above or -1 below it.
_ANCHORS = ((0.0, 1), (1.0, 1), (0.5, 1), (0.0, -1), (1.0, -1), (0.5, -1))


def scatter(
    x: Any,
    y: Any,
    *,
    mode: str = "markers",
    hovers: Any = None,
    template: str = "",
    count: int | None = None,
    **more: object,
) -> Trace:
    """Marks or lines as a mapping: a plotly object would check and copy all values once more.

    Args:
        x: places, of shape (marks,).
        y: the same.
        mode: plotly's.
        hovers: escaped, one per mark; without them and a template, the trace has no hover.
        template: plotly's `hovertemplate`.
        count: marks of the whole figure where they are more than this trace's.
        more: further keys of the trace, which win.
    """
    large = (len(x) if count is None else count) > _GL_FROM
    hover = {"hoverinfo": "skip"} if hovers is None else {"hovertext": hovers, "hoverinfo": "text"}
    hover = {"hovertemplate": template} if template else hover
    kind = "scattergl" if large else "scatter"
    return {"type": kind, "x": x, "y": y, "mode": mode, "showlegend": False, **hover, **more}


def bars(x: Sequence[float], y: Sequence[Any], **more: object) -> Trace:
    """Horizontal bars; `more` are further keys of the trace."""
    return {"type": "bar", "orientation": "h", "x": x, "y": y, **more}


def error_bars(
    value: Any, low: Any, high: Any, *, color: Any, thickness: float = 1, width: float = 0
) -> dict[str, object]:
    """Error bars from the ends of intervals; none where an end is missing (NaN).

    Args:
        value: float (marks,).
        low: lower ends, the same.
        high: upper ends, the same.
        color: of the bars.
        thickness: in pixels.
        width: of the caps, in pixels.
    """
    value, low, high = (np.asarray(part, dtype=np.float64) for part in (value, low, high))
    return {
        "type": "data",
        "symmetric": False,
        "array": np.nan_to_num(high - value).clip(0),
        "arrayminus": np.nan_to_num(value - low).clip(0),
        "thickness": thickness,
        "width": width,
        "color": color,
    }


def straight_line(
    *,
    x: float | None = None,
    y: float | None = None,
    dash: str = "dash",
    width: float = 1.5,
    color: str = grey(0.9),
    layer: str = "above",
) -> dict[str, object]:
    """A shape from side to side of the axes: upright at an x, or level at a y."""
    ends = (
        {"x0": x, "x1": x, "yref": "paper", "y0": 0, "y1": 1}
        if x is not None
        else {"xref": "paper", "x0": 0, "x1": 1, "y0": y, "y1": y}
    )
    return {
        "type": "line",
        "layer": layer,
        "line": {"dash": dash, "width": width, "color": color},
        **ends,
    }


def padded_range(
    values: Iterable[float | None],
    *,
    pad: float = 0.07,
    least: float = 0.0,
    floor: float = -math.inf,
    ceiling: float = math.inf,
) -> tuple[float, float]:
    """Range of an axis with all values in it, and a margin.

    Args:
        values: None and numbers that are not finite are left out.
        pad: margin at each end, as a share of the range.
        least: the range is at least so long, as chance alone would look like a landslide.
        floor: the axis begins there at the earliest.
        ceiling: the axis ends there at the latest.

    Returns:
        0 and 1 where there are no values; 1 to each side of a single one without a `least`.
    """
    known = [float(value) for value in values if value is not None and math.isfinite(value)]
    if not known:
        return 0.0, 1.0
    low, high = min(known), max(known)
    span = max(high - low, least)
    margin = (span - (high - low)) / 2 + pad * span if span else 1.0
    return max(floor, low - margin), min(ceiling, high + margin)


def spread_apart(places: Sequence[float], gap: float) -> list[float]:
    """Places moved as little as keeps each at least a gap from the next: for labels in a column.

    Args:
        places: in any order and unit.
        gap: in the same unit.

    Returns:
        The new places, in the order given; those that are apart already stay.
    """
    order = np.argsort(places, kind="stable")
    # The least squares answer: subtract the gaps, average what then runs backwards, add them again.
    blocks: list[tuple[float, int]] = []
    for rank, place in enumerate(order):
        blocks.append((float(places[place]) - rank * gap, 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (later, more), (earlier, some) = blocks.pop(), blocks.pop()
            blocks.append(((earlier * some + later * more) / (some + more), some + more))
    moved = [mean for mean, count in blocks for _ in range(count)]
    spread = [0.0] * len(order)
    for rank, place in enumerate(order):
        spread[place] = moved[rank] + rank * gap
    return spread


def side_notes(
    labels: Sequence[tuple[float | None, float, str]], *, pixels: float, gap: float = 16
) -> list[dict[str, object]]:
    """Annotations right of their marks, moved up or down until none covers another.

    Args:
        labels: x (None: the right end of the axes), y, escaped text.
        pixels: of the y axis per unit.
        gap: pixels from one to the next.
    """
    spread = spread_apart([y * pixels for _, y, _ in labels], gap)
    return [
        note(
            text,
            ({"x": 1, "xref": "paper"} if x is None else {"x": x})
            | {"xanchor": "left", "xshift": 4, "y": y, "yshift": place - y * pixels},
        )
        for (x, y, text), place in zip(labels, spread, strict=True)
    ]


def row_notes(texts: Sequence[str]) -> list[dict[str, object]]:
    """Annotations right of a figure's rows; escaped."""
    place = {"x": 1, "xref": "paper", "xanchor": "left", "xshift": 9, "align": "left"}
    return [note(page_text(text), {**place, "y": row}) for row, text in enumerate(texts)]


def category_look(place: int) -> dict[str, str]:
    """Colour and symbol of the category at that place."""
    color = LABEL_COLORS[place % len(LABEL_COLORS)]
    return {"color": color, "symbol": SYMBOLS[place % len(SYMBOLS)]}


def rim(symbol: str) -> dict[str, object]:
    """The outline of a mark: hollow symbols have one, filled ones none."""
    return {"width": 1.8 if symbol.endswith("-open") else 0}


def legend_entry(name: str, *, group: str = "", **marker: object) -> Trace:
    """A trace for the legend alone: there, one of faded or differing points would look like none.

    Args:
        name: escaped.
        group: the `legendgroup` of the points that a click on the entry switches off and on; by
            default the name.
        marker: colour and symbol.
    """
    return {
        "type": "scatter",
        "x": [None],
        "y": [None],
        "mode": "markers",
        "name": name,
        "legendgroup": group or name,
        "showlegend": True,
        "marker": {"size": 9, "line": NO_RIM, **marker},
        "hoverinfo": "skip",
    }


def cell_traces(
    shades: Numbers,
    *,
    bounds: tuple[float, float],
    texts: Sequence[Sequence[str]],
    hovers: Sequence[Sequence[str]],
    keys: Sequence[Sequence[Any]],
    pixels: int,
    letters: int = 12,
) -> list[Trace]:
    """Cells shaded by value, and an unseen point on each to hover and click.

    A heatmap's own cells can't be selected, and the text of a point would fade with a selection.

    Args:
        shades: values, float64 of shape (rows, columns); NaN leaves a cell empty.
        bounds: the values of the palest and of the darkest shade.
        texts: of each cell, escaped.
        hovers: of each cell, escaped.
        keys: customdata of each cell.
        pixels: height of a cell.
        letters: size of the texts in pixels.
    """
    low, high = bounds
    flat = 0.5 if high <= low else 0.0
    color = LABEL_COLORS[0]
    rows, columns = shades.shape
    filled = [(int(row), int(column)) for row, column in np.argwhere(np.isfinite(shades))]
    heatmap = {
        "type": "heatmap",
        "z": shades,
        "x": list(range(columns)),
        "y": list(range(rows)),
        "zmin": low - flat,
        "zmax": high + flat,
        "colorscale": [[0, with_alpha(color, 0.04)], [1, with_alpha(color, MAX_CELL_ALPHA)]],
        "showscale": False,
        "xgap": 2,
        "ygap": 2,
        "text": [[page_text(text) if text else "" for text in row] for row in texts],
        "texttemplate": "%{text}",
        "textfont": {"size": letters},
        "hoverinfo": "skip",
        "hoverongaps": False,
    }
    targets = scatter(
        [column for _, column in filled],
        [row for row, _ in filled],
        count=0,
        customdata=[keys[row][column] for row, column in filled],
        hovers=[hovers[row][column] for row, column in filled],
        marker={"symbol": "square", "size": pixels, "opacity": 0},
        selected=UNSEEN,
        unselected=UNSEEN,
    )
    return [heatmap, targets]


@dataclass(frozen=True)
class PanelGrid:
    """A grid of panels, filled row by row.

    Args:
        rows: of panels.
        columns: panels in a row.
        panel: height of a panel's axes in pixels.
        head: pixels above them, for the panel's name.
        foot: pixels below them, for ticks.
        gap: between panels, as a share of the figure's width.
    """

    rows: int
    columns: int
    panel: int = 180
    head: int = 26
    foot: int = 30
    gap: float = 0.05

    @property
    def height(self) -> int:
        """Pixels of all rows together."""
        return self.rows * (self.head + self.panel + self.foot)

    @staticmethod
    def end(place: int) -> str:
        """What follows "x" and "y" in the names of a panel's axes."""
        return "" if place == 0 else str(place + 1)

    def axes(self, place: int) -> dict[str, str]:
        """A trace's axes in the panel of that place."""
        return {"xaxis": f"x{self.end(place)}", "yaxis": f"y{self.end(place)}"}

    def domains(self, place: int) -> tuple[list[float], list[float]]:
        """Shares of the figure's width and height that a panel's axes take."""
        row, column = divmod(place, self.columns)
        width = (1 - self.gap * (self.columns - 1)) / self.columns
        left = column * (width + self.gap)
        top = 1 - (row * (self.head + self.panel + self.foot) + self.head) / self.height
        return [left, min(1.0, left + width)], [max(0.0, top - self.panel / self.height), top]

    def name(self, place: int, text: str, *, size: int = 13, up: int = 3) -> dict[str, object]:
        """The annotation above a panel, so many pixels up; text escaped."""
        x, y = self.domains(place)
        left = {"x": x[0], "xref": "paper", "xanchor": "left"}
        top = {"y": y[1], "yref": "paper", "yanchor": "bottom", "yshift": up}
        return note(page_text(text), {**left, **top}, size=size)


def mark_names(
    names: Sequence[str],
    at: tuple[Numbers, Numbers],
    *,
    marks: tuple[Numbers, Numbers],
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    letters: int,
) -> list[dict[str, object]]:
    """Annotations beside marks that cover no mark and no other name.

    A name that finds no room is left out, as its mark's hover holds it anyway.

    Args:
        names: escaped, of shape (named,), "" for none.
        at: x and y of the named marks, each float64 (named,).
        marks: x and y of all marks, each float64 (marks,).
        x_range: ends of the x axis.
        y_range: ends of the y axis.
        letters: their size in pixels; the plot is taken to be as wide as on a narrow page.
    """
    scale = letters / 12
    width, height = _PLOT_WIDTH * max(1.0, 0.85 * scale), _PLOT_HEIGHT * scale
    columns, rows = _pixels(marks[0], x_range, width), _pixels(marks[1], y_range, height)
    # Marks have the half of the letters' size as their radius.
    half = 0.55 * letters
    taken = np.stack([columns - half, columns + half, rows - half, rows + half], axis=1)
    notes: list[dict[str, object]] = []
    named = zip(names, _pixels(at[0], x_range, width), _pixels(at[1], y_range, height), strict=True)
    for place, (name, column, row) in enumerate(named):
        long = _CHARACTER * letters * len(name)
        for left, side in _ANCHORS if name else ():
            # Straight above or below, a name keeps off its own ring; beside, it may be nearer.
            off = letters * (0.35 if left == 0 else 0.95)
            aside = letters * {0.0: 0.9, 0.5: 0.0, 1.0: -1.3}[left] * (-1 if left == 1.0 else 1)
            start = column + aside - left * long
            bottom = row + off if side > 0 else row - off - _LINE * letters
            box = np.array([start, start + long, bottom, bottom + _LINE * letters])
            # A little beyond the right end nothing stands.
            inside = box[0] >= 0 and box[1] <= width + letters and box[2] >= 0 and box[3] <= height
            if inside and not _overlaps(box, taken).any():
                taken = np.vstack([taken, box])
                anchors = {
                    "x": float(at[0][place]),
                    "y": float(at[1][place]),
                    "xanchor": {0.0: "left", 0.5: "center", 1.0: "right"}[left],
                    "yanchor": "bottom" if side > 0 else "top",
                    "xshift": aside,
                    "yshift": off * side,
                }
                notes.append(note(page_text(name), anchors, size=letters))
                break
    return notes


def _pixels(values: Numbers, ends: tuple[float, float], length: float) -> Numbers:
    return np.asarray((values - ends[0]) / ((ends[1] - ends[0]) or 1.0) * length)


def _overlaps(box: Numbers, others: Numbers) -> npt.NDArray[np.bool_]:
    """bool (others,): whether a box (left, right, bottom, top) shares pixels with each."""
    apart = (box[0] >= others[:, 1]) | (box[1] <= others[:, 0])
    return np.asarray(~(apart | (box[2] >= others[:, 3]) | (box[3] <= others[:, 2])))
