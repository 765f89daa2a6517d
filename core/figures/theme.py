"""The look of all figures: colours, fonts, layouts, axes, and text without markup.

Text and background are left to the page's theme; what is set here is transparent or a middle grey.
"""

import html
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import plotly.graph_objects as go

LABEL_COLORS = (
    "#0072B2",  # blue
    "#E69F00",  # orange
    "#009E73",  # bluish green
    "#CC79A7",  # reddish purple
    "#56B4E9",  # sky blue
    "#D55E00",  # vermilion
    "#5C5C5C",  # grey, for black
    "#8C5A2B",  # brown, for yellow: protanopes would take an olive for the orange
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
"""Colours of labels. The first eight can be distinguished by colour-blind people: those of Okabe
and Ito (2008, "Color Universal Design"), black and yellow replaced as neither shows on both a white
and a black page. The next are darker and lighter relatives. Beyond, colours repeat: a figure must
always name its labels, too."""

# From early to late, for numbers: the middle of viridis (Smith and van der Walt 2015, CC0), even in
# lightness, without the ends that vanish on a dark page or a white one.
SEQUENCE_COLORS = ("#3E4989", "#31688E", "#26828E", "#1F9E89", "#35B779", "#6ECE58")
COLOR_SCALE = [
    [place / (len(SEQUENCE_COLORS) - 1), color] for place, color in enumerate(SEQUENCE_COLORS)
]

CLEAR = "rgba(0, 0, 0, 0)"
MAX_CELL_ALPHA = 0.75  # above, the page's text could no longer be read on a cell

_LINE_CHARACTERS = 60
_MAX_CHARACTERS = 300
# As many words as fit a line, or the part of a word that does.
_LINES = re.compile(rf"(.{{1,{_LINE_CHARACTERS}}})(?:\s|$)|(.{{{_LINE_CHARACTERS}}})")


def label_colors(names: Sequence[str]) -> dict[str, str]:
    """A colour for each label, by its place in the task, so that it never changes within one."""
    return {name: LABEL_COLORS[place % len(LABEL_COLORS)] for place, name in enumerate(names)}


def grey(alpha: float) -> str:
    """A middle grey that lets 1 - alpha of the page through."""
    return f"rgba(128, 128, 128, {alpha:g})"


def with_alpha(color: str, alpha: float) -> str:
    """A colour "#RRGGBB" that lets 1 - alpha of the page through."""
    red, green, blue = _channels(color)
    return f"rgba({red}, {green}, {blue}, {alpha:g})"


def sequence_color(share: float) -> str:
    """The colour "#RRGGBB" at a place of the colour scale, from 0 (early, low) to 1."""
    at = share * (len(SEQUENCE_COLORS) - 1)
    left = min(int(at), len(SEQUENCE_COLORS) - 2)
    ends = zip(*map(_channels, SEQUENCE_COLORS[left : left + 2]), strict=True)
    return "#" + "".join(f"{round(low + (high - low) * (at - left)):02X}" for low, high in ends)


def pill_color(color: str) -> str:
    """A colour "#RRGGBB" for a label behind its name, close to its colour in figures.

    Streamlit's tables write in black on colours of a relative luminance above 0.5, else in white.
    The colour is mixed with as little white or black, in steps of 2%, as gives the words a contrast
    of at least 4.5 to 1 (Web Content Accessibility Guidelines 2.2, success criterion 1.4.3).
    """
    channels = _channels(color)
    for step in range(51):
        for end in (0, 255):
            mixed = [round(part + (end - part) * step / 50) for part in channels]
            if not _MAX_UNDER_WHITE < _luminance(mixed) < _MIN_UNDER_BLACK:
                return "#" + "".join(f"{part:02X}" for part in mixed)
    raise AssertionError  # black itself is dark enough


_MAX_UNDER_WHITE = 1.05 / 4.5 - 0.05
_MIN_UNDER_BLACK = 0.51
_LUMINANCE = (0.2126, 0.7152, 0.0722)


def _luminance(channels: Sequence[int]) -> float:
    """Relative luminance of red, green and blue (0 to 255), 0 to 1 (WCAG 2.2)."""
    shares = [part / 255 for part in channels]
    linear = [
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares
    ]
    return sum(weight * part for weight, part in zip(_LUMINANCE, linear, strict=True))


def _channels(color: str) -> list[int]:
    return [int(color[place : place + 2], 16) for place in (1, 3, 5)]


def escaped(text: str) -> str:
    """Text without markup. Quotes stay: plotly does not decode &quot;."""
    return html.escape(text, quote=False)


def shortened(name: str, most: int = 32) -> str:
    """A name, escaped, on one line, of at most so many characters with the ellipsis."""
    line = " ".join(name.split())
    return escaped(line if len(line) <= most else line[: most - 1].rstrip() + "…")


@lru_cache(maxsize=50_000)
def hover_text(text: str) -> str:
    """A text for a hover: its first 300 characters, escaped, in lines of at most 60."""
    shown = " ".join(text[: 4 * _MAX_CHARACTERS].split())
    if len(shown) > _MAX_CHARACTERS or len(text) > 4 * _MAX_CHARACTERS:
        shown = shown[: _MAX_CHARACTERS - 1].rstrip() + "…"
    if len(shown) <= _LINE_CHARACTERS:
        return escaped(shown) or "(empty)"
    return "<br>".join(escaped(words or part) for words, part in _LINES.findall(shown))


def page_text(markup: str) -> str:
    """Escaped text in the colour of the page's own text, which plotly does not know."""
    return f'<span style="color:currentcolor">{markup}</span>'


def interval_text(low: float | None, high: float | None, form: str = ".3f") -> str:
    """ " (0.790 to 0.830)"; empty where an end is missing (None or NaN)."""
    if low is None or high is None or low != low or high != high:
        return ""
    return f" ({low:{form}} to {high:{form}})"


def base_layout(
    *,
    height: int,
    margin: Mapping[str, int] | None = None,
    legend: Mapping[str, object] | None = None,
    **more: object,
) -> dict[str, object]:
    """Layout of every figure: no background, legend on top, no zoom.

    Args:
        height: in pixels.
        margin: pixels left (`l`), right (`r`), at the top (`t`) and the bottom (`b`), where they
            are not 0, 8, 8 and 8.
        legend: further keys of the legend, which win.
        more: further keys of the layout, which win.
    """
    return {
        "height": height,
        "paper_bgcolor": CLEAR,
        "plot_bgcolor": CLEAR,
        "margin": {"l": 0, "r": 8, "t": 8, "b": 8, **(margin or {})},
        "hoverlabel": {"align": "left", "namelength": -1},
        "hovermode": "closest",
        "dragmode": False,
        "showlegend": False,
        "legend": {
            "orientation": "h",
            "x": 0,
            "xanchor": "left",
            "y": 1.01,
            "yanchor": "bottom",
            "itemsizing": "constant",
            "title": {"text": ""},
            "bgcolor": CLEAR,
            **(legend or {}),
        },
        **more,
    }


def figure_of(traces: Any, layout: Mapping[str, object]) -> "go.Figure":
    """A figure of traces and a layout, both mappings; plotly is imported with the first one."""
    import plotly.graph_objects as go

    return go.Figure(traces, layout)


STATIC_LEGEND = {"itemclick": False, "itemdoubleclick": False}
"""For a `legend`: a click on an entry hides nothing."""

HIDDEN_AXIS = {"visible": False, "fixedrange": True}


def value_axis(title: str = "", **more: object) -> dict[str, object]:
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


def category_axis(names: Sequence[str], *, down: bool = True, **more: object) -> dict[str, object]:
    """An axis of names at 0, 1, ...: plotly would read names such as "0" and "1" as numbers.

    Args:
        names: escaped.
        down: whether the first is at the top.
        more: further keys of the axis, which win.
    """
    ends = [-0.5, len(names) - 0.5]
    return {
        "tickmode": "array",
        "tickvals": list(range(len(names))),
        "ticktext": list(names),
        "range": ends[::-1] if down else ends,
        "showgrid": False,
        "zeroline": False,
        "fixedrange": True,
        "automargin": True,
        **more,
    }


def row_axis(names: Sequence[str], **more: object) -> dict[str, object]:
    """A y axis of escaped names from the top, with a faint line along each row."""
    spaced = [f"{name}  " for name in names]
    return {**category_axis(spaced), "showgrid": True, "gridcolor": grey(0.12), **more}


def note(text: str, place: Mapping[str, object], *, size: int = 12) -> dict[str, object]:
    """An annotation without an arrow.

    Args:
        text: escaped.
        place: x, y and how the text lies about them, as plotly calls it.
        size: of the letters, in pixels.
    """
    return {"text": text, "showarrow": False, "font": {"size": size}, **place}


def footnote(sentences: Sequence[str], *, below: int, size: int = 11) -> dict[str, object]:
    """An annotation in small letters under a figure's axes, one line per sentence.

    Args:
        sentences: escaped.
        below: pixels under the axes.
        size: of the letters, in pixels.
    """
    x = {"x": 0, "xref": "paper", "xanchor": "left", "align": "left"}
    y = {"y": 0, "yref": "paper", "yanchor": "top", "yshift": -below}
    lines = "<br>".join(f"<i>{sentence}</i>" for sentence in sentences)
    return note(lines, {**x, **y}, size=size)


def empty_figure(message: str, *, height: int = 160, size: int = 14) -> "go.Figure":
    """A figure without axes that says what is missing.

    Args:
        message: escaped; "<br>" breaks a line.
        height: in pixels.
        size: of the letters, in pixels.
    """
    middle = note(message, {"x": 0.5, "xref": "paper", "y": 0.5, "yref": "paper"}, size=size)
    layout = base_layout(height=height, xaxis=HIDDEN_AXIS, yaxis=HIDDEN_AXIS, annotations=[middle])
    return figure_of([], layout)
