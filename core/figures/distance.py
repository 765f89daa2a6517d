"""Distance: how right a classifier is, the farther a text lies from those it learned from."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from core.figures.palette import LABEL_COLORS
from core.figures.style import grey, page_text, quiet_layout, value_axis

if TYPE_CHECKING:
    import plotly.graph_objects as go


def accuracy_by_distance(
    parts: Sequence[Mapping[str, Any]], *, overall: float, height: int = 280
) -> "go.Figure":
    """Share of right answers with its interval for each part of the texts, from near to far.

    Args:
        parts: `from`, `to` (cosine distance to the nearest text learned from), `n`, `mean`, `low`,
            `high`, from near to far.
        overall: of all texts, a dashed line.
        height: in pixels.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    means = [one["mean"] for one in parts]
    figure.add_scatter(
        x=list(range(len(parts))),
        y=means,
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [one["high"] - one["mean"] for one in parts],
            "arrayminus": [one["mean"] - one["low"] for one in parts],
            "color": LABEL_COLORS[0],
            "thickness": 2,
            "width": 4,
        },
        mode="lines+markers",
        line={"color": LABEL_COLORS[0], "width": 1.6},
        marker={"size": 10},
        hovertext=[
            f"distance {one['from']:.3f} to {one['to']:.3f}: {one['n']:,} texts"
            f"<br>right {one['mean']:.3f} ({one['low']:.3f} to {one['high']:.3f})"
            for one in parts
        ],
        hoverinfo="text",
        name="right",
    )
    figure.add_shape(
        type="line",
        xref="paper",
        x0=0,
        x1=1,
        y0=overall,
        y1=overall,
        line={"dash": "dash", "width": 1.5, "color": grey(0.9)},
    )
    figure.add_annotation(
        xref="paper",
        x=1,
        xanchor="right",
        y=overall,
        yanchor="bottom",
        text=page_text(f"all texts {overall:.3f}"),
        showarrow=False,
        font={"size": 12},
    )
    figure.update_layout(quiet_layout(height=height, left=52, bottom=50))
    figure.update_layout(
        showlegend=False,
        hovermode="closest",
        dragmode=False,
        xaxis=value_axis(
            "distance to the nearest text learned from",
            tickmode="array",
            tickvals=list(range(len(parts))),
            ticktext=[f"to {one['to']:.2f}" for one in parts],
            range=[-0.5, max(1, len(parts)) - 0.5],
            showgrid=False,
        ),
        yaxis=value_axis("share that is right", range=[0, 1.05], tickformat=".1f", nticks=6),
    )
    return figure
