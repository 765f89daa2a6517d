"""What each knob does: a metric over two of them, and all of them at once."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from core.analysis.frames.columns import KNOBS
from core.analysis.naming import TITLES
from core.figures.compare.columns import knob_values, numbers, varying_knobs
from core.figures.compare.grid_heatmap import MAX_FACETS, grid_heatmap
from core.figures.compare.parallel import parallel_figure
from pages.components.compare.choice import METRIC_WORDS
from pages.components.compare.comparison import Comparison
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
"""In the session's state: keys of the points that share the cell which was clicked last."""


@st.fragment
def show_knobs(app: AppContext, seen: Comparison) -> None:
    """Draw the grid, the lines, and what is chosen on them."""
    with show_errors():
        with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
            part = choose_part(seen)
            metrics = measured(part)
            metric = _choose("Metric", metrics, "knobs_metric")
            stages = stages_of(part)
            stage = _choose("Repair", list(stages), "knobs_stage", words=stages)
            knobs = varying_knobs(at(part, "0"), KNOBS)
            x = _choose("Across", _padded(knobs), "knobs_x")
            others = [one for one in _padded(knobs) if one != x]
            y = _choose("Upwards", others, "knobs_y")
            small = len(knob_values(part, x)) * len(knob_values(part, y)) <= _FACETED_UP_TO
            facet = _choose_facet(part, [one for one in knobs if one not in (x, y)], usual=small)
        show_mixtures(part)
        rows = at(part, stage)
        inspected, _, filtered = stage.partition("-")
        st.markdown(f"**{METRIC_WORDS[metric]} over two knobs**")
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
            alt=f"{METRIC_WORDS[metric]} over {TITLES[x]} and {TITLES[y]}; the tab Table tells the "
            "same",
        )
        st.caption(f"{basis(rows)} Click a cell to see its conditions and runs.")
        _show_cell(part)
        st.markdown("**All knobs at once** :small[:gray[a line a condition]]")
        st.plotly_chart(
            parallel_figure(part, color=metric, inspected=inspected, filtered=bool(filtered)),
            key=_LINES,
            on_select=chosen_by(part, _LINES),
            selection_mode="points",
            config={"displayModeBar": False},
            alt="Each condition a line through its knobs and its metrics; the tab Table tells the "
            "same",
        )
        st.caption("Click a mark on a metric's axis to see its runs.")
        with st.container(border=True):
            show_point(seen, part)


def _padded(knobs: Sequence[str]) -> list[str]:
    """At least two knobs: those that differ first."""
    return [*knobs, *(one for one in KNOBS if one not in knobs)][: max(2, len(knobs))]


def _choose(
    label: str, options: Sequence[str], key: str, words: dict[str, str] | None = None
) -> str:
    if st.session_state.get(key) not in options:
        st.session_state[key] = options[-1] if key == "knobs_metric" else options[0]
    return str(
        st.selectbox(
            label,
            options,
            format_func=lambda one: (words or _WORDS).get(one, one),
            key=key,
            persist_state="session",
            width=WIDTH - 20,
        )
    )


def _choose_facet(part: pd.DataFrame, knobs: Sequence[str], *, usual: bool) -> str | None:
    options = ["", *(["task"] if several_tasks(part) else []), *knobs]
    if len(options) == 1:
        return None
    if st.session_state.get("knobs_facet") not in options:
        st.session_state["knobs_facet"] = options[1 if usual else 0]
    chosen = st.selectbox(
        "A panel for each",
        options,
        format_func=lambda one: _WORDS.get(one, one),
        key="knobs_facet",
        persist_state="session",
        width=WIDTH - 20,
    )
    return chosen or None


_WORDS = {
    **{knob: TITLES.get(knob, knob).capitalize() for knob in KNOBS},
    "min_p": "min_p",
    "suppression": "Suppression",
    **METRIC_WORDS,
    "": "None",
    "task": "Task",
}


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
    found = cell_of(rows, metric, axes, point)
    st.session_state[_CELL] = [str(one) for one in found["point"]]


def cell_of(
    rows: pd.DataFrame, metric: str, axes: tuple[str, str, str | None], point: dict[str, Any]
) -> pd.DataFrame:
    """The rows that share the cell of the grid which plotly tells of.

    Args:
        rows: of one stage.
        metric: on view; rows without it are in no cell.
        axes: the knobs across and up, and what has a panel for each value.
        point: its place by `x`, `y`, and its trace by `curve_number`: every panel has two.
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
    """The conditions that share a cell, to choose one of."""
    keys = st.session_state.get(_CELL) or []
    rows = part[part["point"].isin(keys)]
    if len(rows) < 2:
        return
    names = names_of(part)
    metrics = measured(rows)
    frame = pd.DataFrame({"condition": [names[one] for one in rows["condition"]]})
    for metric in metrics:
        frame[metric] = cells(rows, metric)
    st.markdown(f"**{len(rows):,} conditions share the cell** :small[:gray[choose one]]")
    st.dataframe(
        frame,
        hide_index=True,
        height="content" if len(rows) <= 8 else 320,
        column_config={
            "condition": st.column_config.TextColumn("Condition", width=330),
            **{one: metric_column(one) for one in metrics},
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
