"""Forest plots: regression coefficients, replicated findings; and a regression's residuals."""

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from core.figures.compare.columns import numbers, title
from core.figures.elements import SYMBOLS, Trace, legend_entry
from core.figures.theme import (
    LABEL_COLORS,
    escaped,
    grey,
    page_text,
    quiet_layout,
    sentence_figure,
    shortened,
    value_axis,
)

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


_ROW = 40  # pixels


_CHARACTER = 6.4  # pixels of a letter of 12, rather more than the mean


_DOWN = 0.26  # of a row: where the paper's mark stands, under ours


@dataclass(frozen=True)
class ForestRow:
    """One row; all words escaped, missing numbers NaN.

    Args:
        name: at the left; "<br>" breaks it.
        value: the effect.
        low: lower end of its interval.
        high: upper end.
        paper: the paper's effect.
        color: "#RRGGBB" or an rgba().
        symbol: of the mark.
        told: at the right, the effect in words.
        key: the mark's customdata.
    """

    name: str
    value: float
    low: float
    high: float
    paper: float
    color: str
    symbol: str
    told: str
    key: str


def forest_figure(
    rows: Sequence[ForestRow],
    *,
    axis: str,
    own_scales: bool = False,
    legend: Sequence[Trace] = (),
    row_pixels: int = _ROW,
) -> "go.Figure":
    """The rows from the top; the paper's effects are hollow diamonds under ours.

    Args:
        rows: one at least.
        axis: what the numbers are, escaped.
        own_scales: each row is stretched to its own largest number, for effects of unlike units;
            the axis then has no numbers but 0, and the words at the right tell them.
        legend: traces for the legend alone.
        row_pixels: height of a row.
    """
    import plotly.graph_objects as go

    ends = np.array([[row.value, row.low, row.high, row.paper] for row in rows], dtype=np.float64)
    if own_scales:
        most = np.nanmax(np.abs(ends), axis=1, initial=0.0, where=np.isfinite(ends), keepdims=True)
        ends = ends / np.where(most > 0, most, 1.0)
    value, low, high, paper = ends.T
    places = np.arange(len(rows), dtype=np.float64)
    traces: list[Trace] = [
        {
            "type": "scatter",
            "x": value,
            "y": places,
            "customdata": [row.key for row in rows],
            "hovertext": [f"{row.name}<br>{row.told}" for row in rows],
            "hoverinfo": "text",
            "mode": "markers",
            "name": "ours",
            "showlegend": False,
            "marker": {
                "size": 11,
                "color": [row.color for row in rows],
                "symbol": [row.symbol for row in rows],
                "line": {
                    "width": [2 if row.symbol.endswith("-open") else 0 for row in rows],
                    "color": [row.color for row in rows],
                },
            },
            "unselected": {"marker": {"opacity": 0.4}},
        }
    ]
    for row, at, left, right in zip(
        rows, places.tolist(), low.tolist(), high.tolist(), strict=True
    ):
        if left == left and right == right:
            # A row's interval has its colour, which error bars of one trace could not have.
            traces.insert(
                0,
                {
                    "type": "scatter",
                    "x": [left, right],
                    "y": [at, at],
                    "mode": "lines",
                    "line": {"color": row.color, "width": 2.2},
                    "hoverinfo": "skip",
                    "showlegend": False,
                    "name": "interval",
                },
            )
    theirs = np.isfinite(paper)
    if theirs.any():
        hollow = {"symbol": "diamond-open", "color": grey(1), "line": {"width": 1.8}}
        traces.append(
            {
                "type": "scatter",
                "x": paper[theirs],
                "y": places[theirs] + _DOWN,
                "mode": "markers",
                "name": "the paper",
                "marker": {"size": 9, **hollow},
                "hovertext": [
                    f"{row.name}<br>the paper: {row.paper:+.3f}"
                    for row in rows
                    if np.isfinite(row.paper)
                ],
                "hoverinfo": "text",
                "showlegend": False,
            }
        )
        legend = [*legend, legend_entry("the paper", group="paper", **hollow)]
    there = ends[np.isfinite(ends)]
    left, right = min(0.0, float(there.min(initial=0.0))), max(0.0, float(there.max(initial=0.0)))
    margin = 0.07 * ((right - left) or 1.0)
    long = max((len(row.told) for row in rows), default=0)
    layout: dict[str, Any] = quiet_layout(
        height=row_pixels * len(rows) + (30 if legend else 8) + 48,
        left=8,
        right=round(_CHARACTER * long) + 14,
        top=30 if legend else 8,
        bottom=46,
    )
    layout["legend"] |= {"itemclick": False, "itemdoubleclick": False}
    layout |= {
        "showlegend": bool(legend),
        "hovermode": "closest",
        "dragmode": False,
        "annotations": [
            {
                "x": 1,
                "xref": "paper",
                "xanchor": "left",
                "xshift": 8,
                "y": place,
                "text": page_text(row.told),
                "align": "left",
                "showarrow": False,
                "font": {"size": 12},
            }
            for place, row in enumerate(rows)
        ],
        "shapes": [
            {
                "type": "line",
                "x0": 0,
                "x1": 0,
                "yref": "paper",
                "y0": 0,
                "y1": 1,
                "layer": "below",
                "line": {"width": 1.2, "color": grey(0.8)},
            }
        ],
        "xaxis": value_axis(
            axis,
            range=[left - margin, right + margin],
            nticks=7,
            **({"tickmode": "array", "tickvals": [0], "ticktext": ["0"]} if own_scales else {}),
        ),
        "yaxis": {
            "tickmode": "array",
            "tickvals": places.tolist(),
            "ticktext": [f"{row.name}  " for row in rows],
            "range": [len(rows) - 0.4, -0.6],
            "gridcolor": grey(0.12),
            "zeroline": False,
            "fixedrange": True,
            "automargin": True,
        },
    }
    return go.Figure([*traces, *legend], layout)


