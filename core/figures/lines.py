"""A curve with its interval, as lines of a figure."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.figures.style import CLEAR, grey, see_through
from core.figures.words import shortened

if TYPE_CHECKING:
    import plotly.graph_objects as go

Numbers = Sequence[float | None]

GREY_LINE = grey(0.55)
_LEAST_SPAN = 0.04  # of a diversity axis: below, chance alone would look like a landslide


@dataclass(frozen=True)
class Curve:
    """A score over texts generated.

    Args:
        name: for display.
        at: numbers of texts, rising.
        value: the score at each; None where there is none yet.
        low: lower end of the interval at each; empty where there are no intervals.
        high: upper end.
        emphasised: in colour with its band; others are grey and lie behind.
        color: "#RRGGBB"; empty takes the next of the palette.
    """

    name: str
    at: Sequence[float]
    value: Numbers
    low: Numbers = ()
    high: Numbers = ()
    emphasised: bool = True
    color: str = ""


def value_range(
    curves: Iterable[Curve], more: Iterable[float] = (), *, least: float = _LEAST_SPAN
) -> tuple[float, float]:
    """Range of a score's axis: all values, and the bands but for their wide first tenth."""
    values = list(more)
    for curve in curves:
        values += [value for value in curve.value if value is not None]
        settled = 0.1 * curve.at[-1] if len(curve.at) else 0
        for band in (curve.low, curve.high):
            values += [
                value
                for at, value in zip(curve.at, band, strict=False)
                if value is not None and at >= settled
            ]
    values = [value for value in values if math.isfinite(value)]
    if not values:
        return 0.0, 1.0
    low, high = min(values), max(values)
    short = max(0.0, least - (high - low)) / 2
    margin = 0.06 * max(high - low, least)
    return max(0.0, low - short - margin), high + short + margin


def add_curve(figure: "go.Figure", curve: Curve, color: str, *, form: str) -> None:
    """The band, then the line; grey and without a band where no colour is given."""
    banded = [
        (at, low, high)
        for at, low, high in zip(curve.at, curve.low, curve.high, strict=False)
        if low is not None and high is not None
    ]
    if color and banded:
        figure.add_scatter(
            x=[at for at, _, _ in banded] + [at for at, _, _ in reversed(banded)],
            y=[high for _, _, high in banded] + [low for _, low, _ in reversed(banded)],
            fill="toself",
            fillcolor=see_through(color, 0.16),
            line={"width": 0, "color": CLEAR},
            mode="lines",
            hoverinfo="skip",
            name="interval",
        )
    intervals = {at: f" ({low:{form}} to {high:{form}})" for at, low, high in banded}
    figure.add_scatter(
        x=list(curve.at),
        y=list(curve.value),
        customdata=[intervals.get(at, "") for at in curve.at],
        mode="lines",
        line={"color": color or GREY_LINE, "width": 2.2 if color else 1.4},
        name=shortened(curve.name),
        hovertemplate=f"%{{y:{form}}}%{{customdata}}<br>%{{x:,}} texts"
        "<extra>%{fullData.name}</extra>",
    )


def last_point(curve: Curve) -> tuple[float, float] | None:
    """The last place with a value."""
    for at, value in zip(reversed(curve.at), reversed(curve.value), strict=True):
        if value is not None:
            return at, value
    return None
