"""Interventions: the flow of labels, confusion, and accuracy over the annotation budget."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from core.figures.elements import (
    Numbers,
    cell_traces,
    error_bars,
    padded_range,
    scatter,
    side_notes,
    straight_line,
)
from core.figures.theme import (
    CLEAR,
    HIDDEN_AXIS,
    LABEL_COLORS,
    base_layout,
    category_axis,
    escaped,
    figure_of,
    grey,
    interval_text,
    label_colors,
    note,
    page_text,
    shortened,
    value_axis,
    with_alpha,
)

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

_BAR = 0.018  # width of a label's bar, as a share of the figure's
_NAME = 22  # characters of a label's name
_GAP = 0.1  # of the height, shared by all gaps between bars
_STEPS = np.linspace(0, 1, 24)
_EASE = 3 * _STEPS**2 - 2 * _STEPS**3  # a band leaves and arrives level
_SHARES_UP_TO = 9  # labels, beyond which a cell has no room for its share


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
    known = changes[changes["count"] > 0]
    names = list(dict.fromkeys([*labels, *known["old"], *known["new"]]))
    place = {name: number for number, name in enumerate(names)}
    counts = np.zeros((len(names), len(names)))
    for old, new, count in zip(known["old"], known["new"], known["count"], strict=True):
        counts[place[old], place[new]] += count
    # Room for the names beside the bars.
    margin = 64 + 7 * min(_NAME, max(map(len, names), default=0))
    layout = base_layout(
        height=max(220, 34 * len(names) + 70),
        margin={"l": margin, "r": margin, "t": 26},
        xaxis={**HIDDEN_AXIS, "range": [0, 1]},
        yaxis={**HIDDEN_AXIS, "range": [1.02, -0.02]},
    )
    total = counts.sum()
    if not total:
        return figure_of([], layout)
    heights = counts / total * (1 - _GAP)
    tops = _bar_tops(heights.sum(axis=1)), _bar_tops(heights.sum(axis=0))
    starts = tops[0][:, None] + np.cumsum(heights, axis=1) - heights
    ends = tops[1][None, :] + np.cumsum(heights, axis=0) - heights
    colors = label_colors(names)
    # What stays lies behind what changes.
    pairs = sorted(np.argwhere(counts).tolist(), key=lambda pair: pair[0] != pair[1])
    bands = [
        _band(
            (starts[old, new], ends[old, new]),
            heights[old, new],
            color=grey(0.2) if old == new else with_alpha(colors[names[old]], 0.6),
            hover=_flow_hover(names[old], names[new], int(counts[old, new]), counts[old].sum()),
        )
        for old, new in pairs
    ]
    shapes, notes, titles = [], [], []
    for side, title in enumerate(sides):
        sums = counts.sum(axis=1 - side)
        beside = {"x": side, "xanchor": "left" if side else "right", "xshift": 8 if side else -8}
        above = {"y": 1, "yref": "paper", "yanchor": "bottom"}
        titles.append(note(f"<i>{title}</i>", beside | above))
        for number in np.flatnonzero(sums).tolist():
            name, top = names[number], float(tops[side][number])
            height = float(sums[number] / total * (1 - _GAP))
            bar = {
                "x0": side,
                "x1": side + (-_BAR if side else _BAR),
                "y0": top,
                "y1": top + height,
            }
            shapes.append({"type": "rect", "fillcolor": colors[name], "line": {"width": 0}, **bar})
            text = f"{page_text(shortened(name, _NAME))}  {int(sums[number]):,}"
            notes.append(note(text, beside | {"y": top + height / 2}))
    return figure_of(bands, layout | {"shapes": shapes, "annotations": notes + titles})


def _bar_tops(heights: Numbers) -> Numbers:
    """Where each bar of a column begins, with even gaps between those that are there."""
    there = heights > 0
    gaps = np.where(there, _GAP / max(1, there.sum() - 1), 0.0)
    return np.asarray(np.cumsum(heights + gaps) - heights - gaps, dtype=np.float64)


def _flow_hover(old: str, new: str, count: int, of: float) -> str:
    if old == new:
        return f"{escaped(old)} stays: {count:,} texts, {count / of:.1%}"
    return f"{escaped(old)} → {escaped(new)}: {count:,} texts, {count / of:.1%} of {escaped(old)}"


def _band(ends: tuple[float, float], height: float, *, color: str, hover: str) -> dict[str, object]:
    x = _BAR + _STEPS * (1 - 2 * _BAR)
    upper = ends[0] + (ends[1] - ends[0]) * _EASE
    return {
        "type": "scatter",
        "x": np.concatenate([x, x[::-1]]),
        "y": np.concatenate([upper, upper[::-1] + height]),
        "mode": "lines",
        "fill": "toself",
        "fillcolor": color,
        "line": {"width": 0, "color": CLEAR},
        "hoveron": "fills",
        "text": hover,
        "hoverinfo": "text",
    }


def confusion_figure(
    matrix: "pd.DataFrame", *, rows: str = "specified", columns: str = "judged"
) -> "go.Figure":
    """Counts in cells, shaded by their share of the row; customdata is [row, column label].

    Args:
        matrix: whole numbers, indexed by the row labels, columns named by the column labels.
        rows: what a row is.
        columns: what a column is.
    """
    counts = matrix.to_numpy(np.int64)
    down, across = ([str(name) for name in names] for names in (matrix.index, matrix.columns))
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros(counts.shape), where=totals > 0)
    with_shares = len(across) <= _SHARES_UP_TO
    pixels = 46 if with_shares else 30

    def text(count: int, share: float) -> str:
        return (f"{count:,}<br>{share:.0%}" if with_shares else f"{count:,}") if count else ""

    def hover(row: str, column: str, count: int, share: float) -> str:
        where = f"{rows} {escaped(row)}<br>{columns} {escaped(column)}"
        return f"{where}<br>{count:,} texts, {share:.1%} of the row"

    values = [
        list(zip(across, *pair, strict=True))
        for pair in zip(counts.tolist(), shares.tolist(), strict=True)
    ]
    traces = cell_traces(
        shares,
        bounds=(0, 1),
        texts=[[text(count, share) for _, count, share in line] for line in values],
        hovers=[
            [hover(row, *cell) for cell in line] for row, line in zip(down, values, strict=True)
        ],
        keys=[[[row, column] for column in across] for row in down],
        pixels=pixels - 4,
        letters=12 if with_shares else 10,
    )
    layout = base_layout(
        height=pixels * len(down) + 110,
        margin={"t": 70},
        xaxis=category_axis(
            [shortened(name, 20) for name in across],
            down=False,
            side="top",
            title={"text": columns},
        ),
        yaxis=category_axis([f"{shortened(name, 20)} " for name in down], title={"text": rows}),
    )
    return figure_of(traces, layout)


def budget_curve(
    rows: "pd.DataFrame",
    *,
    baseline: float | None = None,
    everything: float | None = None,
    measure: str = "Label accuracy",
    height: int = 320,
) -> "go.Figure":
    """A point with its interval for each number of inspected texts.

    Args:
        rows: `inspected`, `value`, `low`, `high`; shares of 1; missing ends for no interval.
        baseline: the value with nothing replaced, a dashed line.
        everything: the value with every text relabelled, a dashed line.
        measure: what the values are.
        height: in pixels.
    """
    known = rows[rows["value"].notna()].sort_values("inspected")
    at, value, low, high = (
        known[name].to_numpy(np.float64) for name in ("inspected", "value", "low", "high")
    )
    color = LABEL_COLORS[0]
    curve = scatter(
        at,
        value,
        mode="lines+markers",
        error_y=error_bars(value, low, high, color=color, thickness=1.5),
        customdata=[interval_text(*ends, ".1%") for ends in zip(low, high, strict=True)],
        line={"color": color, "width": 2.2},
        marker={"size": 9, "color": color, "line": {"width": 0}},
        template="%{x:,} inspected: %{y:.1%}%{customdata}<extra></extra>",
    )
    lines = [
        (name, share)
        for name, share in (("nothing replaced", baseline), ("all relabelled", everything))
        if share is not None
    ]
    values = [*value, *low, *high, *(share for _, share in lines)]
    bounds = padded_range(values, pad=0.08, least=0.05, floor=0.0, ceiling=1.02)
    top, bottom = 12, 46
    last = float(at[-1]) if len(at) else 1.0
    labels = [(None, share, f"{name} {page_text(f'{share:.1%}')}") for name, share in lines]
    layout = base_layout(
        height=height,
        margin={"l": 58, "r": 150, "t": top, "b": bottom},
        xaxis=value_axis(
            "Texts inspected",
            range=[-0.02 * last, 1.03 * last],
            showgrid=False,
            tickmode="array",
            tickvals=at,
        ),
        yaxis=value_axis(measure, range=bounds, tickformat=".0%", nticks=6),
        shapes=[straight_line(y=share) for _, share in lines],
        annotations=side_notes(labels, pixels=(height - top - bottom) / (bounds[1] - bounds[0])),
    )
    return figure_of([curve], layout)
