"""Calibration: whether a classifier is as often right as it is sure."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from core.figures.palette import LABEL_COLORS
from core.figures.style import grey, quiet_layout, value_axis

if TYPE_CHECKING:
    import plotly.graph_objects as go

_LEAST, _MOST = 7.0, 24.0  # pixels of a dot


def calibration_figure(bins: Sequence[Mapping[str, Any]], *, height: int = 320) -> "go.Figure":
    """Accuracy over confidence; on the dashed diagonal a classifier knows how good it is.

    Args:
        bins: for each tenth of confidence that has texts `from`, `to`, `n`, `confidence` and
            `accuracy` (`core.classification.evaluation.Calibration`).
        height: in pixels.
    """
    import plotly.graph_objects as go

    most = max((one["n"] for one in bins), default=1)
    figure = go.Figure()
    figure.add_scatter(
        x=[one["confidence"] for one in bins],
        y=[one["accuracy"] for one in bins],
        mode="lines+markers",
        line={"color": LABEL_COLORS[0], "width": 1.6},
        # The area tells the number of texts.
        marker={"size": [_LEAST + (_MOST - _LEAST) * (one["n"] / most) ** 0.5 for one in bins]},
        hovertext=[
            f"sure to {one['from']:.0%} to {one['to']:.0%}: {one['n']:,} texts"
            f"<br>mean confidence {one['confidence']:.3f}, right {one['accuracy']:.3f}"
            for one in bins
        ],
        hoverinfo="text",
        name="calibration",
    )
    figure.add_shape(
        type="line",
        x0=0,
        y0=0,
        x1=1,
        y1=1,
        line={"dash": "dash", "width": 1.5, "color": grey(0.9)},
    )
    figure.update_layout(quiet_layout(height=height, left=52, bottom=46))
    figure.update_layout(
        showlegend=False,
        hovermode="closest",
        dragmode=False,
        xaxis=value_axis("confidence", range=[0, 1.03], tickformat=".1f", nticks=6),
        yaxis=value_axis("share that is right", range=[0, 1.05], tickformat=".1f", nticks=6),
    )
    return figure
