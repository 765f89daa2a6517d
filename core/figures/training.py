"""A fine-tuning as it goes: loss and validation accuracy, epoch by epoch."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from core.figures.lines import GREY_LINE
from core.figures.palette import LABEL_COLORS
from core.figures.style import page_text, quiet_layout, value_axis

if TYPE_CHECKING:
    import plotly.graph_objects as go

History = Sequence[Mapping[str, Any]]


def training_curves(
    history: History, *, others: Sequence[History] = (), epochs: int | None = None
) -> "go.Figure":
    """Loss on the left (learned from, and held out), accuracy on the texts held out on the right.

    Args:
        history: the epochs of one repeat (`core.classification.fine_tuning.Step.history`).
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
