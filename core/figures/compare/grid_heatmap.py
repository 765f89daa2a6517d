"""The grid: a metric over two knobs, its values written in the cells."""

from typing import TYPE_CHECKING, Any

import numpy as np

from core.figures.compare.columns import (
    KNOBS,
    PAPER,
    at_stage,
    hovers,
    is_share,
    knob_told,
    knob_values,
    numbers,
    pooled,
    title,
    told,
    unlike,
)
from core.figures.elements import Facets, Numbers, Trace
from core.figures.theme import (
    LABEL_COLORS,
    footnote,
    page_text,
    quiet_layout,
    see_through,
    sentence_figure,
    shortened,
)

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


MOST_FACETS = 12


_MOST_ALPHA = 0.75  # above, the page's text would no longer be read on it


_CELL = 40  # pixels up


_LEAST_PANEL = 88  # pixels, as long as a knob's name


_WRITTEN_UP_TO = 20  # columns in all of a row's panels


_LONG_UP_TO = 12  # columns, beyond which percent go without decimals


def grid_heatmap(
    points: "pd.DataFrame",
    *,
    metric: str = "diversity",
    x: str = "temperature",
    y: str = "suppression",
    facet: str | None = None,
    inspected: str = "0",
    filtered: bool = False,
) -> "go.Figure":
    """Cells shaded by the mean of their conditions, all panels on one scale.

    A cell is a point, too, so that a click opens it: its customdata is `point`, "" where several
    conditions share it. Ours only: the paper's rows are left out.

    Args:
        points: a points frame.
        metric: what is shown.
        x: a knob.
        y: another.
        facet: a third, or "task": a panel for each of its first 12 values.
        inspected: the stage of repair.
        filtered: the same.
    """
    import plotly.graph_objects as go

    rows = at_stage(points, inspected, filtered=filtered)
    keep = (rows["source"] != PAPER).to_numpy(np.bool_) & np.isfinite(numbers(rows, metric))
    keep &= (rows[x].notna() & rows[y].notna()).to_numpy(np.bool_)
    rows = rows[keep]
    columns, lines = knob_values(rows, x), knob_values(rows, y)
    if not len(rows):
        return sentence_figure(f"No condition has {title(metric)} at this stage yet.")
    if len(columns) == len(lines) == 1:
        one = f"{told(metric, float(numbers(rows, metric).mean()))}"
        return sentence_figure(
            f"{title(x).capitalize()} and {title(y)} have one value each: {title(metric)} {one}."
        )
    parts = knob_values(rows, facet)[:MOST_FACETS] if facet else [None]
    values = numbers(rows, metric)
    bounds = float(values.min()), float(values.max())
    in_a_row = max(1, min(len(parts), 12 // max(3, len(columns)), 4))
    facets = Facets(
        -(-len(parts) // in_a_row),
        in_a_row,
        panel=max(_LEAST_PANEL, _CELL * len(lines)),
        head=30 if facet else 8,
        gap=0.03,
    )
    traces: list[Trace] = []
    said = _said(rows, metric, (x, y, *([facet] if facet else [])))
    notes: list[dict[str, Any]] = [footnote(said, below=46)] if said else []
    layout: dict[str, Any] = quiet_layout(
        height=facets.height + 56 + 17 * len(said), top=4, bottom=48 + 17 * len(said)
    )
    for place, part in enumerate(parts):
        own = rows if facet is None else rows[rows[facet] == part]
        means, keys, words = _cells(own, metric, (x, columns), (y, lines))
        axes, end = facets.axes(place), facets.end(place)
        written = in_a_row * len(columns) <= _WRITTEN_UP_TO
        short = in_a_row * len(columns) > _LONG_UP_TO
        traces += [
            _shades(means, bounds, metric, written=written, short=short) | axes,
            _targets(means, keys, words, size=_CELL - 6) | axes,
        ]
        across, up = facets.domains(place)
        layout[f"xaxis{end}"] = _axis(x, columns, domain=across, anchor=f"y{end}") | (
            {} if place + in_a_row >= len(parts) else {"title": {"text": ""}}
        )
        layout[f"yaxis{end}"] = _axis(y, lines, domain=up, anchor=f"x{end}") | (
            {"title": {"text": ""}, "showticklabels": False} if place % in_a_row else {}
        )
        if facet is not None:
            name = knob_told(facet, part) if facet != "task" else shortened(str(part))
            notes.append(facets.name(place, name))
    layout |= {
        "showlegend": False,
        "hovermode": "closest",
        "dragmode": False,
        # Anywhere in a cell is near enough.
        "hoverdistance": 100,
        "annotations": notes,
    }
    return go.Figure(traces, layout)


def _cells(
    rows: "pd.DataFrame", metric: str, x: tuple[str, list[Any]], y: tuple[str, list[Any]]
) -> tuple[Numbers, list[list[str]], list[list[str]]]:
    """Means of shape (lines, columns), NaN for an empty cell; keys and hovers of each."""
    shape = len(y[1]), len(x[1])
    found: list[list[list[int]]] = [[[] for _ in range(shape[1])] for _ in range(shape[0])]
    at_column = {value: place for place, value in enumerate(x[1])}
    at_line = {value: place for place, value in enumerate(y[1])}
    for row, (column, line) in enumerate(zip(rows[x[0]], rows[y[0]], strict=True)):
        found[at_line[line]][at_column[column]].append(row)
    values, points = numbers(rows, metric), rows["point"].tolist()
    lines = hovers(rows, [metric])
    means = np.full(shape, np.nan)
    keys = [[""] * shape[1] for _ in range(shape[0])]
    words = [[""] * shape[1] for _ in range(shape[0])]
    for line, parts in enumerate(found):
        for column, own in enumerate(parts):
            if own:
                mean = float(values[own].mean())
                means[line, column] = mean
                keys[line][column] = str(points[own[0]]) if len(own) == 1 else ""
                words[line][column] = (
                    lines[own[0]]
                    if len(own) == 1
                    else (
                        f"{knob_told(x[0], x[1][column])}, {knob_told(y[0], y[1][line])}"
                        f"<br>mean of {len(own):,} conditions: <b>{told(metric, mean)}</b>"
                        f" ({told(metric, float(values[own].min()))}"
                        f" to {told(metric, float(values[own].max()))})"
                    )
                )
    return means, keys, words


def _shades(
    means: Numbers, bounds: tuple[float, float], metric: str, *, written: bool, short: bool
) -> Trace:
    low, high = bounds
    flat = high <= low
    color = LABEL_COLORS[0]
    rounded = short and is_share(metric)
    text = [
        [
            page_text(f"{value:.0%}" if rounded else told(metric, value))
            if written and value == value
            else ""
            for value in line
        ]
        for line in means.tolist()
    ]
    return {
        "type": "heatmap",
        "z": means,
        "x": list(range(means.shape[1])),
        "y": list(range(means.shape[0])),
        "zmin": low - 0.5 if flat else low,
        "zmax": high + 0.5 if flat else high,
        "colorscale": [[0, see_through(color, 0.05)], [1, see_through(color, _MOST_ALPHA)]],
        "showscale": False,
        "xgap": 2,
        "ygap": 2,
        "text": text,
        "texttemplate": "%{text}",
        "textfont": {"size": 12},
        "hoverinfo": "skip",
        "hoverongaps": False,
    }


def _targets(means: Numbers, keys: list[list[str]], words: list[list[str]], *, size: int) -> Trace:
    """Unseen points to hover and click, as a heatmap's own cells can't be selected."""
    filled = [(int(line), int(column)) for line, column in np.argwhere(np.isfinite(means))]
    unseen = {"marker": {"opacity": 0}}
    return {
        "type": "scatter",
        "x": [column for _, column in filled],
        "y": [line for line, _ in filled],
        "customdata": [keys[line][column] for line, column in filled],
        "hovertext": [words[line][column] for line, column in filled],
        "hoverinfo": "text",
        "mode": "markers",
        "marker": {"symbol": "square", "size": size, "opacity": 0},
        "selected": unseen,
        "unselected": unseen,
        "showlegend": False,
    }


def _axis(knob: str, values: list[Any], **more: Any) -> dict[str, Any]:
    short = [shortened(one, 18) if isinstance(one, str) else f"{one:g}" for one in values]
    return {
        "title": {"text": title(knob), "font": {"size": 12}},
        "tickmode": "array",
        "tickvals": list(range(len(values))),
        "ticktext": [f"{one} " for one in short],
        "range": [-0.5, len(values) - 0.5],
        "showgrid": False,
        "zeroline": False,
        "fixedrange": True,
        "automargin": True,
        **more,
    }


def _said(rows: "pd.DataFrame", metric: str, told_by: tuple[str, ...]) -> list[str]:
    said = []
    among = pooled(rows, told_by, ("task", *KNOBS, "other"))
    if among:
        said.append(f"Cells are means over {', '.join(map(title, among))}.")
    alike = unlike(rows, [metric])
    return [*said, *([alike] if alike else [])]
