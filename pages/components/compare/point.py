"""One point: its numbers at a stage of repair, its runs, and links to their pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from core.analysis.frames.columns import METRICS
from core.domain.registries.metrics import COLUMN
from core.domain.registries.stages import RAW
from core.domain.wording import capitalized, counted, listed
from pages.components.compare.comparison import (
    Comparison,
    choose_one,
    names_of,
    stage_of,
    stages_of,
)
from pages.components.shell import escape_markdown

CONDITION = "compare_condition"
STAGE = "compare_stage"
PAIR = "compare_points"
"""Session key of the points whose texts are read side by side, 0 to 2."""
OPEN = "compare_open"
"""Session key of the tab to open when the whole page is drawn next."""

_PAGES = (
    ("pages/generate.py", "Open run", ":material/edit_note:"),
    ("pages/explore.py", "Explore", ":material/scatter_plot:"),
    ("pages/intervene.py", "Intervene", ":material/healing:"),
)


def choose_point(points: pd.DataFrame, key: str) -> None:
    """Choose the point of that key; an unknown key changes nothing."""
    rows = points[points["point"] == key]
    if len(rows):
        st.session_state[CONDITION] = str(rows["condition"].iloc[0])
        st.session_state[STAGE] = stage_of(rows.iloc[0])


@dataclass(frozen=True, slots=True)
class ClickedMark:
    """What of a chart was clicked.

    Args:
        key: of its point; "" for a mark of several conditions, and for none.
        x: its place.
        y: likewise.
        curve: the number of its trace.
    """

    key: str
    x: float
    y: float
    curve: int


def clicked(chart: str) -> ClickedMark | None:
    """The mark of a chart that was clicked last."""
    marks = st.session_state[chart]["selection"]["points"]
    return clicked_mark(marks[0]) if marks else None


def clicked_mark(mark: Mapping[str, Any]) -> ClickedMark:
    """A mark as plotly reports it: its customdata is the key, or holds it alone."""
    data = mark.get("customdata")
    key = data[0] if isinstance(data, list | tuple) and data else data
    return ClickedMark(
        str(key or ""), mark.get("x", 0.0), mark.get("y", 0.0), mark.get("curve_number", 0)
    )


def choose_clicked(points: pd.DataFrame, chart: str) -> None:
    """Choose the point of the mark that was clicked on a chart; a callback."""
    mark = clicked(chart)
    if mark is not None:
        choose_point(points, mark.key)


def choose_row(points: pd.DataFrame, keys: Sequence[str], table: str) -> None:
    """Choose the point of the row that was selected in a table; a callback.

    Args:
        points: those that can be chosen.
        keys: of the rows' points.
        table: the table's key.
    """
    rows = st.session_state[table]["selection"]["rows"]
    if rows:
        choose_point(points, str(keys[rows[0]]))


def show_point(comparison: Comparison, points: pd.DataFrame) -> None:
    """Draw the choice of a point, and what is known of it.

    Args:
        points: those that can be chosen.
    """
    names = names_of(points)
    if st.session_state.get(CONDITION) not in names:
        st.session_state[CONDITION] = None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        condition = st.selectbox(
            "Point",
            list(names),
            index=None,
            format_func=lambda condition: names.get(condition, condition),
            key=CONDITION,
            placeholder="Click a point above or choose one here",
            persist_state="session",
            width=460,
        )
        if condition is None:
            return
        own = points[points["condition"] == condition]
        stages = stages_of(own)
        stage = choose_one("Repair", list(stages), key=STAGE, words=stages, width=270)
        rows = {stage_of(row): row for _, row in own.iterrows()}
        row = rows[stage]
        raw = rows.get(RAW, row)
        _offer_pair(comparison, points, str(row["point"]))
    runs = comparison.results[comparison.results["point"] == row["point"]]
    with st.grid(2, min_column_width=420, gap="large"):
        with st.container():
            _show_numbers(row, raw)
        with st.container():
            _show_runs(runs)


def _show_numbers(row: pd.Series, raw: pd.Series) -> None:
    known = [metric for metric in METRICS if np.isfinite(row[metric])]
    frame = pd.DataFrame(
        {
            "measure": [COLUMN[metric].column_title for metric in known],
            "value": [COLUMN[metric].words(row[metric]) for metric in known],
            "interval": [
                COLUMN[metric].interval_words(row[f"{metric}_low"], row[f"{metric}_high"])
                for metric in known
            ],
            "change": [COLUMN[metric].change_words(raw[metric], row[metric]) for metric in known],
        }
    )
    if row["point"] == raw["point"]:
        frame = frame.drop(columns="change")
    st.dataframe(
        frame,
        hide_index=True,
        height="content",
        column_config={
            "measure": st.column_config.TextColumn("Measure", width=150),
            "value": st.column_config.TextColumn("Value", width=75),
            "interval": st.column_config.TextColumn("95% interval", width=125),
            "change": st.column_config.TextColumn("By repair", width=95),
        },
        alt="The point's numbers with intervals",
    )
    missing = [COLUMN[metric].noun for metric in METRICS if metric not in known]
    not_measured = f" Not measured: {listed(missing)}." if missing else ""
    st.caption(
        escape_markdown(
            f"n = {row['n']:,.0f} texts; {counted(int(row['repeats']), 'run')}. {row['encoder']}, "
            f"cosine distance{'; ' + row['classifier'] if row['classifier'] else ''}."
            f"{not_measured}"
        )
    )


def _show_runs(runs: pd.DataFrame) -> None:
    """The repeats, and links of the one that is chosen."""
    names = {
        str(run): f"{name} (seed {seed})"
        for run, name, seed in zip(runs["run_id"], runs["run_name"], runs["seed"], strict=True)
    }
    if len(runs) > 1:
        metrics = [metric for metric in METRICS if runs[metric].notna().any()]
        frame = pd.DataFrame({"seed": runs["seed"].to_numpy()})
        for metric in metrics:
            frame[metric] = cells(runs, metric)
        st.dataframe(
            frame,
            hide_index=True,
            height="content" if len(runs) <= 5 else 212,
            column_config={
                "seed": st.column_config.NumberColumn("Seed", format="%d", width=60),
                **{metric: metric_column(metric) for metric in metrics},
            },
            alt="The point's runs and their numbers",
        )
        chosen = st.selectbox(
            "Run", list(names), format_func=lambda run: names.get(run, run), key="compare_run"
        )
    else:
        chosen = next(iter(names))
        st.markdown(f"**{escape_markdown(names[chosen])}**")
    with st.container(horizontal=True):
        for page, label, icon in _PAGES:
            st.page_link(page, label=label, icon=icon, query_params={"run": chosen})


def metric_column(metric: str, *, whose: str = "") -> ColumnConfig:
    """How a table shows the `cells` of a metric; `whose` is added to its title."""
    shown = COLUMN[metric]
    form = "%.1f%%" if shown.unit == "share" else f"%.{shown.digits}f"
    title = capitalized(shown.noun)
    return st.column_config.NumberColumn(f"{title}, {whose}" if whose else title, format=form)


def cells(points: pd.DataFrame, metric: str, *, column: str = "") -> "np.ndarray[Any, Any]":
    """A metric's values for `metric_column`, shares in percent; float64 (rows,)."""
    scale = 100.0 if COLUMN[metric].unit == "share" else 1.0
    values: np.ndarray[Any, Any] = points[column or metric].to_numpy(np.float64)
    return values * scale


