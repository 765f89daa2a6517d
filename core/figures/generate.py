"""Figures of a run in progress: texts per label, diversity so far, the next token."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from core.domain.next_token import ListedToken
from core.figures.curves import Curve, curve_traces, score_range
from core.figures.elements import bars, scatter
from core.figures.theme import (
    LABEL_COLORS,
    base_layout,
    category_axis,
    escaped,
    figure_of,
    grey,
    label_colors,
    value_axis,
)

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

MISSING_COLOR = grey(0.18)
DRAWN, SUPPRESSED = LABEL_COLORS[0], LABEL_COLORS[5]
_LABEL_PIXELS = 26
_FRAME_PIXELS = 34
_TOKEN_PIXELS = 19


def balance_figure(counts: "pd.DataFrame", *, wanted: Mapping[str, int]) -> "go.Figure":
    """One horizontal bar per label: new texts, duplicates (hatched), what is missing (pale).

    Args:
        counts: indexed by label name, whole numbers in the columns `new` and `duplicates`; a
            label without a row has none.
        wanted: texts wanted by label, in the order of the bars from the top.
    """
    names = list(wanted)
    shown = counts.reindex(names, fill_value=0)
    new, duplicates = list(shown["new"]), list(shown["duplicates"])
    missing = [
        max(0, goal - first - again)
        for goal, first, again in zip(wanted.values(), new, duplicates, strict=True)
    ]
    colors = list(label_colors(names).values())
    hatch = {"shape": "/", "fgcolor": "white", "size": 5}
    traces = [
        bars(
            values,
            list(map(escaped, names)),
            name=name,
            marker=marker,
            hovertemplate=f"%{{y}}: %{{x}} {name}<extra></extra>",
        )
        for name, values, marker in (
            ("new", new, {"color": colors}),
            ("duplicate", duplicates, {"color": colors, "pattern": hatch}),
            ("missing", missing, {"color": MISSING_COLOR}),
        )
    ]
    layout = base_layout(
        height=_FRAME_PIXELS + _LABEL_PIXELS * len(names),
        margin={"t": 4, "b": 22},
        barmode="stack",
        bargap=0.35,
        # Without the type, labels called 0 and 1 would be read as numbers.
        yaxis={
            "type": "category",
            "autorange": "reversed",
            "ticksuffix": "  ",
            "fixedrange": True,
        },
        xaxis={"fixedrange": True, "rangemode": "tozero", "zeroline": False},
    )
    return figure_of(traces, layout)


def diversity_meter(
    curve: Curve | None,
    *,
    previous: Curve | None = None,
    target: int | None = None,
    height: int = 110,
) -> "go.Figure":
    """This run's diversity with its band, the previous run's grey behind.

    Args:
        curve: this run's; None before its first texts.
        previous: of an earlier run.
        target: texts wanted, so that the axis stays the same while they arrive.
        height: in pixels.
    """
    color = (curve.color if curve else "") or LABEL_COLORS[0]
    shown = [each for each in (previous, curve) if each is not None]
    traces = [
        trace
        for each in shown
        for trace in curve_traces(each, "" if each is previous else LABEL_COLORS[0], form=".3f")
    ]
    if curve is not None and curve.last:
        at, value = curve.last
        traces.append(scatter([at], [value], marker={"size": 7, "color": color}))
    last = max((each.at[-1] for each in shown if len(each.at)), default=1)
    small = {"size": 11}
    layout = base_layout(
        height=height,
        margin={"l": 34, "r": 10, "t": 6, "b": 20},
        uirevision="meter",
        xaxis=value_axis(
            range=[0, max(last, target or 0)],
            showgrid=False,
            nticks=5,
            tickformat=",d",
            tickfont=small,
        ),
        yaxis=value_axis(
            range=list(score_range(shown)), nticks=3, tickformat=".2f", tickfont=small
        ),
    )
    return figure_of(traces, layout)


def shown_token(text: str) -> str:
    """A token as a person can see it: spaces as dots, line breaks as arrows, no control marks."""
    visible = "".join(
        "·" if char == " " else "⏎" if char in "\r\n" else char if char.isprintable() else "▯"
        for char in text
    )
    return visible[:24] or "(empty)"


def next_token_figure(tokens: Sequence[ListedToken]) -> "go.Figure":
    """Two bars per token: its probability under the model alone, and with the knobs.

    Args:
        tokens: in order from the top.
    """
    # Different tokens may read alike, so places are numbers and the words their names.
    suppressed = [place for place, token in enumerate(tokens) if token.bias < 0]
    other = [place for place, token in enumerate(tokens) if token.bias >= 0]
    names = [
        f"{escaped(shown_token(token.text))}{' ▾' if token.bias < 0 else ''}" for token in tokens
    ]
    hovers = [f"token {token.token}{_bias_text(token.share, token.bias)}" for token in tokens]
    series = [
        ("model alone", "before", grey(0.45), list(range(len(tokens))), 0),
        ("with these knobs", "after", DRAWN, other, 1),
    ]
    if suppressed:
        name = "with these knobs, suppressed ▾"
        series.append((name, "after", SUPPRESSED, suppressed, 1))
    traces = [
        bars(
            [getattr(tokens[row], field) for row in rows],
            rows,
            name=name,
            offsetgroup=group,
            marker={"color": color, "line": {"width": 0}},
            customdata=[[names[row], hovers[row]] for row in rows],
            hovertemplate=f"%{{customdata[0]}}: %{{x:.2%}} {name}<br>%{{customdata[1]}}"
            "<extra></extra>",
        )
        for name, field, color, rows, group in series
    ]
    layout = base_layout(
        height=70 + _TOKEN_PIXELS * max(len(names), 4),
        margin={"l": 110, "b": 40},
        barmode="group",
        bargap=0.28,
        bargroupgap=0.0,
        showlegend=True,
        xaxis=value_axis("Probability of being next", tickformat=".0%", rangemode="tozero"),
        yaxis=category_axis(names, range=None, autorange="reversed", automargin=None),
    )
    return figure_of(traces, layout)


def _bias_text(share: float | None, bias: float) -> str:
    if share is not None:
        return f", {share:.2%} of all tokens so far, bias {bias:.2f}"
    return f", bias {bias:+.2f}" if bias else ""
