"""Scores of datasets: per label, against fluency, and distances to nearest neighbours."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from core.figures.elements import HOLLOW, Numbers, error_bars, scatter, straight_line
from core.figures.theme import (
    LABEL_COLORS,
    base_layout,
    escaped,
    figure_of,
    grey,
    interval_text,
    label_colors,
    note,
    page_text,
    row_axis,
    shortened,
    value_axis,
    with_alpha,
)

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

_ROW_PIXELS = 26
_NAME = 26  # characters of a name beside its point
_SIDES = ("top right", "bottom right", "top left", "bottom left")
_BINS = 40


def diversity_by_label(
    rows: "pd.DataFrame",
    *,
    labels: Sequence[str],
    datasets: Mapping[str, str] | None = None,
    reference: str | None = None,
    measure: str = "Remote-Clique",
) -> "go.Figure":
    """A dot with its interval for each label and dataset; the reference's a hollow diamond.

    Args:
        rows: `dataset`, `label`, `value`, `low`, `high`, `n`; missing values where there is nothing
            to measure or no interval.
        labels: the rows of the figure from the top.
        datasets: those compared, in order, each with its "#RRGGBB"; by default all of `rows` but
            the reference, in order of appearance.
        reference: which `dataset` is the reference.
        measure: what the values are.
    """
    if datasets is None:
        datasets = label_colors([name for name in rows["dataset"].unique() if name != reference])
    line = {name: place for place, name in enumerate(labels)}
    shown = [name for name in datasets if name != reference]
    # Datasets stand one under the other within the middle 60% of their label's row.
    step = 0.6 / max(1, len(shown))
    traces = []
    for place, name in enumerate([*shown, *([reference] if reference is not None else [])]):
        own = rows[(rows["dataset"] == name) & rows["label"].isin(labels) & rows["value"].notna()]
        real = name == reference
        offset = 0.0 if real else (place - (len(shown) - 1) / 2) * step
        color = grey(1) if real else datasets[name]
        traces.append(
            scatter(
                own["value"].to_numpy(np.float64),
                [line[label] + offset for label in own["label"]],
                count=0,
                error_x=_whiskers(own, color),
                customdata=[
                    f"{escaped(row['label'])}: {_value_text(row)}" for row in own.to_dict("records")
                ],
                name=shortened(name),
                showlegend=True,
                marker=_mark(color, real, size=9),
                template="%{customdata}<extra>%{fullData.name}</extra>",
            )
        )
    layout = base_layout(
        height=92 + max(_ROW_PIXELS, 11 * len(shown)) * len(labels),
        margin={"t": 30, "b": 46},
        showlegend=True,
        xaxis=value_axis(measure, nticks=7),
        yaxis=row_axis([shortened(name) for name in labels]),
    )
    return figure_of(traces, layout)


def diversity_against_fluency(
    rows: "pd.DataFrame",
    *,
    colors: Mapping[str, str] | None = None,
    reference: str | None = None,
    measure: str = "Remote-Clique",
    height: int = 360,
) -> "go.Figure":
    """Diversity over fluency: upper left is diverse and garbled, upper right diverse and fluent.

    Args:
        rows: one per dataset: `name`, `value`, `low`, `high`, `fluency_mean` (mean log-probability
            per token), `fluency_sd` (its spread over texts), `n`.
        colors: "#RRGGBB" by name; by default the label colours in the order of the rows.
        reference: the name of the real texts, a hollow grey diamond.
        measure: what `value` is.
        height: in pixels.
    """
    known = rows[rows["value"].notna() & rows["fluency_mean"].notna()]
    colors = colors or label_colors([name for name in known["name"] if name != reference])
    sides = _name_sides(known)
    traces = []
    for place, row in enumerate(known.to_dict("records")):
        name = row["name"]
        real = name == reference
        color = grey(1) if real else colors.get(name, grey(1))
        spread = row["fluency_sd"] if row["fluency_sd"] == row["fluency_sd"] else 0.0
        traces.append(
            scatter(
                [row["fluency_mean"]],
                [row["value"]],
                mode="markers+text",
                error_x=error_bars([0.0], [-spread], [spread], color=color, thickness=1.5),
                error_y=_whiskers(known.iloc[[place]], color),
                text=[page_text(shortened(name, _NAME))],
                textposition=sides[place],
                cliponaxis=False,
                marker=_mark(color, real, size=11),
                name=shortened(name),
                template=(
                    f"%{{y:.3f}}{interval_text(row['low'], row['high'])}, {row['n']:,} texts"
                    f"<br>fluency %{{x:.2f}} ± {spread:.2f}<extra>%{{fullData.name}}</extra>"
                ),
            )
        )
    layout = base_layout(
        height=height,
        margin={"l": 56, "r": 20, "t": 20, "b": 46},
        xaxis=value_axis("Fluency (mean log-probability per token) ± SD", nticks=7),
        yaxis=value_axis(measure, nticks=6),
    )
    return figure_of(traces, layout)


def _mark(color: str, real: bool, *, size: int) -> dict[str, object]:
    filled = {"symbol": "circle", "line": {"width": 0}}
    return {"color": color, "size": size, **(HOLLOW if real else filled)}


def _whiskers(rows: "pd.DataFrame", color: str) -> dict[str, object]:
    ends = (rows[name].to_numpy(np.float64) for name in ("value", "low", "high"))
    return error_bars(*ends, color=color, thickness=1.5)


def _value_text(row: Mapping[Any, Any]) -> str:
    return f"{row['value']:.3f}{interval_text(row['low'], row['high'])}, {row['n']:,} texts"


def _name_sides(rows: "pd.DataFrame") -> list[str]:
    """Where each point's name stands: at the first side where it covers no other name, nor point.

    Places are those of a plot of 560 by 290 pixels; a character takes 7 by 16 pixels.
    """
    x, y = rows["fluency_mean"].to_numpy(np.float64), rows["value"].to_numpy(np.float64)
    spread = np.nan_to_num(rows["fluency_sd"].to_numpy(np.float64))
    points = list(zip(_scaled(x, spread, 560.0), _scaled(y, 0 * y, 290.0), strict=True))
    taken = [(px - 7, px + 7, py - 7, py + 7) for px, py in points]
    sides = []
    for (px, py), name in zip(points, rows["name"], strict=True):
        width = 7 * min(len(name), _NAME)
        boxes = {
            side: (
                *((px + 6, px + 6 + width) if "right" in side else (px - 6 - width, px - 6)),
                *((py + 4, py + 20) if "top" in side else (py - 20, py - 4)),
            )
            for side in _SIDES
        }
        best = min(_SIDES, key=lambda side: sum(_overlap(boxes[side], box) for box in taken))
        taken.append(boxes[best])
        sides.append(best)
    return sides


def _scaled(values: Numbers, whiskers: Numbers, pixels: float) -> list[float]:
    if not len(values):
        return []
    low, high = float((values - whiskers).min()), float((values + whiskers).max())
    scaled: list[float] = ((values - low) / ((high - low) or 1.0) * pixels * 0.9).tolist()
    return scaled


def _overlap(one: Sequence[float], other: Sequence[float]) -> float:
    """Square pixels that two boxes (left, right, bottom, top) share."""
    across = min(one[1], other[1]) - max(one[0], other[0])
    up = min(one[3], other[3]) - max(one[2], other[2])
    return max(0.0, across) * max(0.0, up)


def nearest_histogram(
    distances: Mapping[str, Numbers],
    *,
    threshold: float,
    colors: Mapping[str, str] | None = None,
    height: int = 260,
) -> "go.Figure":
    """How far texts are from their nearest: share of texts by distance, and the threshold's line.

    Args:
        distances: by dataset, each text's cosine distance to its nearest other or earlier one, 0
            to 2; NaN for one that has none, which counts among the texts all the same.
        threshold: within it, two texts count as near duplicates; the legend has the share within.
        colors: "#RRGGBB" by dataset; by default the label colours in order.
        height: in pixels.
    """
    colors = colors or label_colors(list(distances))
    known = {name: own[np.isfinite(own)] for name, own in distances.items()}
    most = max((float(np.max(own)) for own in known.values() if len(own)), default=1.0)
    edges = np.linspace(0, max(most, threshold * 1.2, 1e-6), _BINS + 1)
    traces = []
    tallest = 0.0
    for name, own in distances.items():
        if not len(own):
            continue
        shares = np.histogram(known[name], bins=edges)[0] / len(own)
        tallest = max(tallest, float(shares.max()))
        within = float(np.mean(own <= threshold))  # never true of NaN
        color = colors.get(name, LABEL_COLORS[0])
        traces.append(
            scatter(
                # A step for each bin, closed on the floor at both ends.
                np.repeat(edges, 2),
                np.concatenate([[0.0], np.repeat(shares, 2), [0.0]]),
                mode="lines",
                fill="tozeroy",
                fillcolor=with_alpha(color, 0.14),
                line={"color": color, "width": 1.8},
                name=f"{shortened(name)}: {within:.1%} within",
                showlegend=True,
                template="%{y:.1%} of texts near %{x:.2f}<extra>%{fullData.name}</extra>",
            )
        )
    upper = note(
        f"near duplicates within {threshold:g}",
        {"x": threshold, "xanchor": "left", "xshift": 4}
        | {"y": 1, "yref": "paper", "yanchor": "top"},
    )
    share_axis: dict[str, object] = {
        "tickformat": ".0%",
        "range": [0, 1.2 * tallest or 1],
        "nticks": 5,
    }
    layout = base_layout(
        height=height,
        margin={"l": 52, "t": 44, "b": 46},
        showlegend=True,
        xaxis=value_axis(
            "Cosine distance to the nearest earlier text", range=[0, edges[-1]], nticks=8
        ),
        yaxis=value_axis("Share of texts", **share_axis),
        shapes=[straight_line(x=threshold)],
        annotations=[upper],
    )
    return figure_of(traces, layout)
