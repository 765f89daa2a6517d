"""A sentence where a figure would have nothing to draw."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from core.figures.style import quiet_layout

if TYPE_CHECKING:
    import plotly.graph_objects as go


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
