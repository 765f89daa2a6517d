"""Names beside marks, where they cover no mark and no other name."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from core.figures.results import Numbers
from core.figures.style import page_text

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
