"""Forest plots: regression coefficients, replicated findings; and a regression's residuals."""

import math
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from core.domain.wording import capitalized
from core.figures.compare.columns import axis_title, numbers
from core.figures.elements import (
    HOLLOW,
    Numbers,
    Trace,
    category_look,
    legend_entry,
    padded_range,
    rim,
    row_notes,
    scatter,
    straight_line,
)
from core.figures.theme import (
    LABEL_COLORS,
    STATIC_LEGEND,
    base_layout,
    empty_figure,
    escaped,
    figure_of,
    grey,
    interval_text,
    row_axis,
    shortened,
    value_axis,
)

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

# A verdict's colour and symbol; what is none of them is undecided.
VERDICTS = {
    "holds": (LABEL_COLORS[2], "circle"),
    "does not": (LABEL_COLORS[5], "x"),
    "undecided": (grey(1), "circle-open"),
}
_PAPER_MARK: dict[str, Any] = {"color": grey(1), **HOLLOW}
_ROW_PIXELS = 40
_CHARACTER = 6.4  # pixels of a letter of 12, rather more than the mean
_MARKUP = re.compile(r"<[^>]*>|&\w+;")
_DOWN = 0.26  # of a row: where the paper's mark stands, under ours
_NAME_LINE = 34  # characters of a finding's name in a line
_MIN_ROWS = 3  # of residuals; through fewer, any line fits


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
        words: at the right, the effect in words.
        key: the mark's customdata.
    """

    name: str
    value: float
    low: float
    high: float
    paper: float
    color: str
    symbol: str
    words: str
    key: str


def forest_figure(
    rows: Sequence[ForestRow],
    *,
    axis: str,
    own_scales: bool = False,
    legend: Sequence[Trace] = (),
    row_pixels: int = _ROW_PIXELS,
) -> "go.Figure":
    """The rows from the top; the paper's effects are hollow diamonds under ours.

    Args:
        rows: one at least.
        axis: what the numbers are, escaped.
        own_scales: each row is stretched to its own largest number, for effects of unlike units;
            the axis then has no numbers but 0, and the words at the right hold them.
        legend: traces for the legend alone.
        row_pixels: height of a row.
    """
    ends = np.array([[row.value, row.low, row.high, row.paper] for row in rows], dtype=np.float64)
    if own_scales:
        most = np.nanmax(np.abs(ends), axis=1, initial=0.0, where=np.isfinite(ends), keepdims=True)
        ends = ends / np.where(most > 0, most, 1.0)
    traces = _forest_traces(rows, ends)
    if np.isfinite(ends[:, 3]).any():
        legend = [*legend, legend_entry("the paper", **_PAPER_MARK)]
    lines = [line for row in rows for line in row.words.split("<br>")]
    long = max((len(_MARKUP.sub("", line)) for line in lines), default=0)
    ticks: dict[str, Any] = {"tickvals": [0], "ticktext": ["0"]} if own_scales else {"nticks": 7}
    span = list(padded_range([0.0, *ends.ravel()]))
    top = 30 if legend else 8
    layout = base_layout(
        height=row_pixels * len(rows) + top + 48,
        margin={"l": 8, "r": round(_CHARACTER * long) + 14, "t": top, "b": 46},
        showlegend=bool(legend),
        legend=STATIC_LEGEND,
        annotations=row_notes([row.words for row in rows]),
        shapes=[straight_line(x=0, dash="solid", width=1.2, color=grey(0.8), layer="below")],
        xaxis=value_axis(capitalized(axis), range=span, **ticks),
        yaxis=row_axis([row.name for row in rows], range=[len(rows) - 0.4, -0.6]),
    )
    return figure_of([*traces, *legend], layout)


def _forest_traces(rows: Sequence[ForestRow], ends: Numbers) -> list[Trace]:
    """Intervals, our marks, the paper's; ends are value, low, high and the paper's of each row."""
    value, low, high, paper = ends.T
    places = np.arange(len(rows), dtype=np.float64)
    # A row's interval has its colour, which error bars of one trace could not have.
    traces = [
        scatter(
            [left, right],
            [place, place],
            mode="lines",
            line={"color": row.color, "width": 2.2},
            name="interval",
        )
        for row, place, left, right in zip(rows, places, low, high, strict=True)
        if left == left and right == right
    ]
    colors, symbols = [row.color for row in rows], [row.symbol for row in rows]
    outline = {"width": [rim(symbol)["width"] for symbol in symbols], "color": colors}
    traces.append(
        scatter(
            value,
            places,
            customdata=[row.key for row in rows],
            hovers=[f"{row.name}<br>{row.words}" for row in rows],
            name="ours",
            marker={"size": 11, "color": colors, "symbol": symbols, "line": outline},
            unselected={"marker": {"opacity": 0.4}},
        )
    )
    theirs = np.isfinite(paper)
    if theirs.any():
        traces.append(
            scatter(
                paper[theirs],
                places[theirs] + _DOWN,
                name="the paper",
                marker={"size": 9, **_PAPER_MARK},
                hovers=[
                    f"{row.name}<br>the paper: {row.paper:+.3f}"
                    for row in rows
                    if math.isfinite(row.paper)
                ],
            )
        )
    return traces


def _effect_words(value: float, low: float, high: float) -> str:
    effect = f"{value:+.3f}" if math.isfinite(value) else "not measured"
    return effect + interval_text(low, high, "+.3f")


@dataclass(frozen=True)
class CardRow:
    """A tested claim of the replication card; None or NaN for a number that is not known.

    Args:
        finding: the paper's number of its finding: the mark's customdata.
        name: what is claimed.
        verdict: "holds", "does not" or "undecided".
        effect: what was found.
        low: lower end of its interval.
        high: upper end.
        paper: the paper's effect.
    """

    finding: str
    name: str
    verdict: str = "undecided"
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    paper: float | None = None


def card_figure(
    claims: Sequence[CardRow], *, own_scales: bool = False, axis: str = "Effect"
) -> "go.Figure":
    """The replication card: which of the paper's findings hold, with effect and interval.

    Args:
        claims: from the top.
        own_scales: stretch each row to its own largest number, for effects of unlike units; small
            ones then look as large as others.
        axis: what the effects are.
    """
    rows = []
    for claim in claims:
        effect, low, high, paper = (
            math.nan if value is None else value
            for value in (claim.effect, claim.low, claim.high, claim.paper)
        )
        color, symbol = VERDICTS.get(claim.verdict, VERDICTS["undecided"])
        lines = textwrap.wrap(claim.name, _NAME_LINE, max_lines=3, placeholder="…")
        name = f"{escaped(claim.finding)}. {'<br>'.join(map(escaped, lines))}"
        words = f"{_effect_words(effect, low, high)}<br><b>{escaped(claim.verdict)}</b>"
        rows.append(ForestRow(name, effect, low, high, paper, color, symbol, words, claim.finding))
    if not rows:
        return empty_figure("No findings yet: they need a sweep over temperature and suppression.")
    legend = [
        legend_entry(name, color=color, symbol=symbol, line=rim(symbol))
        for name, (color, symbol) in VERDICTS.items()
    ]
    apart = f"{escaped(axis)}, each row on its own scale; the line is no effect"
    title = apart if own_scales else escaped(axis)
    return forest_figure(rows, axis=title, own_scales=own_scales, legend=legend, row_pixels=52)


def coefficients_figure(
    rows: "pd.DataFrame", *, paper: Mapping[str, float] | None = None, scale: str = "coefficient"
) -> "go.Figure":
    """A dot with its 95% interval for each coefficient; the paper's a hollow diamond.

    A filled dot's interval excludes 0, a hollow one's does not.

    Args:
        rows: `term`, `value`, `low`, `high`, `p`, from the top; missing numbers where there are
            none.
        paper: the paper's coefficients by term.
        scale: what the coefficients are, on the axis.
    """
    known = rows[np.isfinite(numbers(rows, "value"))]
    if not len(known):
        return empty_figure("No coefficients: the regression could not be fitted.")
    columns = (numbers(known, name).tolist() for name in ("value", "low", "high", "p"))
    drawn = [
        ForestRow(
            name=axis_title(str(term)),
            value=value,
            low=low,
            high=high,
            paper=(paper or {}).get(term, math.nan),
            color=LABEL_COLORS[0],
            symbol="circle" if low > 0 or high < 0 else "circle-open",
            words=_effect_words(value, low, high) + (f" {escaped(p_words(p))}" if p == p else ""),
            key=str(term),
        )
        for term, value, low, high, p in zip(known["term"], *columns, strict=True)
    ]
    return forest_figure(drawn, axis=escaped(scale))


def p_words(p: float) -> str:
    """A p-value: "p = .032", "p < .001"; not escaped."""
    return "p < .001" if p < 0.001 else f"p = {p:.3f}".replace("0.", ".")


def residuals_figure(rows: "pd.DataFrame", *, unit: str = "", height: int = 320) -> "go.Figure":
    """Residuals over fitted values: a bend or a funnel means that the model does not fit.

    Args:
        rows: `point`, `name` (what a hover calls it), `group` (such as the task: a colour and a
            symbol each), `fitted`, `residual`; rows with a missing number are left out. `name` and
            `group` may be missing.
        unit: what both are, such as "model accuracy", for the axes.
        height: in pixels.
    """
    known = np.isfinite(numbers(rows, "fitted")) & np.isfinite(numbers(rows, "residual"))
    shown = rows[known]
    if len(shown) < _MIN_ROWS:
        return empty_figure(f"{len(shown)} fitted values: this chart needs at least {_MIN_ROWS}.")
    fitted, residual = numbers(shown, "fitted"), numbers(shown, "residual")
    group = shown["group"].astype(str) if "group" in shown else shown["point"].map(lambda _: "")
    names = shown["name"] if "name" in shown else shown["point"]
    hovers = np.array(
        [
            f"{escaped(str(name))}<br>fitted {at:.3f}, residual <b>{off:+.3f}</b>"
            for name, at, off in zip(names, fitted.tolist(), residual.tolist(), strict=True)
        ],
        dtype=object,
    )
    keys = shown["point"].to_numpy(object)
    groups = sorted(group.unique())
    traces = []
    for place, name in enumerate(groups):
        own = (group == name).to_numpy(np.bool_)
        marker = {
            "size": 8 if len(shown) < 200 else 5,
            "opacity": 0.8,
            **category_look(place),
        }
        traces.append(
            scatter(
                fitted[own],
                residual[own],
                count=len(shown),
                customdata=keys[own],
                hovers=hovers[own],
                name=shortened(name, 24),
                showlegend=True,
                marker=marker,
            )
        )
    most = 1.12 * float(np.abs(residual).max()) or 0.01
    span = list(padded_range(fitted, pad=0.05, least=0.02))
    layout = base_layout(
        height=height,
        margin={"l": 60, "t": 30, "b": 46},
        showlegend=len(groups) > 1,
        xaxis=value_axis(f"Fitted {escaped(unit)}".strip(), range=span, nticks=7),
        # As far up as down, so that a tilt shows.
        yaxis=value_axis("Residual", range=[-most, most], nticks=6, tickformat="+.2f"),
        shapes=[straight_line(y=0, dash="solid", width=1.2, color=grey(0.7), layer="below")],
    )
    return figure_of(traces, layout)
