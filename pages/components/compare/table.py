"""All points as a table with what differs between them, and as files."""

import io
import json
import math
from collections.abc import Sequence
from functools import partial

import pandas as pd
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from core.analysis.frames.columns import KNOBS
from core.domain.registries.knobs import KNOB
from core.domain.registries.metrics import COLUMN
from core.domain.registries.stages import stage_words
from core.figures.compare.columns import varying_knobs
from core.files.exports import export_table
from pages.components.compare.comparison import (
    Comparison,
    at,
    basis,
    choose_part,
    column_title,
    measured,
    show_mixtures,
    stages_of,
)
from pages.components.compare.point import cells, choose_row, metric_column, show_point
from pages.components.shell import AppContext, show_errors

PARAMETERS = ("task", *KNOBS, "other", "encoder", "classifier")
_ROWS = "compare_table"


@st.fragment
def show_table(app: AppContext, comparison: Comparison) -> None:
    """Draw the table, the point that is chosen in it, and the downloads."""
    with show_errors():
        with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
            part = choose_part(comparison)
            stages = stages_of(part)
            shown = _choose_stages(stages)
            show_all = st.toggle(
                "All parameters",
                key="table_parameters",
                persist_state="session",
                help="Also shows those that are the same in every row.",
            )
        show_mixtures(part)
        rows = pd.concat([at(part, stage) for stage in shown]) if shown else part
        columns = list(PARAMETERS) if show_all else varying_knobs(part, PARAMETERS)
        metrics = measured(part)
        st.dataframe(
            table_of(rows, columns=columns, metrics=metrics),
            hide_index=True,
            height="content" if len(rows) <= 14 else 520,
            column_config=_config(columns, metrics),
            on_select=partial(choose_row, part, tuple(rows["point"]), _ROWS),
            selection_mode="single-row",
            key=_ROWS,
            alt="Conditions and stages of repair with their numbers; select a row to see its runs",
        )
        same = "" if show_all else " Parameters that are the same in all rows are hidden."
        st.caption(f"{basis(part)}{same} Intervals are 95%.")
        with st.container(border=True):
            show_point(comparison, part)
        _show_downloads(comparison)


def table_of(
    points: pd.DataFrame, *, columns: Sequence[str], metrics: Sequence[str]
) -> pd.DataFrame:
    """One row per point: parameters, the repair in words, metrics with their intervals.

    Args:
        points: a points frame.
        columns: which parameters.
        metrics: which metrics, shares in percent; beside each `<metric>_interval` in words.
    """
    frame = points[list(columns)].reset_index(drop=True)
    stages = zip(points["inspected"].astype(str), points["filtered"].astype(bool), strict=True)
    frame["repair"] = [
        stage_words(inspected, filtered=filtered, raw="None") for inspected, filtered in stages
    ]
    for metric in metrics:
        frame[metric] = cells(points, metric)
        ends = zip(points[f"{metric}_low"], points[f"{metric}_high"], strict=True)
        frame[f"{metric}_interval"] = [
            COLUMN[metric].interval_words(low, high) if math.isfinite(low + high) else ""
            for low, high in ends
        ]
    frame["n"], frame["repeats"] = points["n"].to_numpy(), points["repeats"].to_numpy()
    return frame


def _config(columns: Sequence[str], metrics: Sequence[str]) -> dict[str, ColumnConfig]:
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    config: dict[str, ColumnConfig] = {}
    for name in columns:
        if name in KNOB and KNOB[name].numeric:
            form = "%d" if KNOB[name].kind == "whole" else "%.3g"
            config[name] = number(column_title(name), format=form, width=95)
        else:
            config[name] = text(column_title(name), width="medium")
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
    kept = [stage for stage in st.session_state.get("table_stages", []) if stage in stages]
    st.session_state["table_stages"] = kept
    return st.multiselect(
        "Repairs",
        list(stages),
        format_func=lambda stage: stages.get(stage, stage),
        key="table_stages",
        placeholder="All stages of repair",
        persist_state="session",
        wrap=True,
        width=420,
    )


def _show_downloads(comparison: Comparison) -> None:
    """Draw the downloads of all points and all runs shown, of all tasks."""
    with st.container(horizontal=True, vertical_alignment="center"):
        for name, frame, rows in (
            (
                "points",
                comparison.points,
                "One row per condition and stage of repair.",
            ),
            ("results", comparison.results, "One row per run and stage of repair."),
        ):
            st.download_button(
                f"{name.capitalize()} (CSV)",
                partial(sheet_of, frame),
                file_name=f"wideset-{name}.csv",
                mime="text/csv",
                icon=":material/download:",
                on_click="ignore",
                key=f"table_{name}",
                help=f"{rows} Formulas are prefixed with an apostrophe.",
            )
        st.download_button(
            "Both (JSON)",
            partial(json_of, comparison),
            file_name="wideset-compare.json",
            mime="application/json",
            icon=":material/download:",
            on_click="ignore",
            key="table_json",
            help="Points, results, and notes on what is not comparable; exact values.",
        )


def sheet_of(frame: pd.DataFrame) -> io.BytesIO:
    """A frame as CSV for spreadsheets."""
    columns = [str(name) for name in frame]
    return io.BytesIO(export_table(_records(frame), columns=columns, format="csv"))


def json_of(comparison: Comparison) -> io.BytesIO:
    """Points and results as JSON; unknown values are null."""
    data = {
        "sweeps": [
            {"id": sweep.id, "name": sweep.name, "study": sweep.study, "grid": dict(sweep.grid)}
            for sweep in comparison.choice.sweeps
        ],
        "notes": list(comparison.mixtures),
        "points": _records(comparison.points),
        "results": _records(comparison.results),
    }
    return io.BytesIO(json.dumps(data, indent=1, allow_nan=False, ensure_ascii=False).encode())


def _records(frame: pd.DataFrame) -> list[dict[str, object]]:
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]
