"""A regression at a glance: its coefficients, and what it leaves unexplained."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from core.figures.forest import ForestRow, forest_figure
from core.figures.palette import LABEL_COLORS
from core.figures.points import SYMBOLS
from core.figures.results import numbers, title
from core.figures.sentence import sentence_figure
from core.figures.style import grey, quiet_layout, value_axis
from core.figures.words import escaped, shortened

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

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
