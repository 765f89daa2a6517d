"""The list of runs: open one, or find a deleted one."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

import pandas as pd
import streamlit as st

from core.domain.wording import MISSING
from core.jobs.queue import states_of_runs
from core.store.generation.runs import list_runs
from pages.components.generate.run_view import run_words
from pages.components.jobs import STATE_BADGES
from pages.components.shell import AppContext


def show_runs(app: AppContext) -> None:
    """Draw the list; a click on a row opens the run."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("Runs", anchor=False, width="content")
        st.space("stretch")
        deleted = st.toggle("Show deleted", key="show_deleted", persist_state="session")
    runs = list_runs(app.db, include_deleted=deleted)
    if not runs:
        st.info("No runs yet. Choose a task in the sidebar and press Generate.")
        return
    states = states_of_runs(app.db)
    frame = pd.DataFrame(
        {
            "name": [row.run.name for row in runs],
            "state": [
                "deleted"
                if row.run.deleted_at is not None
                else STATE_BADGES[states.get(row.run.id, "done")].word
                for row in runs
            ],
            "texts": [row.counts.usable / max(1, row.run.spec.target) * 100 for row in runs],
            "count": [row.counts.usable for row in runs],
            "duplicates": [
                row.counts.duplicates / row.counts.usable * 100 if row.counts.usable else None
                for row in runs
            ],
            "condition": [run_words(row.run) for row in runs],
            "started": [datetime.fromtimestamp(row.run.created_at) for row in runs],
        }
    )
    st.dataframe(
        frame,
        column_config={
            "name": st.column_config.TextColumn("Run", width=210),
            "state": st.column_config.TextColumn("State", width=80),
            "texts": st.column_config.ProgressColumn(
                "Progress", min_value=0, max_value=100, format="%d%%", width=100
            ),
            "count": st.column_config.NumberColumn("Texts", width=60),
            "duplicates": st.column_config.NumberColumn("Duplicates", format="%.0f%%", width=80),
            "condition": st.column_config.TextColumn("Condition", width=350),
            "started": st.column_config.DatetimeColumn("Started", format="D MMM, HH:mm", width=105),
        },
        hide_index=True,
        placeholder=MISSING,
        height="content" if len(runs) <= 12 else 460,
        # By ids as drawn: a new run would shift the rows.
        on_select=partial(_open, tuple(row.run.id for row in runs)),
        selection_mode="single-row",
        key="runs",
        alt="Runs with state, texts and condition; choose a row to open it",
    )


def _open(ids: Sequence[str]) -> None:
    rows = st.session_state["runs"]["selection"]["rows"]
    if rows:
        st.query_params["run"] = ids[rows[0]]