# A verdict's colour and symbol; what is none of them is undecided.
VERDICTS = {
    "holds": (LABEL_COLORS[2], "circle"),
    "does not": (LABEL_COLORS[5], "x"),
    "undecided": (grey(1), "circle-open"),
}


_LINE = 34  # characters of a finding's name in a line


def card_figure(
    findings: Sequence[Mapping[str, Any]],
    *,
    own_scales: bool = False,
    axis: str = "effect",
) -> "go.Figure":
    """A row for each finding: effect with its interval, colour and symbol by verdict.

    Args:
        findings: `finding` (the paper's number of it, or a key: the mark's customdata), `name`,
            `effect`, `low`, `high`, `verdict` ("holds", "does not", "undecided"), `paper` (its
            effect), from the top; None or NaN for a number that is not known.
        own_scales: stretch each row to its own largest number, for effects of unlike units; small
            ones then look as large as others.
        axis: what the effects are.
    """
    rows = []
    for one in findings:
        effect, low, high, paper = (_number(one.get(k)) for k in ("effect", "low", "high", "paper"))
        verdict = str(one.get("verdict") or "undecided")
        color, symbol = VERDICTS.get(verdict, VERDICTS["undecided"])
        words = [f"{effect:+.3f}" if math.isfinite(effect) else "not measured"]
        if math.isfinite(low) and math.isfinite(high):
            words.append(f"({low:+.3f} to {high:+.3f})")
        rows.append(
            ForestRow(
                name=f"{escaped(str(one['finding']))}. {_broken(str(one['name']))}",
                value=effect,
                low=low,
                high=high,
                paper=paper,
                color=color,
                symbol=symbol,
                told=f"{' '.join(words)}<br><b>{escaped(verdict)}</b>",
                key=str(one["finding"]),
            )
        )
    if not rows:
        return sentence_figure(
            "No findings yet: a sweep over temperature and suppression has them."
        )
    legend = [
        legend_entry(name, group=name, color=color, symbol=symbol, line=_rim(symbol))
        for name, (color, symbol) in VERDICTS.items()
    ]
    apart = f"{escaped(axis)}, each row to its own scale; the line is no effect"
    return forest_figure(
        rows,
        axis=apart if own_scales else escaped(axis),
        own_scales=own_scales,
        legend=legend,
        row_pixels=52,
    )


def _rim(symbol: str) -> dict[str, Any]:
    return {"width": 2 if symbol.endswith("-open") else 0}


def _number(value: Any) -> float:
    return float(value) if value is not None else math.nan


def _broken(words: str) -> str:
    """Escaped, in lines."""
    lines = textwrap.wrap(words, _LINE, max_lines=3, placeholder="…") or [""]
    return "<br>".join(map(escaped, lines))


_LEAST = 3  # rows; through fewer, any line fits


_GL_FROM = 1000


