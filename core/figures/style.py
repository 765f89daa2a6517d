"""What figures share: greys that suit a light and a dark page, layouts without junk.

Text and background are left to the page's theme; what is set here is see-through or a middle grey.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

CLEAR = "rgba(0, 0, 0, 0)"


def grey(alpha: float) -> str:
    """A middle grey that lets 1 - alpha of the page through."""
    return f"rgba(128, 128, 128, {alpha:g})"


def see_through(color: str, alpha: float) -> str:
    """A colour "#RRGGBB" that lets 1 - alpha of the page through."""
    red, green, blue = (int(color[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {alpha:g})"


def page_text(words: str) -> str:
    """Words, escaped before, in the colour of the page's own text, which plotly does not know."""
    return f'<span style="color:currentcolor">{words}</span>'


def quiet_layout(
    *, height: int, left: int = 0, right: int = 8, top: int = 8, bottom: int = 8
) -> Any:
    """Layout of every figure: no background, legend on top, hovers in reading direction."""
    return {
        "height": height,
        "paper_bgcolor": CLEAR,
        "plot_bgcolor": CLEAR,
        "margin": {"l": left, "r": right, "t": top, "b": bottom},
        "hoverlabel": {"align": "left", "namelength": -1},
        "legend": {
            "orientation": "h",
            "x": 0,
            "xanchor": "left",
            "y": 1.01,
            "yanchor": "bottom",
            "itemsizing": "constant",
            "title": {"text": ""},
            "bgcolor": CLEAR,
        },
    }


def value_axis(title: str = "", **more: Any) -> dict[str, Any]:
    """An axis of numbers: a faint grid, no zero line, no zoom."""
    return {
        "title": {"text": title},
        "showgrid": True,
        "gridcolor": grey(0.18),
        "zeroline": False,
        "showline": False,
        "fixedrange": True,
        "automargin": True,
        **more,
    }


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
    answer = [0.0] * len(order)
    for rank, place in enumerate(order):
        answer[place] = moved[rank] + rank * gap
    return answer
