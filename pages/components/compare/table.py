"""All points as a table with what differs between them, and as files."""

import io
import json
import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from core.analysis.frames.columns import KNOBS
from core.analysis.naming import TITLES, interval_words
from core.domain.stages import stage_words
from core.figures.compare.columns import varying_knobs
from core.files.exports import export_table
from pages.components.compare.comparison import Comparison
from pages.components.compare.part import (
    at,
    basis,
    choose_part,
    measured,
    show_mixtures,
    stages_of,
)
from pages.components.compare.point import cells, choose_point, metric_column, show_point
from pages.components.shell import AppContext, show_errors

PARAMETERS = ("task", *KNOBS, "other", "encoder", "classifier")
_TITLES = {
    **{name: TITLES.get(name, name).capitalize() for name in PARAMETERS},
    "other": "Else",
    "min_p": "min_p",
    "suppression": "Suppression",
    "seeding": "Seeds",
}
_ORDER = ("diversity", "label_accuracy", "model_accuracy", "similarity")
_ROWS = "compare_table"


@st.fragment
def show_table(app: AppContext, seen: Comparison) -> None:
    """Draw the table, the point that is chosen in it, and the downloads."""
    with show_errors():
        with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
            part = choose_part(seen)
            stages = stages_of(part)
            shown = _choose_stages(stages)
            whole = st.toggle(
                "All parameters",
                key="table_parameters",
                persist_state="session",
                help="Those, too, that are the same in every row.",
            )
        show_mixtures(part)
        rows = pd.concat([at(part, one) for one in shown]) if shown else part
        columns = list(PARAMETERS) if whole else varying_knobs(part, PARAMETERS)
        metrics = sorted(measured(part), key=_ORDER.index)
        st.dataframe(
            table_of(rows, columns=columns, metrics=metrics),
            hide_index=True,
            height="content" if len(rows) <= 14 else 520,
            column_config=_config(columns, metrics),
            on_select=partial(_choose_row, part, tuple(rows["point"])),
            selection_mode="single-row",
            key=_ROWS,
            alt="Conditions and stages of repair with their numbers; choose a row to see its runs",
        )
        same = "" if whole else " Parameters that are the same in all rows are left out."
        st.caption(f"{basis(part)}{same} Intervals are 95 %.")
        with st.container(border=True):
            show_point(seen, part)
        _show_downloads(seen)


def table_of(
    points: pd.DataFrame, *, columns: Sequence[str], metrics: Sequence[str]
) -> pd.DataFrame:
    """A row for each point: parameters, the repair in words, metrics with their intervals.

    Args:
        points: a points frame.
        columns: which parameters.
        metrics: which metrics, accuracies in percent; `<metric>_interval` beside each tells its
            interval in words.
    """
    frame = points[list(columns)].reset_index(drop=True)
    told = zip(points["inspected"].astype(str), points["filtered"].astype(bool), strict=True)
    frame["repair"] = [stage_words(one, filtered=filtered, raw="None") for one, filtered in told]
    for metric in metrics:
        frame[metric] = cells(points, metric)
        ends = zip(points[f"{metric}_low"], points[f"{metric}_high"], strict=True)
        frame[f"{metric}_interval"] = [
            interval_words(metric, low, high) if math.isfinite(low + high) else ""
            for low, high in ends
        ]
    frame["n"], frame["repeats"] = points["n"].to_numpy(), points["repeats"].to_numpy()
    return frame


def _config(columns: Sequence[str], metrics: Sequence[str]) -> dict[str, Any]:
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    knobs = {"temperature": "%.3g", "suppression": "%.3g", "seeding": "%d", "min_p": "%.3g"}
    config: dict[str, Any] = {
        name: number(_TITLES[name], format=knobs[name], width=95)
        if name in knobs
        else text(_TITLES[name], width="medium")
        for name in columns
    }
    config["repair"] = text("Repair", width=175)
    for metric in metrics:
        config[metric] = metric_column(metric)
        config[f"{metric}_interval"] = text("Interval", width=112)
    config["n"] = number("Texts", format="%,.0f", width=60)
    config["repeats"] = number("Runs", width=55, help="Repeats of the condition.")
    return config


def _choose_stages(stages: dict[str, str]) -> list[str]:
    if len(stages) == 1:
        return list(stages)
    kept = [one for one in st.session_state.get("table_stages", []) if one in stages]
    st.session_state["table_stages"] = kept
    return st.multiselect(
        "Repairs",
        list(stages),
        format_func=lambda one: stages.get(one, one),
        key="table_stages",
        placeholder="All stages of repair",
        persist_state="session",
        wrap=True,
        width=420,
    )


def _choose_row(part: pd.DataFrame, keys: Sequence[str]) -> None:
    rows = st.session_state[_ROWS]["selection"]["rows"]
    if rows:
        choose_point(part, str(keys[rows[0]]))


def _show_downloads(seen: Comparison) -> None:
    """All points and all runs on view, of all tasks, as files."""
    with st.container(horizontal=True, vertical_alignment="center"):
        for name, frame, told_of in (
            ("points", seen.points, "A row a condition and stage of repair, repeats together."),
            ("results", seen.results, "A row a run and stage of repair."),
        ):
            st.download_button(
                f"{name.capitalize()} (CSV)",
                partial(sheet_of, frame),
                file_name=f"wideset-{name}.csv",
                mime="text/csv",
                icon=":material/download:",
                on_click="ignore",
                key=f"table_{name}",
                help=f"{told_of} Formulas are disarmed by an apostrophe.",
            )
        st.download_button(
            "Both (JSON)",
            partial(json_of, seen),
            file_name="wideset-compare.json",
            mime="application/json",
            icon=":material/download:",
            on_click="ignore",
            key="table_json",
            help="Points, results, and what forbids putting them on one axis; values exact.",
        )


def sheet_of(frame: pd.DataFrame) -> io.BytesIO:
    """A frame as CSV for spreadsheets."""
    columns = [str(name) for name in frame]
    return io.BytesIO(export_table(_records(frame), columns=columns, format="csv"))


def json_of(seen: Comparison) -> io.BytesIO:
    """Points and results as JSON; what is unknown is null."""
    told = {
        "sweeps": [
            {"id": one.id, "name": one.name, "study": one.study, "grid": dict(one.grid)}
            for one in seen.choice.sweeps
        ],
        "notes": list(seen.mixtures),
        "points": _records(seen.points),
        "results": _records(seen.results),
    }
    return io.BytesIO(json.dumps(told, indent=1, allow_nan=False, ensure_ascii=False).encode())


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]
