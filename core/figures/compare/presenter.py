"""Bars for a room: how accurate models become on data, and how texts begin."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.figures.elements import bars, error_bars
from core.figures.theme import (
    LABEL_COLORS,
    base_layout,
    category_axis,
    empty_figure,
    figure_of,
    grey,
    interval_text,
    page_text,
    shortened,
    value_axis,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go

_LETTERS = 16
_MIN_ROWS = 4  # as thick as a single one would be, it would look like a block
_GREY = grey(0.75)
_COLORS = {
    "baseline": _GREY,
    "most_diverse": LABEL_COLORS[4],
    "baseline repaired": _GREY,
    "most_diverse repaired": LABEL_COLORS[0],
    "real": LABEL_COLORS[1],
}


@dataclass(frozen=True)
class _Bar:
    name: str
    value: float
    color: str
    words: str
    low: float = math.nan
    high: float = math.nan


def utility_figure(
    models: Sequence[tuple[str, str, float, float, float]], *, height: int = 380
) -> "go.Figure":
    """A horizontal bar for each set, from 0, its value and 95% interval under its name.

    Args:
        models: kind (baseline, most_diverse, each also repaired, or real; another is grey),
            name, accuracy (0 to 1), low and high (NaN without an interval), from the top.
        height: in pixels.
    """
    rows = [
        _Bar(
            name=shortened(name, 40),
            value=value,
            color=_COLORS.get(kind, _GREY),
            words=f"<b>{value:.1%}</b> {interval_text(low, high, '.1%')}".rstrip(),
            low=low,
            high=high,
        )
        for kind, name, value, low, high in models
        if math.isfinite(value)
    ]
    if not rows:
        return empty_figure("No classifier was trained on these texts.", size=_LETTERS)
    return _bars(rows, most=max(1.0, *(row.value for row in rows)), height=height)


def openings_figure(
    openings: Sequence[tuple[str, int]], *, texts: int, height: int = 340
) -> "go.Figure":
    """How many texts begin with the same words, the commonest first.

    Args:
        openings: the words, and how many texts begin with them.
        texts: how many there are.
        height: in pixels.
    """
    if not openings or not texts:
        return empty_figure("No two texts begin with the same words.", size=_LETTERS)
    rows = [
        _Bar(
            f"{shortened(words, 40)} …",
            count / texts,
            LABEL_COLORS[1],
            f"<b>{count:,}</b> of {texts:,}",
        )
        for words, count in openings
    ]
    return _bars(rows, most=1.0, height=height, title="Share of texts")


def _bars(rows: Sequence[_Bar], *, most: float, height: int, title: str = "") -> "go.Figure":
    ends = ([row.value for row in rows], [row.low for row in rows], [row.high for row in rows])
    trace = bars(
        ends[0],
        list(range(len(rows))),
        width=0.62,
        marker={"color": [row.color for row in rows], "line": {"width": 0}},
        error_x=error_bars(*ends, color=grey(1), thickness=2, width=6),
        hovertext=[f"{row.name}<br>{row.words}" for row in rows],
        hoverinfo="text",
    )
    small = {"size": 14}
    x_axis = value_axis(range=[0, most * 1.02], tickformat=".0%", tickfont=small, nticks=6)
    layout = base_layout(
        height=height,
        margin={"b": 40},
        xaxis=x_axis | {"title": {"text": title, "font": small}},
        yaxis=category_axis(
            [f"{row.name}  <br>{page_text(row.words)}  " for row in rows],
            tickfont={"size": _LETTERS},
            range=[max(_MIN_ROWS, len(rows)) - 0.5, -0.5],
        ),
    )
    return figure_of([trace], layout)
