"""Generate: knobs in, labelled texts out, as they arrive."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from uuid import uuid4

import pandas as pd
import streamlit as st

from core.domain.errors import WidesetError
from core.domain.runs import RunSpec
from core.domain.spending import SpendingLimit
from core.domain.wording import MISSING, counted, duration
from core.jobs.launch import ensure_worker
from core.jobs.queue import LIVE, start_run, states_of_runs
from core.store.generation.rounds import recent_speed
from core.store.generation.runs import default_name, list_runs
from pages.components.generate.lab import show_lab
from pages.components.generate.run_view import run_words, show_run
from pages.components.generate.setup import TRIAL_TEXTS, choose_spec, show_prompt, trial_of
from pages.components.jobs import STATE_BADGES
from pages.components.shell import AppContext, flash, set_up, show_errors, show_flash
from pages.components.spending import choose_cap, show_estimate


def _start(app: AppContext, spec: RunSpec, name: str, token: str, cap: SpendingLimit) -> None:
    """Start a run; a second call with the same token (a double click) opens the first one's."""
    try:
        run, _ = start_run(app.db, spec, name=name, token=token, cap=cap)
        ensure_worker(app.home, app.db)
    except WidesetError as error:
        flash(error)
        return
    st.query_params["run"] = run.id
    st.session_state["start_token"] = uuid4().hex


def _close() -> None:
    st.query_params.pop("run", None)


def _buttons(app: AppContext, spec: RunSpec | None, *, busy: bool) -> None:
    token = st.session_state.setdefault("start_token", uuid4().hex)
    choice = choose_cap(app, None if busy else spec)
    blocked = spec is None or busy or spec.target == 0 or bool(choice.error)
    why = "This run is under way; wait or stop it." if busy else choice.error or None
    for label, kind, wanted, name, icon in (
        (f"Try {TRIAL_TEXTS} texts", "secondary", spec and trial_of(spec), "Trial", "science"),
        (
            f"Generate {counted(spec.target, 'text')}" if spec else "Generate",
            "primary",
            spec,
            "",
            "play_arrow",
        ),
    ):
        st.button(
            label,
            type=kind,  # type: ignore[arg-type]
            icon=f":material/{icon}:",
            key=f"start-{kind}",
            disabled=blocked,
            help=why,
            on_click=_start,
            args=(
                app,
                wanted,
                f"{name}: {default_name(spec)}" if name and spec else "",
                token,
                choice.cap,
            ),
        )


def _estimate(app: AppContext, spec: RunSpec) -> str:
    speed = recent_speed(app.db, spec.model.model)
    if speed is None:
        return "The estimated time appears after the first run; a trial is quick."
    return f"About {duration(spec.target / speed)} at the speed of recent runs."


def _show_runs(app: AppContext) -> None:
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
        on_select=partial(_open_run, tuple(row.run.id for row in runs)),
        selection_mode="single-row",
        key="runs",
        alt="Runs with state, texts and condition; choose a row to open it",
    )


def _open_run(ids: Sequence[str]) -> None:
    rows = st.session_state["runs"]["selection"]["rows"]
    if rows:
        st.query_params["run"] = ids[rows[0]]


app = set_up()
show_flash()
spec = choose_spec(app)
run_id = st.query_params.get("run")
bar = st.container(horizontal=True, vertical_alignment="center")
with show_errors():
    state = show_run(app, run_id) if run_id else None
    with bar:
        if run_id:
            st.button("All runs", icon=":material/arrow_back:", key="all_runs", on_click=_close)
        else:
            st.subheader("Generate labelled texts", anchor=False, width="content")
        st.space("stretch")
        _buttons(app, spec, busy=state in LIVE)
    if not run_id:
        if spec is None:
            st.info("Complete the settings in the sidebar.", icon=":material/arrow_back:")
        else:
            st.caption(_estimate(app, spec))
            show_estimate(app, spec)
            show_prompt(app, spec)
            show_lab(app, spec)
        _show_runs(app)
    elif spec is not None:
        show_lab(app, spec, run_id=run_id)
