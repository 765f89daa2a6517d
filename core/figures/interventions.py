"""Interventions: the flow of labels, confusion, and accuracy over the annotation budget."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from core.figures.theme import (
    CLEAR,
    LABEL_COLORS,
    escaped,
    grey,
    label_colors,
    page_text,
    quiet_layout,
    see_through,
    shortened,
    spread_apart,
    value_axis,
)

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


Numbers = npt.NDArray[np.float64]


_BAR = 0.018  # width of a label's bar, of the figure's


_NAME = 22  # characters of a label's name


_GAP = 0.1  # of the height, shared by all gaps between bars


_STEPS = np.linspace(0, 1, 24)


_EASE = 3 * _STEPS**2 - 2 * _STEPS**3  # a band leaves and arrives level


def label_flow(
    changes: "pd.DataFrame",
    *,
    labels: Sequence[str],
    sides: tuple[str, str] = ("specified", "new"),
) -> "go.Figure":
    """Bands from specified labels at the left to new ones at the right, as wide as their texts.

    What stays is pale grey, what changes has the colour of the label it came from. Labels stand
    in the task's order on both sides.

    Args:
        changes: `old`, `new`, `count`; a pair may be missing, not double; a new label that is not
            in `labels` (such as out of scope) stands last.
        labels: in task order.
        sides: what the left and the right column are called.
    """
    import plotly.graph_objects as go

    known = changes[changes["count"] > 0]
    others = [name for name in dict.fromkeys([*known["old"], *known["new"]]) if name not in labels]
    names = [*labels, *others]
    place = {name: number for number, name in enumerate(names)}
    counts = np.zeros((len(names), len(names)))
    for old, new, count in zip(known["old"], known["new"], known["count"], strict=True):
        counts[place[old], place[new]] += count
    figure = go.Figure()
    # Room for the names beside the bars.
    side = 64 + 7 * min(_NAME, max(map(len, names), default=0))
    height = max(220, 34 * len(names) + 70)
    figure.update_layout(quiet_layout(height=height, left=side, right=side, top=26))
    axis = {"visible": False, "fixedrange": True}
    figure.update_layout(
        showlegend=False,
        hovermode="closest",
        dragmode=False,
        xaxis={**axis, "range": [0, 1]},
        yaxis={**axis, "range": [1.02, -0.02]},
    )
    total = counts.sum()
    if not total:
        return figure
    heights = counts / total * (1 - _GAP)
    colors = label_colors(names)
    left, right = _tops(heights.sum(axis=1)), _tops(heights.sum(axis=0))
    from_top = left[:, None] + np.cumsum(heights, axis=1) - heights
    to_top = right[None, :] + np.cumsum(heights, axis=0) - heights
    # What stays lies behind what changes.
    pairs = [(old, new) for old in range(len(names)) for new in range(len(names)) if old != new]
    for old, new in [(same, same) for same in range(len(names))] + pairs:
        if counts[old, new]:
            ends = from_top[old, new], to_top[old, new]
            _add_band(
                figure,
                ends,
                heights[old, new],
                color=grey(0.2) if old == new else see_through(colors[names[old]], 0.6),
                words=_told(names[old], names[new], int(counts[old, new]), counts[old].sum()),
            )
    for side, tops, sums in (
        (0, left, counts.sum(axis=1)),
        (1, right, counts.sum(axis=0)),
    ):
        for number, name in enumerate(names):
            if sums[number]:
                height = sums[number] / total * (1 - _GAP)
                _add_bar(figure, side, tops[number], height, colors[name])
                _add_name(figure, side, tops[number] + height / 2, name, int(sums[number]))
    for side, words in enumerate(sides):
        figure.add_annotation(
            text=f"<i>{words}</i>",
            x=side,
            y=1,
            yref="paper",
            yanchor="bottom",
            xanchor="left" if side else "right",
            xshift=8 if side else -8,
            showarrow=False,
            font={"size": 12},
        )
    return figure


def _tops(heights: Numbers) -> Numbers:
    """Where each bar of a column begins, with even gaps between those that are there."""
    there = heights > 0
    gap = _GAP / max(1, there.sum() - 1)
    before = np.cumsum(heights + np.where(there, gap, 0.0)) - heights - np.where(there, gap, 0.0)
    return np.asarray(before, dtype=np.float64)


def _told(old: str, new: str, count: int, of: float) -> str:
    if old == new:
        return f"{escaped(old)} stays: {count:,} texts, {count / of:.1%}"
    return f"{escaped(old)} → {escaped(new)}: {count:,} texts, {count / of:.1%} of {escaped(old)}"


def _add_band(
    figure: "go.Figure", ends: tuple[float, float], height: float, *, color: str, words: str
) -> None:
    x = _BAR + _STEPS * (1 - 2 * _BAR)
    upper = ends[0] + (ends[1] - ends[0]) * _EASE
    figure.add_scatter(
        x=np.concatenate([x, x[::-1]]),
        y=np.concatenate([upper, upper[::-1] + height]),
        fill="toself",
        fillcolor=color,
        line={"width": 0, "color": CLEAR},
        mode="lines",
        hoveron="fills",
        text=words,
        hoverinfo="text",
    )


def _add_bar(figure: "go.Figure", side: int, top: float, height: float, color: str) -> None:
    edge: dict[str, Any] = {"x0": side, "x1": side + (-_BAR if side else _BAR)}
    figure.add_shape(
        type="rect", y0=top, y1=top + height, fillcolor=color, line={"width": 0}, **edge
    )


def _add_name(figure: "go.Figure", side: int, middle: float, name: str, count: int) -> None:
    figure.add_annotation(
        text=f"{page_text(shortened(name, _NAME))}  {count:,}",
        x=side,
        y=middle,
        xanchor="left" if side else "right",
        xshift=8 if side else -8,
        showarrow=False,
        font={"size": 12},
    )


_MOST_ALPHA = 0.75  # above, the page's text would no longer be read on it


_WORDS_UP_TO = 9  # labels, beyond which a cell has no room for its share


def confusion_figure(
    matrix: "pd.DataFrame", *, rows: str = "specified", columns: str = "judged"
) -> "go.Figure":
    """Counts in cells, shaded by their share of the row.

    A cell is a point with customdata [row label, column label], so that a click opens the texts
    behind it: a heatmap's own cells can't be selected.

    Args:
        matrix: whole numbers, indexed by the row labels, columns named by the column labels.
        rows: what a row is.
        columns: what a column is.
    """
    import plotly.graph_objects as go

    counts = matrix.to_numpy(np.int64)
    down, across = ([str(name) for name in names] for names in (matrix.index, matrix.columns))
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros(counts.shape), where=totals > 0)
    color = LABEL_COLORS[0]
    cells = [(row, column) for row in range(len(down)) for column in range(len(across))]
    wordy = len(across) <= _WORDS_UP_TO
    cell = 46 if wordy else 30
    figure = go.Figure()
    figure.add_heatmap(
        z=shares,
        x=list(range(len(across))),
        y=list(range(len(down))),
        zmin=0,
        zmax=1,
        colorscale=[[0, see_through(color, 0.03)], [1, see_through(color, _MOST_ALPHA)]],
        showscale=False,
        xgap=2,
        ygap=2,
        # Here and not with the points, whose words would pale when a cell is chosen.
        text=[
            [
                _words(counts[row, column], shares[row, column], wordy=wordy)
                for column in range(len(across))
            ]
            for row in range(len(down))
        ],
        texttemplate="%{text}",
        textfont={"size": 12 if wordy else 10},
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=[column for _, column in cells],
        y=[row for row, _ in cells],
        customdata=[[down[row], across[column]] for row, column in cells],
        mode="markers",
        # Unseen, yet there to be clicked and hovered.
        marker={"symbol": "square", "size": cell - 4, "opacity": 0},
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}},
        hovertext=[
            f"{rows} {escaped(down[row])}<br>{columns} {escaped(across[column])}"
            f"<br>{counts[row, column]:,} texts, {shares[row, column]:.1%} of the row"
            for row, column in cells
        ],
        hoverinfo="text",
    )
    figure.update_layout(quiet_layout(height=cell * len(down) + 110, top=70))
    axis = {"showgrid": False, "zeroline": False, "fixedrange": True, "automargin": True}
    figure.update_layout(
        showlegend=False,
        hovermode="closest",
        dragmode=False,
        xaxis={
            **axis,
            "side": "top",
            "title": {"text": columns},
            "tickmode": "array",
            "tickvals": list(range(len(across))),
            "ticktext": [shortened(name, 20) for name in across],
            "range": [-0.5, len(across) - 0.5],
        },
        yaxis={
            **axis,
            "title": {"text": rows},
            "tickmode": "array",
            "tickvals": list(range(len(down))),
            "ticktext": [f"{shortened(name, 20)} " for name in down],
            "range": [len(down) - 0.5, -0.5],
        },
    )
    return figure


def _words(count: int, share: float, *, wordy: bool) -> str:
    if not count:
        return ""
    return page_text(f"{count:,}<br>{share:.0%}" if wordy else f"{count:,}")


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
