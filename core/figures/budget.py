"""The annotation budget: label accuracy after replacement, over the texts inspected."""

from typing import TYPE_CHECKING, Any

import numpy as np

from core.figures.palette import LABEL_COLORS
from core.figures.style import grey, page_text, quiet_layout, spread_apart, value_axis

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


def budget_curve(
    rows: "pd.DataFrame",
    *,
    baseline: float | None = None,
    everything: float | None = None,
    measure: str = "Label accuracy",
    height: int = 320,
) -> "go.Figure":
    """A point with its interval for each number inspected, between doing nothing and doing all.

    Args:
        rows: `inspected`, `value`, `low`, `high`; shares of 1; missing ends for no interval.
        baseline: the value with nothing replaced, a dashed line.
        everything: the value with every text relabelled, a dashed line.
        measure: what the values are.
        height: in pixels.
    """
    import plotly.graph_objects as go

    known = rows[rows["value"].notna()].sort_values("inspected")
    at, value, low, high = (
        known[name].to_numpy(np.float64) for name in ("inspected", "value", "low", "high")
    )
    figure = go.Figure()
    figure.add_scatter(
        x=at,
        y=value,
        error_y={
            "type": "data",
            "symmetric": False,
            "array": np.nan_to_num(high - value),
            "arrayminus": np.nan_to_num(value - low),
            "thickness": 1.5,
            "width": 0,
            "color": LABEL_COLORS[0],
        },
        customdata=[
            f" ({a:.1%} to {b:.1%})" if a == a and b == b else ""
            for a, b in zip(low.tolist(), high.tolist(), strict=True)
        ],
        mode="lines+markers",
        line={"color": LABEL_COLORS[0], "width": 2.2},
        marker={"size": 9, "color": LABEL_COLORS[0], "line": {"width": 0}},
        hovertemplate="%{x:,} inspected: %{y:.1%}%{customdata}<extra></extra>",
    )
    lines = [
        (words, share)
        for words, share in (("nothing replaced", baseline), ("all relabelled", everything))
        if share is not None
    ]
    values: list[float] = [*value, *(v for v in (*low, *high) if v == v), *(v for _, v in lines)]
    bottom, top = (min(values), max(values)) if values else (0.0, 1.0)
    margin = 0.08 * max(top - bottom, 0.05)
    bounds = [max(0.0, bottom - margin), min(1.02, top + margin)]
    frame = {"height": height, "left": 58, "right": 150, "top": 12, "bottom": 46}
    figure.update_layout(quiet_layout(**frame))
    last = float(at[-1]) if len(at) else 1.0
    figure.update_layout(
        showlegend=False,
        hovermode="closest",
        dragmode=False,
        xaxis=value_axis(
            "texts inspected",
            range=[-0.02 * last, 1.03 * last],
            showgrid=False,
            tickmode="array",
            tickvals=at,
        ),
        yaxis=value_axis(measure, range=bounds, tickformat=".0%", nticks=6),
    )
    pixels = (height - frame["top"] - frame["bottom"]) / (bounds[1] - bounds[0])
    places = spread_apart([share * pixels for _, share in lines], 16)
    for (words, share), place in zip(lines, places, strict=True):
        across: dict[str, Any] = {"xref": "paper", "x0": 0, "x1": 1, "y0": share, "y1": share}
        figure.add_shape(
            type="line", line={"dash": "dash", "width": 1.5, "color": grey(0.9)}, **across
        )
        figure.add_annotation(
            text=f"{words} {page_text(f'{share:.1%}')}",
            xref="paper",
            x=1,
            xanchor="left",
            xshift=4,
            y=share,
            yshift=place - share * pixels,
            showarrow=False,
            font={"size": 12},
        )
    return figure
