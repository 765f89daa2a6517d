"""The grid: a metric over two knobs, its values written in the cells."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from core.domain.registries.stages import RAW
from core.figures.compare.columns import (
    ALL_KNOBS,
    at_stage,
    axis_title,
    caveats,
    column_name,
    group_name,
    hovers,
    is_paper,
    is_share,
    knob_values,
    knob_words,
    mean_hover,
    numbers,
    pooled_knobs,
    value_words,
)
from core.figures.elements import Numbers, PanelGrid, Trace, cell_traces
from core.figures.theme import (
    base_layout,
    category_axis,
    empty_figure,
    figure_of,
    footnote,
    shortened,
)

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

MAX_FACETS = 12
_CELL_PIXELS = 40
_MIN_PANEL = 88  # pixels, as long as a knob's name
_TEXT_UP_TO = 20  # columns in all of a row's panels
_DECIMALS_UP_TO = 12  # columns, beyond which percent go without decimals


def grid_heatmap(
    points: "pd.DataFrame",
    *,
    metric: str = "diversity",
    x: str = "temperature",
    y: str = "suppression",
    facet: str | None = None,
    inspected: str = RAW,
    filtered: bool = False,
) -> "go.Figure":
    """Cells shaded by the mean of their conditions, all panels on one scale.

    A cell's customdata is `point`, "" where several conditions share it. Ours only: the paper's
    rows are left out.

    Args:
        points: a points frame.
        metric: what is shown.
        x: a knob.
        y: another.
        facet: a third, or "task": a panel for each of its first 12 values.
        inspected: the stage of repair.
        filtered: the same.
    """
    rows = at_stage(points, inspected, filtered=filtered)
    keep = ~is_paper(rows) & np.isfinite(numbers(rows, metric))
    rows = rows[keep & (rows[x].notna() & rows[y].notna()).to_numpy(np.bool_)]
    if not len(rows):
        return empty_figure(f"No condition has {column_name(metric)} at this stage yet.")
    columns, lines = knob_values(rows, x), knob_values(rows, y)
    values = numbers(rows, metric)
    if len(columns) == len(lines) == 1:
        mean = value_words(metric, float(values.mean()))
        pair = f"{axis_title(x)} and {column_name(y)}"
        return empty_figure(f"{pair} have one value each: {column_name(metric)} {mean}.")
    parts = knob_values(rows, facet)[:MAX_FACETS] if facet else [None]
    bounds = float(values.min()), float(values.max())
    in_a_row = max(1, min(len(parts), 12 // max(3, len(columns)), 4))
    grid = PanelGrid(
        -(-len(parts) // in_a_row),
        in_a_row,
        panel=max(_MIN_PANEL, _CELL_PIXELS * len(lines)),
        head=30 if facet else 8,
        gap=0.03,
    )
    pooled = pooled_knobs(rows, (x, y, *([facet] if facet else [])), ("task", *ALL_KNOBS))
    notes = caveats(rows, [metric], pooled=pooled, of="Cells")
    layout = base_layout(
        height=grid.height + 56 + 17 * len(notes),
        margin={"t": 4, "b": 48 + 17 * len(notes)},
        # Anywhere in a cell is near enough.
        hoverdistance=100,
    )
    annotations = [footnote(notes, below=46)] if notes else []
    form = _text_form(metric, in_a_row * len(columns))
    traces: list[Trace] = []
    for place, part in enumerate(parts):
        own = rows if facet is None else rows[rows[facet] == part]
        panel = _Cells.of(own, metric, (x, columns), (y, lines)).traces(bounds, form)
        traces += [trace | grid.axes(place) for trace in panel]
        end = grid.end(place)
        across, up = grid.domains(place)
        first, last = place % in_a_row == 0, place + in_a_row >= len(parts)
        x_place = {"domain": across, "anchor": f"y{end}"}
        y_place = {"domain": up, "anchor": f"x{end}", "showticklabels": first}
        layout[f"xaxis{end}"] = _axis(x, columns, titled=last, **x_place)
        layout[f"yaxis{end}"] = _axis(y, lines, titled=first, **y_place)
        if facet is not None:
            annotations.append(grid.name(place, knob_words(facet, part)))
    return figure_of(traces, {**layout, "annotations": annotations})


@dataclass(frozen=True)
class _Cells:
    """Cells of one panel, each a list of rows from the first line on.

    Args:
        means: float64 (lines, columns), NaN for an empty cell.
        keys: the point of a cell with one condition; "" elsewhere.
        hovers: escaped.
    """

    means: Numbers
    keys: list[list[str]]
    hovers: list[list[str]]

    @classmethod
    def of(
        cls, rows: "pd.DataFrame", metric: str, x: tuple[str, list[Any]], y: tuple[str, list[Any]]
    ) -> "_Cells":
        """The cells of some rows; x and y are a knob and its values each."""
        members: dict[tuple[Any, Any], list[int]] = {}
        for row, cell in enumerate(zip(rows[y[0]], rows[x[0]], strict=True)):
            members.setdefault(cell, []).append(row)
        values, points = numbers(rows, metric), rows["point"].tolist()
        texts = hovers(rows, [metric])
        means = np.full((len(y[1]), len(x[1])), np.nan)
        keys = [[""] * len(x[1]) for _ in y[1]]
        words = [[""] * len(x[1]) for _ in y[1]]
        for (y_value, x_value), own in members.items():
            line, column = y[1].index(y_value), x[1].index(x_value)
            means[line, column] = float(values[own].mean())
            if len(own) == 1:
                keys[line][column], words[line][column] = str(points[own[0]]), texts[own[0]]
            else:
                name = group_name((x[0], y[0]), (x_value, y_value))
                words[line][column] = mean_hover(name, metric, values[own])
        return cls(means, keys, words)

    def traces(self, bounds: tuple[float, float], form: str) -> list[Trace]:
        """Shaded cells with their means written in them, unless the form is ""."""
        texts = [
            [f"{mean:{form}}" if form and mean == mean else "" for mean in line]
            for line in self.means.tolist()
        ]
        more: dict[str, Any] = {"texts": texts, "hovers": self.hovers, "keys": self.keys}
        return cell_traces(self.means, bounds=bounds, pixels=_CELL_PIXELS - 6, **more)


def _text_form(metric: str, columns: int) -> str:
    """How cells' values are written; empty where there is no room."""
    if columns > _TEXT_UP_TO:
        return ""
    if is_share(metric):
        return ".1%" if columns <= _DECIMALS_UP_TO else ".0%"
    return ".3f"


def _axis(knob: str, values: list[Any], *, titled: bool, **more: Any) -> dict[str, object]:
    names = [shortened(value, 18) if isinstance(value, str) else f"{value:g}" for value in values]
    title = {"text": axis_title(knob) if titled else "", "font": {"size": 12}}
    return category_axis([f"{name} " for name in names], down=False, title=title, **more)
