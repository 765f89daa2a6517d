"""A metric over two knobs, and all knobs at once."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from core.analysis.frames.columns import KNOBS
from core.domain.registries.stages import RAW
from core.figures.compare.columns import knob_values, numbers, varying_knobs
from core.figures.compare.grid_heatmap import MAX_FACETS, grid_heatmap
from core.figures.compare.parallel import parallel_figure
from pages.components.compare.comparison import Comparison, column_title
from pages.components.compare.part import (
    WIDTH,
    at,
    basis,
    choose_part,
    measured,
    names_of,
    several_tasks,
    show_mixtures,
    stages_of,
)
from pages.components.compare.point import (
    cells,
    choose_point,
    chosen_by,
    clicked,
    key_of,
    metric_column,
    show_point,
)
from pages.components.shell import AppContext, escape_markdown, show_errors

_FACETED_UP_TO = 36  # cells
_GRID, _LINES = "knobs_grid", "knobs_lines"
_CELL = "compare_cell"
"""Session key of the points that share the cell clicked last."""


@st.fragment
def show_knobs(app: AppContext, comparison: Comparison) -> None:
    """Draw the grid, the lines, and what is chosen on them."""
    with show_errors():
        with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
            part = choose_part(comparison)
            metrics = measured(part)
            metric = _choose("Metric", metrics, "knobs_metric")
            stages = stages_of(part)
            stage = _choose("Repair", list(stages), "knobs_stage", words=stages)
            knobs = varying_knobs(at(part, RAW), KNOBS)
            x = _choose("X axis", _padded(knobs), "knobs_x")
            others = [knob for knob in _padded(knobs) if knob != x]
            y = _choose("Y axis", others, "knobs_y")
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
            on_select=chosen_by(part, _LINES),
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


def _choose(
    label: str, options: Sequence[str], key: str, words: dict[str, str] | None = None
) -> str:
    if st.session_state.get(key) not in options:
        st.session_state[key] = options[-1] if key == "knobs_metric" else options[0]
    return str(
        st.selectbox(
            label,
            options,
            format_func=column_title if words is None else words.__getitem__,
            key=key,
            persist_state="session",
            width=WIDTH - 20,
        )
    )


def _choose_facet(part: pd.DataFrame, knobs: Sequence[str], *, by_default: bool) -> str | None:
    options = ["", *(["task"] if several_tasks(part) else []), *knobs]
    if len(options) == 1:
        return None
    if st.session_state.get("knobs_facet") not in options:
        st.session_state["knobs_facet"] = options[1 if by_default else 0]
    chosen = st.selectbox(
        "One panel per",
        options,
        format_func=column_title,
        key="knobs_facet",
        persist_state="session",
        width=WIDTH - 20,
    )
    return chosen or None


def _choose_cell(rows: pd.DataFrame, metric: str, axes: tuple[str, str, str | None]) -> None:
    """A cell of one condition chooses it; one of several lists them."""
    point = clicked(_GRID)
    if point is None:
        return
    key = key_of(point)
    if key:
        st.session_state[_CELL] = []
        choose_point(rows, key)
        return
    shared = cell_of(rows, metric, axes, point)
    st.session_state[_CELL] = [str(key) for key in shared["point"]]


def cell_of(
    rows: pd.DataFrame, metric: str, axes: tuple[str, str, str | None], point: dict[str, Any]
) -> pd.DataFrame:
    """The rows that share the clicked cell of the grid.

    Args:
        rows: of one stage.
        metric: on view; rows without it are in no cell.
        axes: the knobs of X and Y axis, and what has one panel per value.
        point: of plotly, its place by `x` and `y`, its trace by `curve_number`: two per panel.
    """
    x, y, facet = axes
    rows = rows[pd.Series(numbers(rows, metric), index=rows.index).notna()]
    columns, lines = knob_values(rows, x), knob_values(rows, y)
    column, line = int(point["x"]), int(point["y"])
    mine = (rows[x] == columns[column]) & (rows[y] == lines[line])
    if facet is not None:
        parts = knob_values(rows, facet)[:MAX_FACETS]
        mine &= rows[facet] == parts[int(point["curve_number"]) // 2]
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
        on_select=partial(_choose_row, part, tuple(rows["point"])),
        selection_mode="single-row",
        key="compare_cell_rows",
        alt=escape_markdown("The conditions of the cell and their numbers"),
    )


def _choose_row(part: pd.DataFrame, keys: Sequence[str]) -> None:
    rows = st.session_state["compare_cell_rows"]["selection"]["rows"]
    if rows:
        choose_point(part, str(keys[rows[0]]))
