"""Classifiers: training curves, the ladder of all models, calibration, accuracy by distance."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from core.figures.curves import GREY_LINE
from core.figures.theme import (
    LABEL_COLORS,
    escaped,
    grey,
    page_text,
    quiet_layout,
    shortened,
    value_axis,
)

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


History = Sequence[Mapping[str, Any]]


def training_curves(
    history: History, *, others: Sequence[History] = (), epochs: int | None = None
) -> "go.Figure":
    """Loss on the left (learned from, and held out), accuracy on the texts held out on the right.

    Args:
        history: the epochs of one repeat
        (`core.classification.fine_tuning.fine_tuning.Step.history`).
        others: those of other repeats, grey behind.
        epochs: where the axis ends at least, so that it stands still.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    for other in others:
        for axis, what in (("", "validation_loss"), ("2", "accuracy")):
            _line(figure, other, what, "another repeat", GREY_LINE, axis, width=1.2)
    _line(figure, history, "loss", "learned from", LABEL_COLORS[4], "")
    _line(figure, history, "validation_loss", "held out", LABEL_COLORS[0], "")
    _line(figure, history, "accuracy", "accuracy, held out", LABEL_COLORS[2], "2")
    if history:
        best = min(
            history, key=lambda one: (-one["accuracy"], one["validation_loss"], one["epoch"])
        )
        figure.add_scatter(
            x=[best["epoch"]],
            y=[best["accuracy"]],
            xaxis="x2",
            yaxis="y2",
            mode="markers",
            marker={"size": 10, "color": LABEL_COLORS[2], "symbol": "circle-open", "line.width": 2},
            hovertext=f"best epoch {best['epoch']}: {best['accuracy']:.3f}",
            hoverinfo="text",
            name="best epoch",
        )
    last = max(
        [len(one) for one in (history, *others)] + ([epochs] if epochs is not None else []),
        default=1,
    )
    across = value_axis("epoch", range=[0.7, max(last, 2) + 0.3], showgrid=False, tickformat="d")
    figure.update_layout(quiet_layout(height=230, left=44, top=30, bottom=42))
    figure.update_layout(
        showlegend=False,
        hovermode="closest",
        dragmode=False,
        uirevision="training",
        xaxis={**across, "domain": [0, 0.46], "nticks": 6},
        xaxis2={**across, "domain": [0.54, 1], "anchor": "y2", "nticks": 6},
        yaxis=value_axis(rangemode="tozero", nticks=5),
        yaxis2=value_axis(anchor="x2", range=[0, 1.04], tickformat=".1f", nticks=6),
    )
    dot = "<span style='color:{}'>●</span> "
    left = dot.format(LABEL_COLORS[4]) + page_text("loss, learned from  ")
    left += dot.format(LABEL_COLORS[0]) + page_text("held out")
    right = dot.format(LABEL_COLORS[2]) + page_text("accuracy, held out")
    for x, words in ((0, left), (0.54, right)):
        figure.add_annotation(
            xref="paper",
            yref="paper",
            x=x,
            y=1,
            xanchor="left",
            yanchor="bottom",
            text=words,
            showarrow=False,
            font={"size": 12},
        )
    return figure


def _line(
    figure: "go.Figure",
    history: History,
    what: str,
    name: str,
    color: str,
    axis: str,
    *,
    width: float = 2,
) -> None:
    figure.add_scatter(
        x=[one["epoch"] for one in history],
        y=[one[what] for one in history],
        xaxis=f"x{axis}",
        yaxis=f"y{axis}",
        mode="lines+markers" if len(history) < 2 else "lines",
        line={"color": color, "width": width},
        name=name,
        hovertemplate="%{y:.3f} after epoch %{x}<extra>%{fullData.name}</extra>",
    )


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


_LEAST, _MOST = 7.0, 24.0  # pixels of a dot


def calibration_figure(bins: Sequence[Mapping[str, Any]], *, height: int = 320) -> "go.Figure":
    """Accuracy over confidence; on the dashed diagonal a classifier knows how good it is.

    Args:
        bins: for each tenth of confidence that has texts `from`, `to`, `n`, `confidence` and
            `accuracy` (`core.classification.evaluation.evaluation.Calibration`).
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
