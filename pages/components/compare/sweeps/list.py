"""The project's sweeps: the status of each, and its actions."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from core.domain.registries.knobs import AXES
from core.domain.wording import counted, listed
from core.jobs.handlers.sweep import retry_sweep
from core.jobs.launch import ensure_worker
from core.jobs.queue import LIVE, RESUMABLE, Job, State, status
from core.services.sweep.progress import SweepProgress
from core.store.sweeps import (
    SweepRecord,
    delete_sweep,
    get_sweep,
    rename_sweep,
    restore_sweep,
    trials_of,
)
from pages.components.compare.comparison import Choice
from pages.components.compare.sweeps.dialog import new_sweep
from pages.components.compare.sweeps.settings import is_open, open_dialog
from pages.components.jobs import STATE_BADGES, resume_button, stop_button
from pages.components.reference import choose_reference
from pages.components.shell import AppContext, escape_markdown, flash_errors

_SHOWN = 10
_REMOVED = "removed_sweep"


def show_sweeps(app: AppContext, choice: Choice) -> None:
    """Draw the button of a new sweep and the list of sweeps."""
    with st.sidebar:
        reference = choose_reference(app, choice.task)
    sweeps = choice.all_sweeps
    if sweeps:
        with st.container(horizontal=True, vertical_alignment="top", gap="small"):
            _show_list(app, sweeps)
            _new_button(choice, primary=False)
    else:
        _show_empty(choice)
    _offer_undo(app, choice)
    if is_open(choice.task):
        new_sweep(app, choice.task, reference)


def _new_button(choice: Choice, *, primary: bool) -> None:
    st.button(
        "New sweep",
        type="primary" if primary else "secondary",
        icon=":material/grid_on:",
        key="sweep_new",
        on_click=open_dialog,
        args=(choice.task,),
    )


def _show_empty(choice: Choice) -> None:
    axes = listed(axis.title.lower() for axis in AXES)
    with st.container(border=True):
        st.markdown("**What does each knob gain, and what does it cost? A sweep shows it.**")
        st.markdown(
            f"A sweep is a grid of conditions: {axes}. Texts are generated under each condition, "
            "measured and repaired by label replacement, and a classifier is trained on them. "
            "Time and cost are shown before it starts, and it can be stopped and resumed. Existing "
            "runs can be measured the same way."
        )
        _new_button(choice, primary=True)


def _show_list(app: AppContext, sweeps: Sequence[SweepRecord]) -> None:
    rows = [
        (sweep, *(status(app.db, sweep.job_id) if sweep.job_id else (None, None)))
        for sweep in sweeps
    ]
    live = sum(state in LIVE for _, _, state in rows)
    words = f"Sweeps of this project: {len(sweeps)}" + (f", {live} running" if live else "")
    with st.expander(words, icon=":material/grid_on:"):
        show_all = len(rows) <= _SHOWN or st.toggle(f"All {len(rows)}", key="sweep_all")
        for sweep, job, state in rows if show_all else rows[:_SHOWN]:
            _show_row(app, sweep, job, state)


def _show_row(app: AppContext, sweep: SweepRecord, job: Job | None, state: State | None) -> None:
    with st.container(
        horizontal=True, vertical_alignment="center", gap="small", key=f"sweep-{sweep.id}"
    ):
        st.markdown(f"**{escape_markdown(sweep.name)}**", width="content")
        STATE_BADGES[state or "done"].draw()
        st.caption(_counts(app, sweep, job, state), width="content")
        st.space("stretch")
        failed = job.progress_as(SweepProgress).failed if job is not None else 0
        if failed and state not in LIVE:
            with st.popover(f"{failed} failed", icon=":material/error:", key=f"why-{sweep.id}"):
                _show_failed(app, sweep)
        if job is not None:
            _job_buttons(app, sweep, job, state, failed)
        with st.popover("Rename", icon=":material/edit:", key=f"rename-sweep-{sweep.id}"):
            _rename(app, sweep)
        st.button(
            "Delete",
            icon=":material/delete:",
            type="tertiary",
            key=f"sweep-delete-{sweep.id}",
            disabled=state in LIVE,
            help="Stop it first." if state in LIVE else "Its runs are kept.",
            on_click=_delete,
            args=(app, sweep.id),
        )
    if job is not None and job.message and state not in LIVE and state != "done":
        st.caption(escape_markdown(f"{job.message} {job.remedy}".strip()))


def _counts(app: AppContext, sweep: SweepRecord, job: Job | None, state: State | None) -> str:
    made = datetime.fromtimestamp(sweep.created_at, UTC).strftime("%Y-%m-%d")
    study = f", study {escape_markdown(sweep.study)}" if sweep.study else ""
    if state in LIVE:
        return f"{made}{study}"
    if job is None:
        trials = trials_of(app.db, sweep.id)
        done, total = sum(trial.state == "done" for trial in trials), len(trials)
    else:
        done, total = job.progress.done or 0, job.progress.total or 0
    return f"{done:,} of {counted(total, 'run')}, {made}{study}"


def _job_buttons(
    app: AppContext, sweep: SweepRecord, job: Job, state: State | None, failed: int
) -> None:
    if state in LIVE:
        stop_button(
            app, job, key=f"sweep-stop-{sweep.id}", help="Finished runs are kept; Resume continues."
        )
    elif state in RESUMABLE:
        resume_button(app, job.id, key=f"sweep-resume-{sweep.id}")
    elif failed:
        st.button(
            "Retry failed",
            icon=":material/refresh:",
            key=f"sweep-retry-{sweep.id}",
            help="Finished runs are kept.",
            on_click=_retry,
            args=(app, sweep.id),
        )


def _show_failed(app: AppContext, sweep: SweepRecord) -> None:
    failed = [trial for trial in trials_of(app.db, sweep.id) if trial.state == "failed"]
    st.dataframe(
        pd.DataFrame(
            {
                "run": [trial.run.name for trial in failed],
                "message": [trial.message for trial in failed],
                "remedy": [trial.remedy for trial in failed],
            }
        ),
        hide_index=True,
        width=720,
        column_config={
            "run": st.column_config.TextColumn("Run", width=180),
            "message": st.column_config.TextColumn("What happened", width=300),
            "remedy": st.column_config.TextColumn("What to do", width=240),
        },
        alt="Failed runs and their errors",
    )


def _rename(app: AppContext, sweep: SweepRecord) -> None:
    with st.form(f"rename-form-{sweep.id}", border=False):
        st.text_input("Name", sweep.name, key=f"sweep-name-{sweep.id}", max_chars=200)
        st.form_submit_button("Save", on_click=_save_name, args=(app, sweep.id))


def _save_name(app: AppContext, sweep_id: str) -> None:
    with flash_errors():
        rename_sweep(app.db, sweep_id, st.session_state[f"sweep-name-{sweep_id}"])


def _delete(app: AppContext, sweep_id: str) -> None:
    with flash_errors():
        delete_sweep(app.db, sweep_id)
        st.session_state[_REMOVED] = sweep_id


def _offer_undo(app: AppContext, choice: Choice) -> None:
    removed = st.session_state.get(_REMOVED)
    if removed is None:
        return
    record = get_sweep(app.db, removed)
    if record.task_key == choice.task.key and record.deleted_at is not None:
        st.button(
            f"Undo: restore {escape_markdown(record.name)}",
            icon=":material/undo:",
            type="tertiary",
            key="sweep_restore",
            on_click=_restore,
            args=(app, removed),
        )


def _restore(app: AppContext, sweep_id: str) -> None:
    with flash_errors():
        restore_sweep(app.db, sweep_id)
        st.session_state.pop(_REMOVED, None)


def _retry(app: AppContext, sweep_id: str) -> None:
    with flash_errors():
        retry_sweep(app.db, sweep_id)
        ensure_worker(app.home, app.db)
