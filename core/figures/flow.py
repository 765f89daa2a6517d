"""Flow: which labels texts had, and which they would get."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from core.figures.palette import label_colors
from core.figures.style import CLEAR, grey, page_text, quiet_layout, see_through
from core.figures.words import escaped, shortened

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
