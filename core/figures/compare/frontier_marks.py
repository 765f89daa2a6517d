"""The marks of the frontier: conditions by colour, symbol and area; rings; their names."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from core.figures.compare.columns import (
    KNOBS,
    PAPER,
    hovers,
    is_share,
    knob_told,
    knob_values,
    numbers,
    title,
)
from core.figures.elements import SYMBOLS, Numbers, Trace, legend_entry, solid_line
from core.figures.theme import LABEL_COLORS, SEQUENCE_COLORS, grey

if TYPE_CHECKING:
    import pandas as pd


COLOR_SCALE = [
    [place / (len(SEQUENCE_COLORS) - 1), color] for place, color in enumerate(SEQUENCE_COLORS)
]


_GL_FROM = 1000


_CATEGORIES = 8  # values of a knob that colours and symbols tell apart


_CROWD = 120  # marks, from which they are smaller


_LEAST, _MOST = 8.0, 19.0  # pixels of a mark


_WIDE = 0.05  # of a share


_RING = 8.0  # pixels that a ring is wider than its mark


def is_shaded(points: "pd.DataFrame", column: str) -> bool:
    """Whether a column is told by shades and a colour bar: a metric, or a knob of many numbers."""
    if column not in (*KNOBS, "task"):
        return True
    values = knob_values(points, column)
    return len(values) > _CATEGORIES and not any(isinstance(one, str) for one in values)


def mark_sizes(points: "pd.DataFrame", value: str | None, *, scale: float = 1.0) -> Numbers:
    """Pixels across of each row's mark: its area rises evenly with the value; float64 (rows,)."""
    least, most = (_LEAST, _MOST) if len(points) < _CROWD else (5.0, 11.0)
    known = numbers(points, value) if value else np.full(len(points), np.nan)
    there = np.isfinite(known)
    if not there.any():
        return np.full(len(points), (least + most) / 2 * scale)
    low, high = known[there].min(), known[there].max()
    share = (known - low) / (high - low) if high > low else np.full(len(known), 0.5)
    sizes = np.sqrt(least**2 + (most**2 - least**2) * share)
    return np.asarray(np.where(there, sizes, least) * scale)


def mark_traces(
    points: "pd.DataFrame", *, x: str, y: str, value: str | None, by: str | None, scale: float
) -> list[Trace]:
    """The conditions, a trace for each entry of the legend; customdata is `point`."""
    sizes = mark_sizes(points, value, scale=scale)
    told = list(dict.fromkeys([y, x, *([value] if value else [])]))
    hover = np.array(hovers(points, [one for one in told if one not in KNOBS]), dtype=object)
    keys = points["point"].to_numpy(object)
    across, up = numbers(points, x), numbers(points, y)

    def trace(rows: npt.NDArray[np.bool_], name: str, **marker: Any) -> Trace:
        faded = {"marker": {"opacity": 0.3}}
        return {
            "type": "scattergl" if len(points) > _GL_FROM else "scatter",
            "x": across[rows],
            "y": up[rows],
            "customdata": keys[rows],
            "hovertext": hover[rows],
            "hoverinfo": "text",
            "mode": "markers",
            "name": name,
            "marker": {"size": sizes[rows], "opacity": 0.92, "line": solid_line(), **marker},
            "unselected": faded,
        }

    paper = (points["source"] == PAPER).to_numpy(np.bool_)
    hollow: dict[str, Any] = {"symbol": "diamond-open", "line": {"width": 1.8}}
    shade = by if by is not None and is_shaded(points, by) else (value if by is None else None)
    traces = []
    if shade is not None:
        shades = numbers(points, shade)
        known = np.isfinite(shades)
        marker: dict[str, Any]
        for rows, name, marker in (
            (known & ~paper, "condition", {"symbol": "circle"}),
            (known & paper, "the paper", hollow),
        ):
            if rows.any():
                legend = {"color": grey(0.9), **marker}
                # plotly's own entry of a shaded mark is black, unseen on a dark page.
                shaded = {"color": shades[rows], "coloraxis": "coloraxis", **marker}
                traces.append(trace(rows, name, **shaded) | {"showlegend": False})
                traces.append(legend_entry(name, group=name, **legend))
        if (~known).any():
            unknown = {"symbol": "circle-open", "color": grey(0.9), "line": {"width": 1.8}}
            traces.append(trace(~known, f"no {title(shade)}", **unknown))
        return traces
    values = np.array(points[by].tolist() if by else [""] * len(points), dtype=object)
    for place, one in enumerate(knob_values(points, by) if by else [""]):
        color = LABEL_COLORS[place % len(LABEL_COLORS)]
        symbol = SYMBOLS[place % len(SYMBOLS)]
        name = (knob_told(by, one) if by else "") or "condition"
        for rows, words, marker in (
            (~paper, name, {"symbol": symbol}),
            (paper, f"{name}, the paper", {"symbol": f"{symbol}-open", "line": {"width": 1.8}}),
        ):
            mine = rows & (values == one)
            if mine.any():
                traces.append(trace(mine, words, color=color, **marker))
    missing = np.array([one is None or one != one for one in values], dtype=np.bool_)
    if missing.any():
        traces.append(trace(missing, f"{title(by or '')} unknown", color=grey(0.9), symbol="x"))
    return traces


def color_axis(points: "pd.DataFrame", column: str, *, letters: int) -> dict[str, Any]:
    """The shades of a metric or a knob of many numbers, and their bar."""
    known = numbers(points, column)
    known = known[np.isfinite(known)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    if high <= low:
        low, high = low - 0.01, high + 0.01
    return {
        "colorscale": COLOR_SCALE,
        "cmin": low,
        "cmax": high,
        "colorbar": {
            "title": {"text": f"{title(column)}<br> ", "font": {"size": letters}},
            "tickfont": {"size": letters},
            # Five ticks of a narrow range are not whole percents.
            "tickformat": (".0%" if high - low >= _WIDE else ".1%") if is_share(column) else "",
            "thickness": letters,
            "len": 0.8,
            "outlinewidth": 0,
            "nticks": 6,
        },
    }


def ring_trace(points: "pd.DataFrame", *, x: str, y: str, sizes: Numbers, scale: float) -> Trace:
    """Rings about members of the Pareto set; sizes are those of their marks."""
    return {
        "type": "scatter",
        "x": numbers(points, x),
        "y": numbers(points, y),
        "mode": "markers",
        "name": "Pareto set: none better in both",
        "hoverinfo": "skip",
        "marker": {
            "symbol": "circle-open",
            "size": sizes + _RING * scale,
            "color": LABEL_COLORS[5],
            "line": {"width": 1.8 * scale},
        },
        "unselected": {"marker": {"opacity": 1}},
    }


def step_trace(points: "pd.DataFrame", *, x: str, y: str) -> Trace:
    """The edge of what is surpassed: down, then across, from member to member by rising x."""
    order = np.argsort(numbers(points, x), kind="stable")
    return {
        "type": "scatter",
        "x": numbers(points, x)[order],
        "y": numbers(points, y)[order],
        "mode": "lines",
        "line": {"shape": "vh", "width": 1.4, "color": LABEL_COLORS[5], "dash": "dot"},
        "name": "edge",
        "hoverinfo": "skip",
        "showlegend": False,
    }
