"""Bars for a room: what data is worth to a classifier, and how texts begin."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from core.figures.theme import (
    LABEL_COLORS,
    grey,
    page_text,
    quiet_layout,
    sentence_figure,
    shortened,
    value_axis,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go


_LETTERS = 18


_LEAST_ROWS = 4  # as thick as a single one would be, it would look like a block


_COLORS = {
    "narrow": grey(0.75),
    "wide": LABEL_COLORS[4],
    "narrow repaired": grey(0.75),
    "repaired": LABEL_COLORS[0],
    "real": LABEL_COLORS[2],
}


def worth_figure(
    bars: Sequence[tuple[str, str, float, float, float]], *, height: int = 380
) -> "go.Figure":
    """A bar across for each set, from 0, its value and 95 % interval beside it.

    Args:
        bars: kind (narrow, wide, narrow repaired, repaired, real; another is grey), name, accuracy
            (0 to 1), low and high (NaN without an interval), from the top.
        height: in pixels.
    """
    known = [bar for bar in bars if math.isfinite(bar[2])]
    if not known:
        return sentence_figure("No classifier was trained on these texts.", size=_LETTERS)
    rows = []
    for kind, name, value, low, high in known:
        sure = math.isfinite(low) and math.isfinite(high)
        told = f"<b>{value:.1%}</b>" + (f"  ({low:.1%} to {high:.1%})" if sure else "")
        reach = (value - low, high - value) if sure else (0.0, 0.0)
        rows.append((shortened(name, 40), value, _COLORS.get(kind, grey(0.75)), told, reach))
    return _bars(rows, most=max(1.0, *(bar[2] for bar in known)), height=height, tick=".0%")


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
        return sentence_figure("No two texts begin alike.", size=_LETTERS)
    rows = [
        (
            f"{shortened(words, 40)} …",
            count / texts,
            LABEL_COLORS[1],
            f"<b>{count:,}</b> of {texts:,}",
            (0.0, 0.0),
        )
        for words, count in openings
    ]
    return _bars(rows, most=1.0, height=height, tick=".0%", title="share of the texts")


def _bars(
    rows: Sequence[tuple[str, float, str, str, tuple[float, float]]],
    *,
    most: float,
    height: int,
    tick: str,
    title: str = "",
) -> "go.Figure":
    import plotly.graph_objects as go

    figure = go.Figure(
        go.Bar(
            x=[row[1] for row in rows],
            y=list(range(len(rows))),
            orientation="h",
            width=0.62,
            marker={"color": [row[2] for row in rows], "line": {"width": 0}},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [row[4][1] for row in rows],
                "arrayminus": [row[4][0] for row in rows],
                "color": grey(1),
                "thickness": 2,
                "width": 6,
            },
            hovertext=[f"{row[0]}<br>{row[3]}" for row in rows],
            hoverinfo="text",
            showlegend=False,
        )
    )
    notes: list[dict[str, Any]] = [
        {
            "x": value + reach[1],
            "y": place,
            "text": page_text(told),
            "showarrow": False,
            "xanchor": "left",
            "xshift": 12,
            "font": {"size": _LETTERS},
        }
        for place, (_, value, _, told, reach) in enumerate(rows)
    ]
    figure.update_layout(quiet_layout(height=height, bottom=40))
    figure.update_layout(
        dragmode=False,
        annotations=notes,
        xaxis=value_axis(
            title, range=[0, most * 1.28], tickformat=tick, tickfont={"size": 14}, nticks=6
        )
        | {"title": {"text": title, "font": {"size": 14}}},
        yaxis={
            "tickmode": "array",
            "tickvals": list(range(len(rows))),
            "ticktext": [f"{row[0]}  " for row in rows],
            "tickfont": {"size": _LETTERS},
            "range": [max(_LEAST_ROWS, len(rows)) - 0.5, -0.5],
            "showgrid": False,
            "zeroline": False,
            "fixedrange": True,
            "automargin": True,
        },
    )
    return figure
