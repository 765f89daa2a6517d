"""Curves: a score over the number of texts generated."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.figures.elements import padded_range, scatter, side_notes, straight_line
from core.figures.theme import (
    CLEAR,
    LABEL_COLORS,
    base_layout,
    figure_of,
    grey,
    interval_text,
    page_text,
    shortened,
    value_axis,
    with_alpha,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go

Values = Sequence[float | None]

GREY_LINE = grey(0.55)
_MIN_SPAN = 0.04  # of a diversity axis: below, chance alone would look like a landslide
_CHARACTER = 7.0  # pixels, rather more than the mean
_NAME = 24  # characters of a curve's name at its end


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
        color: "#RRGGBB"; empty takes the next of the label colours.
    """

    name: str
    at: Sequence[float]
    value: Values
    low: Values = ()
    high: Values = ()
    emphasised: bool = True
    color: str = ""

    @property
    def last(self) -> tuple[float, float] | None:
        """The last place with a value, and the value."""
        for at, value in zip(reversed(self.at), reversed(self.value), strict=True):
            if value is not None:
                return at, value
        return None


def score_range(
    curves: Iterable[Curve], more: Iterable[float] = (), *, least: float = _MIN_SPAN
) -> tuple[float, float]:
    """Range of a score's axis: all values, and the bands but for their wide first tenth."""
    values: list[float | None] = list(more)
    for curve in curves:
        values += curve.value
        settled = 0.1 * curve.at[-1] if len(curve.at) else 0
        for band in (curve.low, curve.high):
            values += [end for at, end in zip(curve.at, band, strict=False) if at >= settled]
    return padded_range(values, pad=0.06, least=least, floor=0.0)


def curve_traces(curve: Curve, color: str, *, form: str) -> list[dict[str, Any]]:
    """The band, then the line; grey and without a band where no colour is given.

    Args:
        curve: what to draw.
        color: "#RRGGBB", or "".
        form: how numbers are written, such as ".3f".
    """
    banded = [
        (at, low, high)
        for at, low, high in zip(curve.at, curve.low, curve.high, strict=False)
        if low is not None and high is not None
    ]
    traces = []
    if color and banded:
        band = scatter(
            [at for at, _, _ in banded] + [at for at, _, _ in reversed(banded)],
            [high for _, _, high in banded] + [low for _, low, _ in reversed(banded)],
            mode="lines",
            count=0,
            fill="toself",
            fillcolor=with_alpha(color, 0.16),
            line={"width": 0, "color": CLEAR},
            name="interval",
        )
        traces.append(band)
    intervals = {at: interval_text(low, high, form) for at, low, high in banded}
    line = {
        "type": "scatter",
        "x": list(curve.at),
        "y": list(curve.value),
        "customdata": [intervals.get(at, "") for at in curve.at],
        "mode": "lines",
        "line": {"color": color or GREY_LINE, "width": 2.2 if color else 1.4},
        "name": shortened(curve.name),
        "hovertemplate": f"%{{y:{form}}}%{{customdata}}<br>%{{x:,}} texts"
        "<extra>%{fullData.name}</extra>",
    }
    return [*traces, line]


@dataclass(frozen=True)
class Axes:
    """How the axes of a score over texts look.

    Args:
        title: of the score.
        form: how hovers write it.
        tick_form: how ticks do; "" is plotly's choice.
        from_zero: whether the axis begins at 0.
    """

    title: str
    form: str = ".3f"
    tick_form: str = ""
    from_zero: bool = False


_VOCABULARY = Axes("Vocabulary (distinct words)", ",.0f", ",d", from_zero=True)


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
        reference: a name and a value for a dashed level line.
        marker: number of texts at which an upright line stands, such as a replay's moment.
        measure: what the values are.
        height: in pixels.
    """
    return _curves(curves, Axes(measure), reference=reference, marker=marker, height=height)


def vocabulary_curve(
    curves: Sequence[Curve],
    *,
    reference: tuple[str, float] | None = None,
    marker: float | None = None,
    height: int = 320,
) -> "go.Figure":
    """Distinct words over texts generated: the flatter, the more the texts repeat themselves."""
    return _curves(curves, _VOCABULARY, reference=reference, marker=marker, height=height)


def _curves(
    curves: Sequence[Curve],
    axes: Axes,
    *,
    reference: tuple[str, float] | None,
    marker: float | None,
    height: int,
) -> "go.Figure":
    colors = iter(LABEL_COLORS * (1 + len(curves) // len(LABEL_COLORS)))
    painted = [
        (curve, (curve.color or next(colors)) if curve.emphasised else "")
        for curve in sorted(curves, key=lambda curve: curve.emphasised)
    ]
    traces = [trace for pair in painted for trace in curve_traces(*pair, form=axes.form)]
    more = [reference[1]] if reference else []
    low, high = score_range(curves, more, least=1 if axes.from_zero else _MIN_SPAN)
    low = 0.0 if axes.from_zero else low
    last = max((curve.at[-1] for curve in curves if len(curve.at)), default=1)
    # What stands at the right: a curve's name at its end, the reference's at its line.
    labels: list[tuple[float | None, float, str]] = []
    for curve, color in painted:
        if curve.last:
            dot = f'<span style="color:{color or GREY_LINE}">●</span>'
            labels.append((*curve.last, f"{dot} {page_text(shortened(curve.name, _NAME))}"))
    shapes = []
    if reference:
        labels.append((last, reference[1], f"┄ {page_text(shortened(reference[0], _NAME))}"))
        shapes.append(straight_line(y=reference[1]))
    if marker is not None:
        shapes.append(straight_line(x=marker, dash="solid"))
    top, bottom = 12, 44
    names = [curve.name for curve in curves] + ([reference[0]] if reference else [])
    right = 24 + round(_CHARACTER * min(_NAME, max(map(len, names), default=0)))
    layout = base_layout(
        height=height,
        margin={"l": 56, "r": right, "t": top, "b": bottom},
        uirevision="curves",
        xaxis=value_axis("Texts generated", range=[0, last], showgrid=False, tickformat=",d"),
        yaxis=value_axis(axes.title, range=[low, high], nticks=6, tickformat=axes.tick_form),
        shapes=shapes,
        annotations=side_notes(labels, pixels=(height - top - bottom) / (high - low)),
    )
    return figure_of(traces, layout)
