"""Balance: how many texts each label has, and how many of them are new."""

import html
from collections.abc import Mapping
from typing import TYPE_CHECKING

from core.figures.palette import MISSING_COLOR, label_colors

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
