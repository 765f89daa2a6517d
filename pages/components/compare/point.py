"""One point: its numbers at a stage of repair, its runs, and where to go from it."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core.analysis.frames.columns import METRICS
from core.analysis.naming import interval_words, value_words
from pages.components.compare.choice import METRIC_WORDS
from pages.components.compare.comparison import Comparison
from pages.components.compare.part import names_of, stage_of, stages_of
from pages.components.shell import escape_markdown

CONDITION = "compare_condition"
STAGE = "compare_stage"
PAIR = "compare_points"
"""In the session's state: keys of the points whose texts are to be read side by side, 0 to 2."""
OPEN = "compare_open"
"""In the session's state: the tab to be opened when the whole page is drawn next."""

_OF_RUNS = ("diversity", "label_accuracy", "model_accuracy")
_PAGES = (
    ("pages/generate.py", "Open run", ":material/edit_note:"),
    ("pages/explore.py", "Explore", ":material/scatter_plot:"),
    ("pages/intervene.py", "Intervene", ":material/healing:"),
)


def choose_point(points: pd.DataFrame, key: str) -> None:
    """Choose the point of that key; none is left as it is."""
    found = points[points["point"] == key]
    if len(found):
        st.session_state[CONDITION] = str(found["condition"].iloc[0])
        st.session_state[STAGE] = stage_of(found.iloc[0].to_dict())


def clicked(chart: str) -> dict[str, Any] | None:
    """The point of a chart that was clicked last, as plotly tells it."""
    chosen = st.session_state[chart]["selection"]["points"]
    return dict(chosen[0]) if chosen else None


def key_of(point: Mapping[str, Any] | None) -> str:
    """The customdata of what was clicked; "" for none, or a mark of several conditions."""
    data = (point or {}).get("customdata")
    return str((data[0] if isinstance(data, list | tuple) and data else data) or "")


def chosen_by(points: pd.DataFrame, chart: str) -> partial[None]:
    """What a chart calls when it is clicked: the point becomes the chosen one."""
    return partial(_choose_clicked, points, chart)


def _choose_clicked(points: pd.DataFrame, chart: str) -> None:
    choose_point(points, key_of(clicked(chart)))


def show_point(seen: Comparison, points: pd.DataFrame) -> None:
    """Draw the choice of a point, and what is known of it.

    Args:
        seen: what is compared.
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
            format_func=lambda one: names.get(one, one),
            key=CONDITION,
            placeholder="Click a point above, or choose one here",
            persist_state="session",
            width=460,
        )
        if condition is None:
            return
        own = points[points["condition"] == condition]
        stages = stages_of(own)
        if st.session_state.get(STAGE) not in stages:
            st.session_state[STAGE] = next(iter(stages))
        stage = st.selectbox(
            "Repair",
            list(stages),
            format_func=lambda one: stages.get(one, one),
            key=STAGE,
            persist_state="session",
            width=270,
        )
        row = next(one for one in own.to_dict("records") if stage_of(one) == stage)
        raw = next((one for one in own.to_dict("records") if stage_of(one) == "0"), row)
        _offer_pair(seen, points, str(row["point"]))
    runs = seen.results[seen.results["point"] == row["point"]]
    with st.grid(2, min_column_width=420, gap="large"):
        with st.container():
            _show_numbers(row, raw)
        with st.container():
            _show_runs(runs)


def _show_numbers(row: Mapping[str, Any], raw: Mapping[str, Any]) -> None:
    known = [metric for metric in METRICS if np.isfinite(row[metric])]
    frame = pd.DataFrame(
        {
            "measure": [METRIC_WORDS[metric] for metric in known],
            "value": [value_words(metric, row[metric]) for metric in known],
            "interval": [
                interval_words(metric, row[f"{metric}_low"], row[f"{metric}_high"])
                for metric in known
            ],
            "change": [
                value_words(metric, row[metric] - raw[metric], signed=True) for metric in known
            ],
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
            "interval": st.column_config.TextColumn("95 % interval", width=125),
            "change": st.column_config.TextColumn("By repair", width=95),
        },
        alt="The point's numbers with intervals",
    )
    missing = [METRIC_WORDS[one].lower() for one in METRICS if one not in known]
    lacks = f" Not measured: {', '.join(missing)}." if missing else ""
    runs = int(row["repeats"])
    rests = "a single run" if runs == 1 else f"{runs:,} runs"
    st.caption(
        escape_markdown(
            f"n = {row['n']:,.0f} texts; {rests}. {row['encoder']}, cosine distance"
            f"{'; ' + row['classifier'] if row['classifier'] else ''}.{lacks}"
        )
    )


def _show_runs(runs: pd.DataFrame) -> None:
    """The repeats, and links of the one that is chosen."""
    names = {
        str(run): f"{name} (seed {seed})"
        for run, name, seed in zip(runs["run_id"], runs["run_name"], runs["seed"], strict=True)
    }
    if len(runs) > 1:
        metrics = [one for one in _OF_RUNS if runs[one].notna().any()]
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
            "Run", list(names), format_func=lambda one: names.get(one, one), key="compare_run"
        )
    else:
        chosen = next(iter(names))
        st.markdown(f"**{escape_markdown(names[chosen])}**")
    with st.container(horizontal=True):
        for page, label, icon in _PAGES:
            st.page_link(page, label=label, icon=icon, query_params={"run": chosen})


def metric_column(metric: str, *, whose: str = "") -> Any:
    """How a table shows the `cells` of a metric."""
    form = "%.1f %%" if metric.endswith("accuracy") else "%.3f"
    name = "Similarity" if metric == "similarity" else METRIC_WORDS[metric]
    return st.column_config.NumberColumn(f"{name}, {whose}" if whose else name, format=form)


def cells(points: pd.DataFrame, metric: str, *, column: str = "") -> "np.ndarray[Any, Any]":
    """A metric's values for `metric_column`, accuracies in percent; float64 (rows,)."""
    scale = 100.0 if metric.endswith("accuracy") else 1.0
    return points[column or metric].to_numpy(np.float64) * scale


def _offer_pair(seen: Comparison, points: pd.DataFrame, key: str) -> None:
    """Remember two points, one after the other, whose texts the tab Texts then shows."""
    if OPEN in st.session_state:
        st.rerun()
    pair = [one for one in st.session_state.get(PAIR, []) if (seen.points["point"] == one).any()]
    first = pair[0] if len(pair) == 1 else None
    if first is None:
        st.button(
            "Compare texts with…",
            icon=":material/compare_arrows:",
            key="compare_first",
            help="Remembers this point; then choose another one.",
            on_click=_remember,
            args=([key],),
        )
        return
    if first == key:
        st.button("Cancel", icon=":material/close:", key="compare_cancel", on_click=_remember)
        st.caption("Now choose the other point.")
        return
    names = names_of(seen.points)
    row = seen.points[seen.points["point"] == first].iloc[0].to_dict()
    words = f"{names[str(row['condition'])]}; {stages_of(seen.points)[stage_of(row)].lower()}"
    st.button(
        "Compare texts",
        icon=":material/compare_arrows:",
        type="primary",
        key="compare_second",
        help=escape_markdown(f"Read texts of this point beside those of {words}."),
        on_click=_remember,
        args=([first, key], "Texts"),
    )
    st.button("Cancel", icon=":material/close:", key="compare_cancel", on_click=_remember)


def _remember(pair: list[str] | None = None, tab: str | None = None) -> None:
    st.session_state[PAIR] = pair or []
    if tab is not None:
        # A fragment's run can't set the tabs, which are not in it.
        st.session_state[OPEN] = tab
