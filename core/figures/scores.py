"""Scores side by side: per label, against fluency, and distances to nearest neighbours."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from core.figures.theme import (
    LABEL_COLORS,
    escaped,
    grey,
    label_colors,
    page_text,
    quiet_layout,
    see_through,
    shortened,
    value_axis,
)

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


_ROW_PIXELS = 26


_NAME = 26  # characters of a direct label


_SIDES = ("top right", "bottom right", "top left", "bottom left")


def clique_by_label(
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
    import plotly.graph_objects as go

    if datasets is None:
        datasets = label_colors([one for one in rows["dataset"].unique() if one != reference])
    line = {name: place for place, name in enumerate(labels)}
    shown = [name for name in datasets if name != reference]
    # Datasets stand one under the other within the middle 60 % of their label's row.
    step = 0.6 / max(1, len(shown))
    figure = go.Figure()
    for place, name in enumerate([*shown, *([reference] if reference is not None else [])]):
        own = rows[(rows["dataset"] == name) & rows["label"].isin(labels) & rows["value"].notna()]
        is_reference = name == reference
        offset = 0.0 if is_reference else (place - (len(shown) - 1) / 2) * step
        color = grey(1) if is_reference else datasets[name]
        figure.add_scatter(
            x=own["value"].to_numpy(np.float64),
            y=[line[label] + offset for label in own["label"]],
            error_x=_whiskers(own, color=color),
            customdata=_told(own),
            mode="markers",
            name=shortened(name),
            marker={
                "color": color,
                "size": 9,
                "symbol": "diamond-open" if is_reference else "circle",
                "line": {"width": 1.8 if is_reference else 0},
            },
            hovertemplate="%{customdata}<extra>%{fullData.name}</extra>",
        )
    row_pixels = max(_ROW_PIXELS, 11 * len(shown))
    figure.update_layout(quiet_layout(height=92 + row_pixels * len(labels), top=30, bottom=46))
    figure.update_layout(
        showlegend=True,
        hovermode="closest",
        dragmode=False,
        xaxis=value_axis(measure, nticks=7),
        yaxis={
            "tickmode": "array",
            "tickvals": list(range(len(labels))),
            "ticktext": [f"{shortened(name)}  " for name in labels],
            "range": [len(labels) - 0.5, -0.5],
            "gridcolor": grey(0.12),
            "zeroline": False,
            "fixedrange": True,
            "automargin": True,
        },
    )
    return figure


def diversity_against_fluency(
    rows: "pd.DataFrame",
    *,
    colors: Mapping[str, str] | None = None,
    reference: str | None = None,
    measure: str = "Remote-Clique",
    height: int = 360,
) -> "go.Figure":
    """Diversity over fluency: to the upper left, wide and garbled; to the upper right, wide alone.

    Args:
        rows: one a dataset: `name`, `value`, `low`, `high`, `fluency_mean` (mean log-probability a
            token), `fluency_sd` (its spread over texts), `n`.
        colors: "#RRGGBB" by name; by default the palette's in the order of the rows.
        reference: the name of the real texts, a hollow grey diamond.
        measure: what `value` is.
        height: in pixels.
    """
    import plotly.graph_objects as go

    known = rows[rows["value"].notna() & rows["fluency_mean"].notna()]
    colors = colors or label_colors([name for name in known["name"] if name != reference])
    sides = _sides(known)
    figure = go.Figure()
    for place, row in enumerate(known.to_dict("records")):
        name = row["name"]
        real = name == reference
        color = grey(1) if real else colors.get(name, grey(1))
        spread = row["fluency_sd"] if row["fluency_sd"] == row["fluency_sd"] else 0.0
        figure.add_scatter(
            x=[row["fluency_mean"]],
            y=[row["value"]],
            error_x={"array": [spread], **_whisker_line(color)},
            error_y=_whiskers(known.iloc[[place]], color=color),
            mode="markers+text",
            text=[page_text(shortened(name, _NAME))],
            textposition=sides[place],
            cliponaxis=False,
            marker={
                "color": color,
                "size": 11,
                "symbol": "diamond-open" if real else "circle",
                "line": {"width": 1.8 if real else 0},
            },
            name=shortened(name),
            hovertemplate=(
                f"%{{y:.3f}}{_interval(row)}, {row['n']:,} texts"
                f"<br>fluency %{{x:.2f}} ± {spread:.2f}<extra>%{{fullData.name}}</extra>"
            ),
        )
    figure.update_layout(quiet_layout(height=height, left=56, top=20, bottom=46, right=20))
    figure.update_layout(
        showlegend=False,
        hovermode="closest",
        dragmode=False,
        xaxis=value_axis("fluency: mean log-probability a token, with its spread", nticks=7),
        yaxis=value_axis(measure, nticks=6),
    )
    return figure


def _sides(rows: "pd.DataFrame") -> list[str]:
    """Where each point's name stands: at the first side where it covers no other name, nor point.

    Places are reckoned as of a plot of 560 by 290 pixels; a text of 7 by 16 pixels a character.
    """
    x, y = rows["fluency_mean"].to_numpy(np.float64), rows["value"].to_numpy(np.float64)
    spread = np.nan_to_num(rows["fluency_sd"].to_numpy(np.float64))
    points = [
        (across, up)
        for across, up in zip(_scaled(x, spread, 560.0), _scaled(y, 0 * y, 290.0), strict=True)
    ]
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
        side = min(_SIDES, key=lambda side: sum(_overlap(boxes[side], box) for box in taken))
        taken.append(boxes[side])
        sides.append(side)
    return sides


def _scaled(values: Any, whiskers: Any, pixels: float) -> list[float]:
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


def _whisker_line(color: str) -> dict[str, Any]:
    return {"type": "data", "thickness": 1.5, "width": 0, "color": color}


def _whiskers(rows: "pd.DataFrame", *, color: str) -> Any:
    """Error bars from the ends of intervals; none where an end is missing."""
    middle, lower, upper = (rows[name].to_numpy(np.float64) for name in ("value", "low", "high"))
    return {
        "symmetric": False,
        "array": np.nan_to_num(upper - middle),
        "arrayminus": np.nan_to_num(middle - lower),
        **_whisker_line(color),
    }


def _interval(row: Mapping[Any, Any]) -> str:
    if any(end is None or end != end for end in (row["low"], row["high"])):
        return ""
    return f" ({row['low']:.3f} to {row['high']:.3f})"


def _told(rows: "pd.DataFrame") -> list[str]:
    """What a dot's hover says."""
    return [
        f"{escaped(row['label'])}: {row['value']:.3f}{_interval(row)}, {row['n']:,} texts"
        for row in rows.to_dict("records")
    ]


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
