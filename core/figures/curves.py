"""Curves: a score over the number of texts generated."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.figures.theme import (
    CLEAR,
    LABEL_COLORS,
    grey,
    page_text,
    quiet_layout,
    see_through,
    shortened,
    spread_apart,
    value_axis,
)

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


_LINE_OF_TEXT = 16  # pixels


_CHARACTER = 7.0  # pixels, rather more than the mean


def diversity_curve(
    curves: Sequence[Curve],
    *,
    reference: tuple[str, float] | None = None,
    marker: float | None = None,
    measure: str = "Remote-Clique",
    height: int = 320,
) -> "go.Figure":
    """Remote-Clique over texts generated.

    Args:
        curves: in the order of their colours.
        reference: a name and a value for a dashed line across.
        marker: number of texts at which a vertical line stands, such as a replay's moment.
        measure: what the values are.
        height: in pixels.
    """
    return _curves(
        curves, reference=reference, marker=marker, title=measure, height=height, form=".3f"
    )


def vocabulary_curve(
    curves: Sequence[Curve],
    *,
    reference: tuple[str, float] | None = None,
    marker: float | None = None,
    height: int = 320,
) -> "go.Figure":
    """Different words over texts generated: the flatter, the more the texts repeat themselves."""
    return _curves(
        curves,
        reference=reference,
        marker=marker,
        title="Different words",
        height=height,
        form=",.0f",
        axis_form=",d",
        from_zero=True,
    )


def meter_figure(
    curve: Curve | None,
    *,
    previous: Curve | None = None,
    target: int | None = None,
    height: int = 110,
) -> "go.Figure":
    """The diversity meter: this run's curve with its band, the previous run's grey behind.

    Args:
        curve: this run's; None before its first texts.
        previous: of an earlier run.
        target: texts wanted, so that the axis stands still while they arrive.
        height: in pixels.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    shown = [one for one in (previous, curve) if one is not None]
    for one in shown:
        add_curve(figure, one, "" if one is previous else LABEL_COLORS[0], form=".3f")
    low, high = value_range(shown)
    last = max((one.at[-1] for one in shown if len(one.at)), default=1)
    figure.update_layout(quiet_layout(height=height, top=6, bottom=20, left=34, right=10))
    figure.update_layout(
        showlegend=False,
        hovermode="closest",
        dragmode=False,
        uirevision="meter",
        xaxis=value_axis(
            range=[0, max(last, target or 0)],
            showgrid=False,
            nticks=5,
            tickfont={"size": 11},
            tickformat=",d",
        ),
        yaxis=value_axis(range=[low, high], nticks=3, tickfont={"size": 11}, tickformat=".2f"),
    )
    ended = last_point(curve) if curve is not None else None
    if ended:
        figure.add_scatter(
            x=[ended[0]],
            y=[ended[1]],
            mode="markers",
            marker={"size": 7, "color": curve.color or LABEL_COLORS[0]},  # type: ignore[union-attr]
            hoverinfo="skip",
        )
    return figure


def _curves(
    curves: Sequence[Curve],
    *,
    reference: tuple[str, float] | None,
    marker: float | None,
    title: str,
    height: int,
    form: str,
    axis_form: str = "",
    from_zero: bool = False,
) -> "go.Figure":
    import plotly.graph_objects as go

    figure = go.Figure()
    colors = iter(LABEL_COLORS * (1 + len(curves) // len(LABEL_COLORS)))
    painted = [
        (one, (one.color or next(colors)) if one.emphasised else "")
        for one in sorted(curves, key=lambda one: one.emphasised)
    ]
    for one, color in painted:
        add_curve(figure, one, color, form=form)
    more = [reference[1]] if reference else []
    if from_zero:
        low, high = 0.0, value_range(curves, more, least=1)[1]
    else:
        low, high = value_range(curves, more)
    last = max((one.at[-1] for one in curves if len(one.at)), default=1)
    # What stands at the right: a curve's name at its end, the reference's at its line.
    marks = []
    for one, color in painted:
        dot = f'<span style="color:{color or GREY_LINE}">●</span>'
        end = last_point(one)
        if end:
            marks.append((*end, f"{dot} {page_text(shortened(one.name, 24))}"))
    if reference:
        marks.append((last, reference[1], f"┄ {page_text(shortened(reference[0], 24))}"))
        figure.add_shape(
            type="line",
            xref="paper",
            x0=0,
            x1=1,
            y0=reference[1],
            y1=reference[1],
            line={"dash": "dash", "width": 1.5, "color": grey(0.9)},
        )
    if marker is not None:
        figure.add_shape(
            type="line",
            yref="paper",
            x0=marker,
            x1=marker,
            y0=0,
            y1=1,
            line={"width": 1.5, "color": grey(0.9)},
        )
    top, bottom = 12, 44
    names = [one.name for one in curves] + ([reference[0]] if reference else [])
    right = 24 + round(_CHARACTER * min(24, max(map(len, names), default=0)))
    figure.update_layout(
        quiet_layout(height=height, left=56, right=right, top=top, bottom=bottom),
        showlegend=False,
        hovermode="closest",
        dragmode=False,
        uirevision="curves",
        xaxis=value_axis("texts generated", range=[0, last], showgrid=False, tickformat=",d"),
        yaxis=value_axis(title, range=[low, high], nticks=6, tickformat=axis_form),
    )
    pixels = (height - top - bottom) / (high - low)
    spread = spread_apart([y * pixels for _, y, _ in marks], _LINE_OF_TEXT)
    for (x, y, words), place in zip(marks, spread, strict=True):
        figure.add_annotation(
            x=x,
            y=y,
            text=words,
            xanchor="left",
            xshift=4,
            yshift=place - y * pixels,
            showarrow=False,
            font={"size": 12},
        )
    return figure
