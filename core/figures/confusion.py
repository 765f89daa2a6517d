"""Confusion: specified label against judged label, or true against predicted."""

from typing import TYPE_CHECKING

import numpy as np

from core.figures.palette import LABEL_COLORS
from core.figures.style import page_text, quiet_layout, see_through
from core.figures.words import escaped, shortened

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

_MOST_ALPHA = 0.75  # above, the page's text would no longer be read on it
_WORDS_UP_TO = 9  # labels, beyond which a cell has no room for its share


def confusion_figure(
    matrix: "pd.DataFrame", *, rows: str = "specified", columns: str = "judged"
) -> "go.Figure":
    """Counts in cells, shaded by their share of the row.

    A cell is a point with customdata [row label, column label], so that a click opens the texts
    behind it: a heatmap's own cells can't be selected.

    Args:
        matrix: whole numbers, indexed by the row labels, columns named by the column labels.
        rows: what a row is.
        columns: what a column is.
    """
    import plotly.graph_objects as go

    counts = matrix.to_numpy(np.int64)
    down, across = ([str(name) for name in names] for names in (matrix.index, matrix.columns))
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros(counts.shape), where=totals > 0)
    color = LABEL_COLORS[0]
    cells = [(row, column) for row in range(len(down)) for column in range(len(across))]
    wordy = len(across) <= _WORDS_UP_TO
    cell = 46 if wordy else 30
    figure = go.Figure()
    figure.add_heatmap(
        z=shares,
        x=list(range(len(across))),
        y=list(range(len(down))),
        zmin=0,
        zmax=1,
        colorscale=[[0, see_through(color, 0.03)], [1, see_through(color, _MOST_ALPHA)]],
        showscale=False,
        xgap=2,
        ygap=2,
        # Here and not with the points, whose words would pale when a cell is chosen.
        text=[
            [
                _words(counts[row, column], shares[row, column], wordy=wordy)
                for column in range(len(across))
            ]
            for row in range(len(down))
        ],
        texttemplate="%{text}",
        textfont={"size": 12 if wordy else 10},
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=[column for _, column in cells],
        y=[row for row, _ in cells],
        customdata=[[down[row], across[column]] for row, column in cells],
        mode="markers",
        # Unseen, yet there to be clicked and hovered.
        marker={"symbol": "square", "size": cell - 4, "opacity": 0},
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}},
        hovertext=[
            f"{rows} {escaped(down[row])}<br>{columns} {escaped(across[column])}"
            f"<br>{counts[row, column]:,} texts, {shares[row, column]:.1%} of the row"
            for row, column in cells
        ],
        hoverinfo="text",
    )
    figure.update_layout(quiet_layout(height=cell * len(down) + 110, top=70))
    axis = {"showgrid": False, "zeroline": False, "fixedrange": True, "automargin": True}
    figure.update_layout(
        showlegend=False,
        hovermode="closest",
        dragmode=False,
        xaxis={
            **axis,
            "side": "top",
            "title": {"text": columns},
            "tickmode": "array",
            "tickvals": list(range(len(across))),
            "ticktext": [shortened(name, 20) for name in across],
            "range": [-0.5, len(across) - 0.5],
        },
        yaxis={
            **axis,
            "title": {"text": rows},
            "tickmode": "array",
            "tickvals": list(range(len(down))),
            "ticktext": [f"{shortened(name, 20)} " for name in down],
            "range": [len(down) - 0.5, -0.5],
        },
    )
    return figure


def _words(count: int, share: float, *, wordy: bool) -> str:
    if not count:
        return ""
    return page_text(f"{count:,}<br>{share:.0%}" if wordy else f"{count:,}")
