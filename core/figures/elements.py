"""What several figures are put together from: traces, legends, panels, names beside marks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from core.figures.theme import CLEAR, page_text

Numbers = npt.NDArray[np.float64]


Trace = dict[str, Any]


@dataclass(frozen=True)
class Facets:
    """A grid of panels, filled row by row.

    Args:
        rows: of panels.
        columns: panels in a row.
        panel: height of a panel's axes in pixels.
        head: pixels above them, for the panel's name.
        foot: pixels below them, for ticks.
        gap: between panels, of the figure's width.
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

    def name(self, place: int, words: str) -> dict[str, Any]:
        """The annotation above a panel; words escaped."""
        across, up = self.domains(place)
        return {
            "text": page_text(words),
            "x": across[0],
            "y": up[1],
            "xref": "paper",
            "yref": "paper",
            "xanchor": "left",
            "yanchor": "bottom",
            "yshift": 3,
            "showarrow": False,
            "font": {"size": 13},
        }


# What a plot measures at least on a narrow page: on a wider one there is only more room.
_WIDTH, _HEIGHT = 480.0, 330.0


_CHARACTER = 0.52  # of the letters' size, the mean


_LINE = 1.3


# Where a name's box hangs: share of its width left of the mark, and 1 above or -1 below it.
_PLACES = ((0.0, 1), (1.0, 1), (0.5, 1), (0.0, -1), (1.0, -1), (0.5, -1))


def name_notes(
    names: Sequence[str],
    x: Numbers,
    y: Numbers,
    *,
    marks: tuple[Numbers, Numbers],
    across: tuple[float, float],
    up: tuple[float, float],
    letters: int,
) -> list[dict[str, Any]]:
    """Annotations; a name that finds no room is left out, as its mark's hover tells it anyway.

    Args:
        names: escaped, of shape (named,), "" for none.
        x: where the named marks stand, float64 (named,).
        y: the same.
        marks: x and y of all marks, each float64 (marks,).
        across: ends of the x axis.
        up: ends of the y axis.
        letters: their size in pixels; the plot is reckoned as wide as on a narrow page.
    """
    scale = letters / 12
    width, height = _WIDTH * max(1.0, 0.85 * scale), _HEIGHT * scale
    columns, rows = _pixels(marks[0], across, width), _pixels(marks[1], up, height)
    # Marks have the half of the letters' size as their radius.
    half = 0.55 * letters
    taken = np.stack([columns - half, columns + half, rows - half, rows + half], axis=1)
    notes: list[dict[str, Any]] = []
    named = zip(names, _pixels(x, across, width), _pixels(y, up, height), strict=True)
    for place, (name, column, row) in enumerate(named):
        long = _CHARACTER * letters * len(name)
        for left, side in _PLACES if name else ():
            # Straight above or below, a name keeps off its own ring; beside, it may be nearer.
            off = letters * (0.35 if left == 0 else 0.95)
            aside = letters * {0.0: 0.9, 0.5: 0.0, 1.0: -1.3}[left] * (-1 if left == 1.0 else 1)
            start = column + aside - left * long
            bottom = row + off if side > 0 else row - off - _LINE * letters
            box = np.array([start, start + long, bottom, bottom + _LINE * letters])
            # A little beyond the right end nothing stands.
            inside = box[0] >= 0 and box[1] <= width + letters and box[2] >= 0 and box[3] <= height
            if inside and not _covers(box, taken).any():
                taken = np.vstack([taken, box])
                notes.append(
                    {
                        "x": float(x[place]),
                        "y": float(y[place]),
                        "text": page_text(name),
                        "xanchor": {0.0: "left", 0.5: "center", 1.0: "right"}[left],
                        "yanchor": "bottom" if side > 0 else "top",
                        "xshift": aside,
                        "yshift": off * side,
                        "showarrow": False,
                        "font": {"size": letters},
                    }
                )
                break
    return notes


def _pixels(values: Numbers, ends: tuple[float, float], length: float) -> Numbers:
    return np.asarray((values - ends[0]) / ((ends[1] - ends[0]) or 1.0) * length)


def _covers(box: Numbers, others: Numbers) -> Any:
    """bool (others,): whether a box (left, right, bottom, top) shares pixels with each."""
    apart = (box[0] >= others[:, 1]) | (box[1] <= others[:, 0])
    return ~(apart | (box[2] >= others[:, 3]) | (box[3] <= others[:, 2]))


SYMBOLS = ("circle", "diamond", "square", "triangle-up", "star")


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
