"""Nearest neighbours: how near texts are to the one most like them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from core.figures.palette import LABEL_COLORS, label_colors
from core.figures.style import grey, quiet_layout, see_through, value_axis
from core.figures.words import shortened

if TYPE_CHECKING:
    import plotly.graph_objects as go

_BINS = 40


def nearest_histogram(
    distances: Mapping[str, "npt.NDArray[np.float64]"],
    *,
    threshold: float,
    colors: Mapping[str, str] | None = None,
    height: int = 260,
) -> "go.Figure":
    """How far texts are from their nearest: share of texts by distance, and the threshold's line.

    Args:
        distances: by dataset, each text's cosine distance to its nearest other or earlier one, 0
            to 2; NaN for one that has none, which counts among the texts all the same.
        threshold: within it, two texts count as near duplicates; told with the share within it.
        colors: "#RRGGBB" by dataset; by default the palette's in order.
        height: in pixels.
    """
    import plotly.graph_objects as go

    colors = colors or label_colors(list(distances))
    known = {name: own[np.isfinite(own)] for name, own in distances.items()}
    most = max((float(np.max(own)) for own in known.values() if len(own)), default=1.0)
    edges = np.linspace(0, max(most, threshold * 1.2, 1e-6), _BINS + 1)
    figure = go.Figure()
    tallest = 0.0
    for name, own in distances.items():
        if not len(own):
            continue
        shares = np.histogram(known[name], bins=edges)[0] / len(own)
        tallest = max(tallest, float(shares.max()))
        below = float(np.mean(own <= threshold))  # never true of NaN
        color = colors.get(name, LABEL_COLORS[0])
        figure.add_scatter(
            # A step for each bin, closed on the floor at both ends.
            x=np.repeat(edges, 2),
            y=np.concatenate([[0.0], np.repeat(shares, 2), [0.0]]),
            mode="lines",
            fill="tozeroy",
            fillcolor=see_through(color, 0.14),
            line={"color": color, "width": 1.8},
            name=f"{shortened(name)}: {below:.1%} within",
            hovertemplate="%{y:.1%} of texts near %{x:.2f}<extra>%{fullData.name}</extra>",
        )
    figure.update_layout(quiet_layout(height=height, left=52, top=44, bottom=46))
    figure.update_layout(
        showlegend=True,
        hovermode="closest",
        dragmode=False,
        xaxis=value_axis(
            "cosine distance to the nearest earlier text", range=[0, edges[-1]], nticks=8
        ),
        yaxis=value_axis(
            "share of texts", tickformat=".0%", range=[0, 1.2 * tallest or 1], nticks=5
        ),
        shapes=[
            {
                "type": "line",
                "x0": threshold,
                "x1": threshold,
                "yref": "paper",
                "y0": 0,
                "y1": 1,
                "line": {"dash": "dash", "width": 1.5, "color": grey(0.9)},
            }
        ],
        annotations=[
            {
                "text": f"near duplicates within {threshold:g}",
                "x": threshold,
                "yref": "paper",
                "y": 1,
                "xanchor": "left",
                "yanchor": "top",
                "xshift": 4,
                "showarrow": False,
                "font": {"size": 12},
            }
        ],
    )
    return figure
