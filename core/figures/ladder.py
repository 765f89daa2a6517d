"""The ladder: how right each classifier is on the same real texts, baselines to real data."""

from typing import TYPE_CHECKING

import numpy as np

from core.figures.palette import LABEL_COLORS
from core.figures.style import grey, page_text, quiet_layout, value_axis
from core.figures.words import escaped, shortened

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

_ROW = 34  # pixels
_NAME = 48  # characters
_COLORS = {
    "majority": grey(0.9),
    "llm": LABEL_COLORS[3],
    "raw": LABEL_COLORS[0],
    "lr": LABEL_COLORS[2],
    "oosf": LABEL_COLORS[1],
    "manual": LABEL_COLORS[4],
    "real": LABEL_COLORS[5],
}


def kind_color(kind: str) -> str:
    """The colour of a kind of row; an unknown one is grey."""
    return _COLORS.get(kind, grey(0.9))


def ladder_figure(
    rows: "pd.DataFrame", *, measure: str = "Accuracy", worth: str = "trained on"
) -> "go.Figure":
    """A dot with its 95 % interval for each row; a dashed line at the best one of real data.

    A dot's customdata is [id], so that a click opens the row.

    Args:
        rows: `id`, `name`, `kind` (majority, llm, raw, lr, oosf, manual, real), `mean` (0 to 1),
            `low`, `high` (missing where there is no interval), `n` (texts learned from, missing
            where nothing is), from the top.
        measure: what the values are.
        worth: what `n` counts, in the hover.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    real = rows[rows["kind"] == "real"]
    best = float(real["mean"].max()) if len(real) else None
    for kind in dict.fromkeys(rows["kind"]):
        places = np.flatnonzero((rows["kind"] == kind).to_numpy())
        own = rows.iloc[places]
        color = kind_color(kind)
        means = own["mean"].to_numpy(np.float64)
        highs, lows = (own[end].to_numpy(np.float64) for end in ("high", "low"))
        figure.add_scatter(
            x=means,
            y=places,
            error_x={
                "type": "data",
                "symmetric": False,
                "array": np.nan_to_num(highs - means),
                "arrayminus": np.nan_to_num(means - lows),
                "color": color,
                "thickness": 2,
                "width": 4,
            },
            customdata=[[str(one)] for one in own["id"]],
            mode="markers",
            marker={
                "color": color,
                "size": 12,
                "symbol": "diamond" if kind == "real" else "circle",
            },
            selected={"marker": {"opacity": 1}},
            unselected={"marker": {"opacity": 1}},
            hovertext=[_told(row, worth) for _, row in own.iterrows()],
            hoverinfo="text",
            name=kind,
        )
    low, high = _range(rows)
    figure.update_layout(
        quiet_layout(height=70 + _ROW * max(1, len(rows)), top=24, bottom=44, right=130)
    )
    figure.update_layout(
        showlegend=False,
        hovermode="closest",
        dragmode=False,
        xaxis=value_axis(measure, range=[low, high], nticks=7, tickformat=".2f"),
        yaxis={
            "tickmode": "array",
            "tickvals": list(range(len(rows))),
            "ticktext": [f"{shortened(name, _NAME)}  " for name in rows["name"]],
            "range": [len(rows) - 0.5, -0.5],
            "gridcolor": grey(0.12),
            "zeroline": False,
            "fixedrange": True,
            "automargin": True,
        },
    )
    for place, (_, row) in enumerate(rows.iterrows()):
        size = "" if np.isnan(row["n"]) else f" · {int(row['n']):,} texts"
        figure.add_annotation(
            x=1,
            xref="paper",
            xanchor="left",
            xshift=10,
            y=place,
            text=page_text(f"<b>{row['mean']:.3f}</b>{size}"),
            showarrow=False,
            font={"size": 12},
        )
    if best is not None:
        figure.add_shape(
            type="line",
            x0=best,
            x1=best,
            yref="paper",
            y0=0,
            y1=1,
            line={"dash": "dash", "width": 1.5, "color": grey(0.9)},
        )
        figure.add_annotation(
            x=best,
            yref="paper",
            y=1,
            yanchor="bottom",
            text=page_text(f"real data {best:.3f}"),
            showarrow=False,
            font={"size": 12},
        )
    return figure


def _told(row: "pd.Series", worth: str) -> str:
    interval = "" if np.isnan(row["low"]) else f" ({row['low']:.3f} to {row['high']:.3f})"
    size = "" if np.isnan(row["n"]) else f"<br>{worth} {int(row['n']):,} texts"
    return f"<b>{escaped(str(row['name']))}</b><br>{row['mean']:.3f}{interval}{size}"


def _range(rows: "pd.DataFrame") -> tuple[float, float]:
    """All dots and whiskers with a margin, within 0 to 1."""
    values = rows[["mean", "low", "high"]].to_numpy(np.float64).ravel()
    values = values[np.isfinite(values)]
    if not len(values):
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    margin = max(0.02, 0.08 * (high - low))
    return max(0.0, low - margin), min(1.02, high + margin)