def _offer_pair(comparison: Comparison, points: pd.DataFrame, key: str) -> None:
    """Choose two points, one after the other, whose texts the Texts tab then shows."""
    if OPEN in st.session_state:
        st.rerun()
    known = set(comparison.points["point"])
    pair = [point for point in st.session_state.get(PAIR, []) if point in known]
    first = pair[0] if len(pair) == 1 else None
    if first is None:
        st.button(
            "Compare texts with…",
            icon=":material/compare_arrows:",
            key="compare_first",
            help="Keeps this point as the first of two; then choose the second.",
            on_click=_remember,
            args=([key],),
        )
        return
    if first == key:
        st.button("Cancel", icon=":material/close:", key="compare_cancel", on_click=_remember)
        st.caption("Now choose the other point.")
        return
    names = names_of(comparison.points)
    row = comparison.points[comparison.points["point"] == first].iloc[0]
    words = f"{names[str(row['condition'])]}; {stages_of(comparison.points)[stage_of(row)]}"
    st.button(
        "Compare texts",
        icon=":material/compare_arrows:",
        type="primary",
        key="compare_second",
        help=escape_markdown(f"Shows texts of this point beside those of {words}."),
        on_click=_remember,
        args=([first, key], "Texts"),
    )
    st.button("Cancel", icon=":material/close:", key="compare_cancel", on_click=_remember)


def _remember(pair: list[str] | None = None, tab: str | None = None) -> None:
    st.session_state[PAIR] = pair or []
    if tab is not None:
        # A fragment can't switch the tabs, which are outside it.
        st.session_state[OPEN] = tab