def residuals_figure(rows: "pd.DataFrame", *, unit: str = "", height: int = 320) -> "go.Figure":
    """Residuals over fitted values: a bend or a funnel tells that the model does not fit.

    Args:
        rows: `point`, `name` (what a hover calls it), `group` (such as the task: a colour and a
            symbol each), `fitted`, `residual`; rows with a missing number are left out. `name` and
            `group` may be missing.
        unit: what both are, such as "model accuracy", for the axes.
        height: in pixels.
    """
    import plotly.graph_objects as go

    known = np.isfinite(numbers(rows, "fitted")) & np.isfinite(numbers(rows, "residual"))
    shown = rows[known]
    if len(shown) < _LEAST:
        return sentence_figure(f"{len(shown)} fitted values: residuals want {_LEAST} at least.")
    fitted, residual = numbers(shown, "fitted"), numbers(shown, "residual")
    group = shown["group"].astype(str) if "group" in shown else shown["point"].map(lambda _: "")
    names = shown["name"] if "name" in shown else shown["point"]
    words = np.array(
        [
            f"{escaped(str(name))}<br>fitted {at:.3f}, residual <b>{off:+.3f}</b>"
            for name, at, off in zip(names, fitted.tolist(), residual.tolist(), strict=True)
        ],
        dtype=object,
    )
    figure = go.Figure()
    groups = sorted(group.unique())
    for place, one in enumerate(groups):
        own = (group == one).to_numpy(np.bool_)
        figure.add_trace(
            {
                "type": "scattergl" if len(shown) > _GL_FROM else "scatter",
                "x": fitted[own],
                "y": residual[own],
                "customdata": shown["point"].to_numpy(object)[own],
                "hovertext": words[own],
                "hoverinfo": "text",
                "mode": "markers",
                "name": shortened(one, 24),
                "marker": {
                    "size": 8 if len(shown) < 200 else 5,
                    "opacity": 0.8,
                    "color": LABEL_COLORS[place % len(LABEL_COLORS)],
                    "symbol": SYMBOLS[place % len(SYMBOLS)],
                },
            }
        )
    most = 1.12 * float(np.abs(residual).max()) or 0.01
    low, high = float(fitted.min()), float(fitted.max())
    margin = 0.05 * (high - low) or 0.01
    of = f" {escaped(unit)}" if unit else ""
    figure.add_shape(
        type="line",
        xref="paper",
        x0=0,
        x1=1,
        y0=0,
        y1=0,
        layer="below",
        line={"width": 1.2, "color": grey(0.7)},
    )
    figure.update_layout(quiet_layout(height=height, left=60, top=30, bottom=46))
    figure.update_layout(
        showlegend=len(groups) > 1,
        hovermode="closest",
        dragmode=False,
        xaxis=value_axis(f"fitted{of}", range=[low - margin, high + margin], nticks=7),
        # As far up as down, so that a tilt shows.
        yaxis=value_axis("residual", range=[-most, most], nticks=6, tickformat="+.2f"),
    )
    return figure


def coefficients_figure(
    rows: "pd.DataFrame", *, paper: Mapping[str, float] | None = None, scale: str = "coefficient"
) -> "go.Figure":
    """A dot with its 95 % interval for each coefficient; the paper's a hollow diamond.

    A filled dot's interval leaves out 0, a hollow one's does not.

    Args:
        rows: `term`, `value`, `low`, `high`, `p`, from the top; missing numbers where there are
            none.
        paper: the paper's coefficients by term.
        scale: what the coefficients are, on the axis.
    """
    known = rows[np.isfinite(numbers(rows, "value"))]
    if not len(known):
        return sentence_figure("No coefficients: the regression could not be fitted.")
    drawn = []
    columns = (numbers(known, name).tolist() for name in ("value", "low", "high", "p"))
    for term, value, low, high, p in zip(known["term"], *columns, strict=True):
        sure = low == low and high == high and (low > 0 or high < 0)
        words = [f"{value:+.3f}"]
        words += [f"({low:+.3f} to {high:+.3f})"] if low == low and high == high else []
        words += [p_told(p)] if p == p else []
        drawn.append(
            ForestRow(
                name=title(str(term)),
                value=value,
                low=low,
                high=high,
                paper=(paper or {}).get(term, float("nan")),
                color=LABEL_COLORS[0],
                symbol="circle" if sure else "circle-open",
                told=" ".join(words),
                key=str(term),
            )
        )
    return forest_figure(drawn, axis=escaped(scale))


def p_told(p: float) -> str:
    """A p-value in words: "p = .032", "p < .001"."""
    return "p &lt; .001" if p < 0.001 else f"p = {p:.3f}".replace("0.", ".")
