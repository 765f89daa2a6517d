"""Figures of a run in progress: texts per label, and the next token's probabilities."""

import html
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from core.figures.theme import (
    LABEL_COLORS,
    MISSING_COLOR,
    grey,
    label_colors,
    quiet_layout,
    value_axis,
)

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


_BAR_PIXELS = 26


_FRAME_PIXELS = 34


def balance_figure(counts: "pd.DataFrame", *, wanted: Mapping[str, int]) -> "go.Figure":
    """Horizontal bars, one a label: new texts, duplicates (hatched), what is missing (pale).

    Args:
        counts: indexed by label name, whole numbers in the columns `new` and `duplicates`; a
            label without a row has none.
        wanted: texts wanted by label, in the order of the bars from the top.
    """
    import plotly.graph_objects as go

    names = list(wanted)
    shown = counts.reindex(names, fill_value=0)
    colors = [label_colors(names)[name] for name in names]
    rows = [html.escape(name) for name in names]
    missing = [
        max(0, goal - new - again)
        for goal, new, again in zip(wanted.values(), shown["new"], shown["duplicates"], strict=True)
    ]
    figure = go.Figure()
    for name, values, marker in (
        ("new", list(shown["new"]), {"color": colors}),
        (
            "duplicate",
            list(shown["duplicates"]),
            {"color": colors, "pattern": {"shape": "/", "fgcolor": "white", "size": 5}},
        ),
        ("missing", missing, {"color": MISSING_COLOR}),
    ):
        figure.add_bar(
            y=rows,
            x=values,
            orientation="h",
            name=name,
            marker=marker,
            hovertemplate=f"%{{y}}: %{{x}} {name}<extra></extra>",
        )
    figure.update_layout(
        barmode="stack",
        bargap=0.35,
        height=_FRAME_PIXELS + _BAR_PIXELS * len(names),
        margin={"l": 0, "r": 8, "t": 4, "b": 22},
        showlegend=False,
        # Without the type, labels called 0 and 1 would be read as numbers.
        yaxis={
            "type": "category",
            "autorange": "reversed",
            "ticksuffix": "  ",
            "fixedrange": True,
        },
        xaxis={"fixedrange": True, "rangemode": "tozero", "zeroline": False},
    )
    return figure


DRAWN, SUPPRESSED = LABEL_COLORS[0], LABEL_COLORS[5]


_ROW = 19


def shown_token(text: str) -> str:
    """A token as a person can see it: spaces as dots, line breaks as arrows, no control marks."""
    seen = "".join(
        "·" if char == " " else "⏎" if char in "\r\n" else char if char.isprintable() else "▯"
        for char in text
    )
    return seen[:24] or "(empty)"


def next_token_figure(tokens: Mapping[str, Sequence[Any]]) -> "go.Figure":
    """Two bars a token: grey for the model alone, in colour for what is drawn from.

    Args:
        tokens: lists of equal length: `token`, `text`, `before`, `after` (0 to 1), `bias`, `share`
            (of the tally, None where it is not suppressed); in the order to be drawn, from above.
    """
    import plotly.graph_objects as go

    count = len(tokens["token"])
    # Different tokens may read alike, so places are numbers and the words their names.
    places = list(range(count))
    down = [bias < 0 for bias in tokens["bias"]]
    names = [
        f"{escape(shown_token(text), quote=False)}{' ▾' if suppressed else ''}"
        for text, suppressed in zip(tokens["text"], down, strict=True)
    ]
    hovers = [
        f"token {token}{_tally(share, bias)}"
        for token, share, bias in zip(tokens["token"], tokens["share"], tokens["bias"], strict=True)
    ]
    figure = go.Figure()
    other = [place for place in places if not down[place]]
    series = [("the model alone", "before", grey(0.45), places, 0)]
    series.append(("with these knobs", "after", DRAWN, other, 1))
    if any(down):
        held = [place for place in places if down[place]]
        series.append(("with these knobs, suppressed ▾", "after", SUPPRESSED, held, 1))
    for name, column, color, rows, group in series:
        figure.add_bar(
            x=[tokens[column][row] for row in rows],
            y=rows,
            orientation="h",
            name=name,
            offsetgroup=group,
            marker={"color": color, "line": {"width": 0}},
            customdata=[[names[row], hovers[row]] for row in rows],
            hovertemplate=f"%{{customdata[0]}}: %{{x:.2%}} {name}<br>%{{customdata[1]}}"
            "<extra></extra>",
        )
    figure.update_layout(quiet_layout(height=70 + _ROW * max(count, 4), left=110, bottom=40))
    figure.update_layout(
        barmode="group",
        bargap=0.28,
        bargroupgap=0.0,
        dragmode=False,
        xaxis=value_axis("probability of being next", tickformat=".0%", rangemode="tozero"),
        yaxis={
            "tickmode": "array",
            "tickvals": places,
            "ticktext": names,
            "autorange": "reversed",
            "fixedrange": True,
            "showgrid": False,
            "zeroline": False,
        },
    )
    return figure


def _tally(share: float | None, bias: float) -> str:
    if share is not None:
        return f", {share:.2%} of all tokens so far, bias {bias:.2f}"
    return f", bias {bias:+.2f}" if bias else ""
