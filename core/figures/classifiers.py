"""Classifiers: training curves, the ladder of all models, calibration, accuracy by distance."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from core.domain.progress import Epoch
from core.domain.registries.stages import STAGE
from core.figures.curves import GREY_LINE
from core.figures.elements import error_bars, padded_range, row_notes, scatter, straight_line
from core.figures.theme import (
    LABEL_COLORS,
    base_layout,
    escaped,
    figure_of,
    grey,
    interval_text,
    note,
    page_text,
    row_axis,
    shortened,
    value_axis,
)

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

History = Sequence[Epoch]

_ROW_PIXELS = 34
_NAME = 48  # characters
_KIND_COLORS = {
    "majority": grey(0.45),
    "llm": LABEL_COLORS[3],
    "real": LABEL_COLORS[1],
    **{kind: stage.color for kind, stage in STAGE.items()},
}
_MIN_DOT, _MAX_DOT = 7.0, 24.0  # pixels
_SHARE_AXIS: dict[str, Any] = {"tickformat": ".1f", "nticks": 6}


def training_curves(
    history: History, *, others: Sequence[History] = (), epochs: int | None = None
) -> "go.Figure":
    """Training and validation loss on the left, validation accuracy on the right, by epoch.

    Args:
        history: the epochs of one repeat
        others: those of other repeats, grey behind.
        epochs: where the axis ends at least, so that it stays the same while epochs arrive.
    """
    training, validation, accuracy = (LABEL_COLORS[place] for place in (4, 0, 2))
    traces = [
        _epochs(other, column, "another repeat", GREY_LINE, axis, width=1.2)
        for other in others
        for axis, column in (("", "validation_loss"), ("2", "accuracy"))
    ]
    traces += [
        _epochs(history, "loss", "training loss", training, ""),
        _epochs(history, "validation_loss", "validation loss", validation, ""),
        _epochs(history, "accuracy", "validation accuracy", accuracy, "2"),
    ]
    if history:
        best = min(history, key=lambda epoch: (-epoch.accuracy, epoch.validation_loss, epoch.epoch))
        traces.append(
            scatter(
                [best.epoch],
                [best.accuracy],
                xaxis="x2",
                yaxis="y2",
                marker={"size": 10, "color": accuracy, "symbol": "circle-open", "line.width": 2},
                hovers=[f"best epoch {best.epoch}: {best.accuracy:.3f}"],
                name="best epoch",
            )
        )
    last = max(epochs or 0, *(len(repeat) for repeat in (history, *others)))
    axis = value_axis(
        "Epoch", range=[0.7, max(last, 2) + 0.3], showgrid=False, tickformat="d", nticks=6
    )
    dot = "<span style='color:{}'>●</span> "
    left = dot.format(training) + page_text("training loss  ")
    left += dot.format(validation) + page_text("validation loss")
    right = dot.format(accuracy) + page_text("validation accuracy")
    above: dict[str, Any] = {
        "xref": "paper",
        "xanchor": "left",
        "y": 1,
        "yref": "paper",
        "yanchor": "bottom",
    }
    layout = base_layout(
        height=230,
        margin={"l": 44, "t": 30, "b": 42},
        uirevision="training",
        xaxis={**axis, "domain": [0, 0.46]},
        xaxis2={**axis, "domain": [0.54, 1], "anchor": "y2"},
        yaxis=value_axis(rangemode="tozero", nticks=5),
        yaxis2=value_axis(anchor="x2", range=[0, 1.04], **_SHARE_AXIS),
        annotations=[note(left, above | {"x": 0}), note(right, above | {"x": 0.54})],
    )
    return figure_of(traces, layout)


def _epochs(
    history: History, column: str, name: str, color: str, axis: str, *, width: float = 2
) -> dict[str, object]:
    return scatter(
        [epoch.epoch for epoch in history],
        [getattr(epoch, column) for epoch in history],
        # A single epoch would be no line.
        mode="lines+markers" if len(history) < 2 else "lines",
        xaxis=f"x{axis}",
        yaxis=f"y{axis}",
        line={"color": color, "width": width},
        name=name,
        template="%{y:.3f} after epoch %{x}<extra>%{fullData.name}</extra>",
    )


def kind_color(kind: str) -> str:
    """The colour of a kind of model in the ladder; an unknown one is grey."""
    return _KIND_COLORS.get(kind, grey(0.9))


def ladder_figure(
    rows: "pd.DataFrame", *, measure: str = "Accuracy", size: str = "trained on"
) -> "go.Figure":
    """A dot with its 95% interval for each model; a dashed line at the best one of real data.

    A dot's customdata is [id], so that a click opens the row.

    Args:
        rows: `id`, `name`, `kind` (majority, llm, real or a stage), `mean` (0 to 1), `low`, `high`
            (missing where there is no interval), `n` (training texts, missing where there are
            none), from the top.
        measure: what the values are.
        size: what `n` counts, in the hover.
    """
    traces = []
    for kind in dict.fromkeys(rows["kind"]):
        places = np.flatnonzero((rows["kind"] == kind).to_numpy())
        own = rows.iloc[places]
        color = kind_color(kind)
        ends = (own[name].to_numpy(np.float64) for name in ("mean", "low", "high"))
        symbol = "diamond" if kind == "real" else "circle"
        opaque = {"marker": {"opacity": 1}}
        traces.append(
            scatter(
                own["mean"].to_numpy(np.float64),
                places,
                error_x=error_bars(*ends, color=color, thickness=2, width=4),
                customdata=[[str(key)] for key in own["id"]],
                marker={"color": color, "size": 12, "symbol": symbol},
                selected=opaque,
                unselected=opaque,
                hovers=[_ladder_hover(row, size) for row in own.to_dict("records")],
                name=kind,
            )
        )
    values = rows[["mean", "low", "high"]].to_numpy(np.float64).ravel()
    span = padded_range(values, pad=0.08, least=0.04, floor=0.0, ceiling=1.02)
    texts = zip(rows["mean"], rows["n"], strict=True)
    notes = row_notes([f"<b>{mean:.3f}</b>{_size_text(' · ', n)}" for mean, n in texts])
    shapes = []
    real = rows[rows["kind"] == "real"]
    if len(real):
        best = float(real["mean"].max())
        shapes.append(straight_line(x=best))
        top = {"x": best, "y": 1, "yref": "paper", "yanchor": "bottom"}
        notes.append(note(page_text(f"real data {best:.3f}"), top))
    layout = base_layout(
        height=70 + _ROW_PIXELS * max(1, len(rows)),
        margin={"r": 130, "t": 24, "b": 44},
        xaxis=value_axis(measure, range=span, nticks=7, tickformat=".2f"),
        yaxis=row_axis([shortened(name, _NAME) for name in rows["name"]]),
        annotations=notes,
        shapes=shapes,
    )
    return figure_of(traces, layout)


def _size_text(before: str, n: float) -> str:
    return "" if np.isnan(n) else f"{before}{int(n):,} texts"


def _ladder_hover(row: Mapping[Any, Any], size: str) -> str:
    value = f"{row['mean']:.3f}{interval_text(row['low'], row['high'])}"
    return f"<b>{escaped(str(row['name']))}</b><br>{value}{_size_text(f'<br>{size} ', row['n'])}"


def calibration_figure(
    bins: Sequence[Mapping[str, int | float]], *, height: int = 320
) -> "go.Figure":
    """Accuracy over confidence; on the dashed diagonal a classifier is calibrated.

    Args:
        bins: for each tenth of confidence that has texts `from`, `to`, `n`, `confidence` and
            `accuracy` (`core.classification.evaluation.evaluation.Calibration`).
        height: in pixels.
    """
    most = max((row["n"] for row in bins), default=1)
    dots = scatter(
        [row["confidence"] for row in bins],
        [row["accuracy"] for row in bins],
        mode="lines+markers",
        line={"color": LABEL_COLORS[0], "width": 1.6},
        # The area is proportional to the number of texts.
        marker={
            "size": [_MIN_DOT + (_MAX_DOT - _MIN_DOT) * (row["n"] / most) ** 0.5 for row in bins]
        },
        hovers=[
            f"confidence {row['from']:.0%} to {row['to']:.0%}: {row['n']:,} texts"
            f"<br>mean confidence {row['confidence']:.3f}, accuracy {row['accuracy']:.3f}"
            for row in bins
        ],
        name="calibration",
    )
    diagonal = straight_line(y=0) | {"xref": "x", "x0": 0, "y0": 0, "x1": 1, "y1": 1}
    layout = base_layout(
        height=height,
        margin={"l": 52, "b": 46},
        xaxis=value_axis("Confidence", range=[0, 1.03], **_SHARE_AXIS),
        yaxis=value_axis("Accuracy", range=[0, 1.05], **_SHARE_AXIS),
        shapes=[diagonal],
    )
    return figure_of([dots], layout)


def accuracy_by_distance(
    parts: Sequence[Mapping[str, int | float | None]], *, overall: float, height: int = 280
) -> "go.Figure":
    """Accuracy with its interval by distance to the training texts, from near to far.

    Args:
        parts: `from`, `to` (cosine distance to the nearest training text), `n`, `mean`, `low`,
            `high`, from near to far.
        overall: of all texts, a dashed line.
        height: in pixels.
    """
    ends = ([row[name] for row in parts] for name in ("mean", "low", "high"))
    dots = scatter(
        list(range(len(parts))),
        [row["mean"] for row in parts],
        mode="lines+markers",
        error_y=error_bars(*ends, color=LABEL_COLORS[0], thickness=2, width=4),
        line={"color": LABEL_COLORS[0], "width": 1.6},
        marker={"size": 10},
        hovers=[
            f"distance {row['from']:.3f} to {row['to']:.3f}: {row['n']:,} texts"
            f"<br>accuracy {row['mean']:.3f}{interval_text(row['low'], row['high'])}"
            for row in parts
        ],
        name="accuracy",
    )
    overall_note = note(
        page_text(f"all texts {overall:.3f}"),
        {"x": 1, "xref": "paper", "xanchor": "right", "y": overall, "yanchor": "bottom"},
    )
    layout = base_layout(
        height=height,
        margin={"l": 52, "b": 50},
        xaxis=value_axis(
            "Distance to the nearest training text",
            tickmode="array",
            tickvals=list(range(len(parts))),
            ticktext=[f"to {row['to']:.2f}" for row in parts],
            range=[-0.5, max(1, len(parts)) - 0.5],
            showgrid=False,
        ),
        yaxis=value_axis("Accuracy", range=[0, 1.05], **_SHARE_AXIS),
        shapes=[straight_line(y=overall)],
        annotations=[overall_note],
    )
    return figure_of([dots], layout)
