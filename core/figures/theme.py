"""The look of all figures: colours, greys, layouts, and text without markup.

Text and background are left to the page's theme; what is set here is transparent or a middle grey.
"""

import html
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import plotly.graph_objects as go


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


LABEL_COLORS = (
    "#0072B2",  # blue
    "#E69F00",  # orange
    "#009E73",  # bluish green
    "#CC79A7",  # reddish purple
    "#56B4E9",  # sky blue
    "#D55E00",  # vermilion
    "#5C5C5C",  # grey, for black
    "#8C5A2B",  # brown, for yellow: an olive would be the orange to protanopes
    "#4B3F9E",
    "#7FC8A9",
    "#A03E5E",
    "#F2B880",
    "#2F6B4F",
    "#9BB7E0",
    "#B8A800",
    "#D4A5C9",
    "#335C81",
    "#C97B63",
)


MISSING_COLOR = "rgba(128, 128, 128, 0.18)"


def label_colors(names: Sequence[str]) -> dict[str, str]:
    """A colour for each label, by its place in the task, so that it never changes within one."""
    return {name: LABEL_COLORS[place % len(LABEL_COLORS)] for place, name in enumerate(names)}


# From early to late, for numbers: the middle of viridis (Smith and van der Walt 2015, CC0), even in
# lightness, without the ends that sink into a dark page or a white one.
SEQUENCE_COLORS = ("#3E4989", "#31688E", "#26828E", "#1F9E89", "#35B779", "#6ECE58")


_LINE = 60


_MOST = 300


# As many words as fit a line, or the part of a word that does.
_LINES = re.compile(rf"(.{{1,{_LINE}}})(?:\s|$)|(.{{{_LINE}}})")


def escaped(words: str) -> str:
    """Words with no markup left. Quotes stay: they are none in a text; plotly knows no &quot;."""
    return html.escape(words, quote=False)


def shortened(name: str, most: int = 32) -> str:
    """A name, escaped, on one line, of at most so many characters with the ellipsis."""
    line = " ".join(name.split())
    return escaped(line if len(line) <= most else line[: most - 1].rstrip() + "…")


@lru_cache(maxsize=50_000)
def hover_text(text: str) -> str:
    """A text for a hover: its first 300 characters, escaped, in lines of at most 60."""
    shown = " ".join(text[: 4 * _MOST].split())
    if len(shown) > _MOST or len(text) > 4 * _MOST:
        shown = shown[: _MOST - 1].rstrip() + "…"
    if len(shown) <= _LINE:
        return escaped(shown) or "(empty)"
    return "<br>".join(escaped(words or part) for words, part in _LINES.findall(shown))


def hover_texts(texts: Sequence[str]) -> list[str]:
    """`hover_text` of each; a text seen before costs a look-up."""
    return list(map(hover_text, texts))


def sentence_figure(words: str, *, height: int = 160, size: int = 14) -> "go.Figure":
    """No axes, and what is missing in words.

    Args:
        words: escaped; "<br>" breaks a line.
        height: in pixels.
        size: of the letters, in pixels.
    """
    import plotly.graph_objects as go

    hidden = {"visible": False, "fixedrange": True}
    figure = go.Figure()
    figure.update_layout(quiet_layout(height=height))
    figure.update_layout(
        xaxis=hidden,
        yaxis=hidden,
        dragmode=False,
        annotations=[
            {
                "text": words,
                "xref": "paper",
                "yref": "paper",
                "x": 0.5,
                "y": 0.5,
                "showarrow": False,
                "font": {"size": size},
            }
        ],
    )
    return figure


def footnote(sentences: Sequence[str], *, below: int, size: int = 11) -> dict[str, Any]:
    """An annotation in small letters under a figure's axes, a line a sentence.

    Args:
        sentences: escaped.
        below: pixels under the axes.
        size: of the letters, in pixels.
    """
    return {
        "text": "<br>".join(f"<i>{one}</i>" for one in sentences),
        "xref": "paper",
        "yref": "paper",
        "x": 0,
        "y": 0,
        "xanchor": "left",
        "yanchor": "top",
        "align": "left",
        "yshift": -below,
        "showarrow": False,
        "font": {"size": size},
    }
