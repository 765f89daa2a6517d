"""A metric over two knobs, and all knobs at once."""

from collections.abc import Sequence
from functools import partial

import pandas as pd
import streamlit as st

from core.analysis.frames.columns import KNOBS
from core.domain.registries.stages import RAW
from core.figures.compare.columns import knob_values, numbers, varying_knobs
from core.figures.compare.grid_heatmap import MAX_FACETS, grid_heatmap
from core.figures.compare.parallel import parallel_figure
from pages.components.compare.comparison import (
    WIDTH,
    Comparison,
    at,
    basis,
    choose_one,
    choose_part,
    column_title,
    measured,
    names_of,
    several_tasks,
    show_mixtures,
    stages_of,
)
from pages.components.compare.point import (
    ClickedMark,
    cells,
    choose_clicked,
    choose_point,
    choose_row,
    clicked,
    metric_column,
    show_point,
)
from pages.components.shell import AppContext, escape_markdown, show_errors

_FACETED_UP_TO = 36  # cells
_GRID, _LINES = "knobs_grid", "knobs_lines"
_CELL = "compare_cell"
"""Session key of the points that share the cell clicked last."""


_choose = partial(choose_one, width=WIDTH - 20)


@st.fragment
def show_knobs(app: AppContext, comparison: Comparison) -> None:
    """Draw the grid, the lines, and what is chosen on them."""
    with show_errors():
        with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
            part = choose_part(comparison)
            metrics = measured(part)
            metric = _choose("Metric", metrics, key="knobs_metric", default=metrics[-1])
            stages = stages_of(part)
            stage = _choose("Repair", list(stages), key="knobs_stage", words=stages)
            knobs = varying_knobs(at(part, RAW), KNOBS)
            x = _choose("X axis", _padded(knobs), key="knobs_x")
            others = [knob for knob in _padded(knobs) if knob != x]
            y = _choose("Y axis", others, key="knobs_y")
            small = len(knob_values(part, x)) * len(knob_values(part, y)) <= _FACETED_UP_TO
            rest = [knob for knob in knobs if knob not in (x, y)]
            facet = _choose_facet(part, rest, by_default=small)
        show_mixtures(part)
        rows = at(part, stage)
        inspected, _, filtered = stage.partition("-")
        st.markdown(f"**{column_title(metric)} over two knobs**")
        st.plotly_chart(
            grid_heatmap(
                part,
                metric=metric,
                x=x,
                y=y,
                facet=facet,
                inspected=inspected,
                filtered=bool(filtered),
            ),
            key=_GRID,
            on_select=partial(_choose_cell, rows, metric, (x, y, facet)),
            selection_mode="points",
            config={"displayModeBar": False},
            alt=f"{column_title(metric)} over {column_title(x)} and {column_title(y)}; the Table "
            "tab has the same numbers",
        )
        st.caption(f"{basis(rows)} Click a cell to see its conditions and runs.")
        _show_cell(part)
        st.markdown("**All knobs at once** :small[:gray[one line per condition]]")
        st.plotly_chart(
            parallel_figure(part, color=metric, inspected=inspected, filtered=bool(filtered)),
            key=_LINES,
            on_select=partial(choose_clicked, part, _LINES),
            selection_mode="points",
            config={"displayModeBar": False},
            alt="Each condition as a line through its knobs and metrics; the Table tab has the "
            "same numbers",
        )
        st.caption("Click a mark on a metric's axis to see its runs.")
        with st.container(border=True):
            show_point(comparison, part)


def _padded(knobs: Sequence[str]) -> list[str]:
    """At least two knobs: those that vary first."""
    return [*knobs, *(knob for knob in KNOBS if knob not in knobs)][: max(2, len(knobs))]


def _choose_facet(part: pd.DataFrame, knobs: Sequence[str], *, by_default: bool) -> str | None:
    options = ["", *(["task"] if several_tasks(part) else []), *knobs]
    if len(options) == 1:
        return None
    default = options[1 if by_default else 0]
    return _choose("One panel per", options, key="knobs_facet", default=default) or None


def _choose_cell(rows: pd.DataFrame, metric: str, axes: tuple[str, str, str | None]) -> None:
    """A cell of one condition chooses it; one of several lists them."""
    mark = clicked(_GRID)
    if mark is None:
        return
    shared = [] if mark.key else cell_of(rows, metric, axes, mark)["point"].tolist()
    st.session_state[_CELL] = shared
    choose_point(rows, mark.key)


def cell_of(
    rows: pd.DataFrame, metric: str, axes: tuple[str, str, str | None], mark: ClickedMark
) -> pd.DataFrame:
    """The rows that share the clicked cell of the grid.

    Args:
        rows: of one stage.
        metric: on view; rows without it are in no cell.
        axes: the knobs of X and Y axis, and what has one panel per value.
        mark: its place is of knob values, from 0; a panel has two traces.
    """
    x, y, facet = axes
    rows = rows[pd.Series(numbers(rows, metric), index=rows.index).notna()]
    columns, lines = knob_values(rows, x), knob_values(rows, y)
    column, line = int(mark.x), int(mark.y)
    mine = (rows[x] == columns[column]) & (rows[y] == lines[line])
    if facet is not None:
        parts = knob_values(rows, facet)[:MAX_FACETS]
        mine &= rows[facet] == parts[mark.curve // 2]
    return rows[mine]


def _show_cell(part: pd.DataFrame) -> None:
    """Draw the conditions that share a cell, to choose one."""
    keys = st.session_state.get(_CELL) or []
    rows = part[part["point"].isin(keys)]
    if len(rows) < 2:
        return
    names = names_of(part)
    metrics = measured(rows)
    frame = pd.DataFrame({"condition": [names[condition] for condition in rows["condition"]]})
    for metric in metrics:
        frame[metric] = cells(rows, metric)
    st.markdown(f"**{len(rows):,} conditions share the cell** :small[:gray[select one]]")
    st.dataframe(
        frame,
        hide_index=True,
        height="content" if len(rows) <= 8 else 320,
        column_config={
            "condition": st.column_config.TextColumn("Condition", width=330),
            **{metric: metric_column(metric) for metric in metrics},
        },
        on_select=partial(choose_row, part, tuple(rows["point"]), "compare_cell_rows"),
        selection_mode="single-row",
        key="compare_cell_rows",
        alt=escape_markdown("The conditions of the cell and their numbers"),
    )
