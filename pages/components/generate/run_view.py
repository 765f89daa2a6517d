"""An open run: live while it is generated, then its results; with its name and what can be done."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import pandas as pd
import streamlit as st

from core.domain.errors import WidesetError
from core.domain.registries.knobs import SEPARATOR, condition_values, condition_words
from core.domain.runs import model_and_server
from core.domain.wording import counted
from core.generation.progress import GenerationProgress
from core.jobs.queue import LIVE, RESUMABLE, Job, State, job_of_run, request_cancel, status
from core.services.generate import can_go_on
from core.store.database import Database
from core.store.generation.runs import RunRecord, delete_run, get_run, rename_run, restore_run
from core.store.generation.samples import SAMPLE_COLUMNS, next_order, sample_rows
from pages.components.generate.progress import show_numbers, show_spread
from pages.components.generate.results import show_results
from pages.components.generate.setup import use_settings
from pages.components.jobs import (
    STATE_BADGES,
    follow,
    reason_words,
    resume_button,
    resume_job,
    stop_button,
)
from pages.components.shell import PAGES, AppContext, escape_markdown, flash, show_errors
from pages.components.spending import change_cap, show_spending
from pages.components.tables import show_samples

_FEED_ROWS = 100


def show_run(app: AppContext, run_id: str) -> State | None:
    """Draw the run; its state, or None if there is no such run."""
    with show_errors():
        run = get_run(app.db, run_id)
        latest = job_of_run(app.db, run_id)
        job: Job | None = None
        state: State = "done"
        if latest is not None:
            job, state = status(app.db, latest.id)
        _show_header(app, run, job, state)
        if job is None or state not in LIVE:
            _show_finished(app, run, job)
            return state

        def draw(jobs: Sequence[tuple[Job, State]]) -> None:
            _show_live(app.db, run, *jobs[0])

        follow(app, (job.id,), draw, states=(state,))
        return state
    st.button("Close", on_click=st.query_params.clear, icon=":material/close:")
    return None


def _show_live(db: Database, run: RunRecord, job: Job, state: State) -> None:
    progress = _progress(run, job)
    st.progress(progress.share, _phase_words(run, progress, state))
    show_numbers(progress, live=True)
    show_spending(db, run, progress.spending, live=True)
    show_spread(db, run, progress)
    st.markdown("**Latest texts** :small[:gray[newest first]]")
    after = next_order(db, run.id) - 1 - _FEED_ROWS
    rows = sample_rows(db, run.id, after_order=after)
    if not rows:
        st.skeleton(height=180)
        return
    feed = pd.DataFrame(rows[::-1], columns=list(SAMPLE_COLUMNS))
    show_samples(
        feed, labels=run.spec.task.label_names, height=min(420, 38 + 35 * max(1, len(feed)))
    )


def _progress(run: RunRecord, job: Job | None) -> GenerationProgress:
    progress = GenerationProgress() if job is None else job.progress_as(GenerationProgress)
    return replace(progress, target=run.spec.target)


def _phase_words(run: RunRecord, progress: GenerationProgress, state: State) -> str:
    if state == "queued" or not progress.phase:
        return "Waiting for the worker."
    if progress.phase != "loading":
        return f"Cycle {max(1, progress.cycle)}"
    if run.spec.model.backend == "openai":
        return "Opening the connection; a model that has not been tested is tested first."
    return "Loading the model; the first time it is also converted, which takes a minute."


def _show_finished(app: AppContext, run: RunRecord, job: Job | None) -> None:
    progress = _progress(run, job)
    if progress.phase:
        show_numbers(progress, live=False)
    show_spending(app.db, run, progress.spending, live=False)
    if progress.shortfall:
        missing = escape_markdown(
            ", ".join(f"{name}: {count}" for name, count in progress.shortfall.items())
        )
        st.warning(
            "The model did not generate enough usable texts within three times the target. "
            f"Missing: {missing}. Increase the max tokens per text or choose less extreme knobs.",
            icon=":material/production_quantity_limits:",
        )
    show_results(app, run, progress)


_KEPT = "The texts so far are kept;"
_RENAME = ":material/edit: Rename"
_REUSE = ":material/tune: Use these settings"
_DELETE = ":material/delete: Delete"
_RESTORE = ":material/restore_from_trash: Restore"


def _show_header(app: AppContext, run: RunRecord, job: Job | None, state: State) -> None:
    """Draw name, state and buttons."""
    resumable = job is not None and state in RESUMABLE
    can_resume = resumable and can_go_on(app.db, run)
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.subheader(escape_markdown(run.name), anchor=False, width="content")
        STATE_BADGES[state].draw()
        if run.deleted_at is not None:
            st.badge("deleted", color="gray", icon=":material/delete:")
        st.space("stretch")
        with st.container(horizontal=True, width="content", gap="small"):
            if job is not None and state in LIVE:
                stop_button(app, job, key="stop", help="The texts are kept; Resume continues.")
            if job is not None and can_resume:
                resume_button(app, job.id, key="resume", main=True)
                if job.cap.on:
                    _draw_cap(app, run, job)
            if state not in LIVE and st.button(
                "Explore",
                icon=":material/scatter_plot:",
                key="explore_run",
                help="See how diverse its texts are, and why.",
            ):
                st.switch_page(PAGES / "explore.py", query_params={"run": run.id})
            _menu(app, run, job)
    when = datetime.fromtimestamp(run.created_at).strftime("%d %b %Y, %H:%M")
    st.caption(f"{when} · {escape_markdown(run_words(run))}")
    if job is not None and resumable:
        then = "Resume tries again." if state == "failed" else "Resume continues where it stopped."
        if not can_resume:
            then = "each label was asked for as often as it may be."
        st.warning(f"{reason_words(job, state)} {_KEPT} {then}", icon=":material/info:")


def _draw_cap(app: AppContext, run: RunRecord, job: Job) -> None:
    """Change the cap and resume, in one step."""
    now = job.cap
    with st.popover("Change the cap", icon=":material/savings:", key="raise_box"):
        st.caption("For the whole run, earlier spending included. Empty means no limit.")
        choice = change_cap(app, run, now)
        st.button(
            "Resume with this cap",
            icon=":material/play_arrow:",
            type="primary",
            key="resume_capped",
            disabled=bool(choice.error) or choice.cap == now,
            on_click=resume_job,
            args=(app, job.id, choice.cap),
        )


def run_words(run: RunRecord) -> str:
    """A run's condition, seed and task in one line; not escaped."""
    spec = run.spec
    values = {**condition_values(spec), "model": model_and_server(spec.model)}
    task = f"{spec.task.text_type}, {counted(len(spec.task.labels), 'label')}"
    return SEPARATOR.join([condition_words(values), f"seed {spec.seed}", task])


def _menu(app: AppContext, run: RunRecord, job: Job | None) -> None:
    last = _DELETE if run.deleted_at is None else _RESTORE
    chosen = st.menu_button("More", [_RENAME, _REUSE, last], key="run_menu")
    if chosen == _RENAME:
        _rename(app, run)
    if chosen == _REUSE:
        use_settings(app.db, run.spec)
        st.rerun()
    if chosen in (_DELETE, _RESTORE):
        _delete_or_restore(app, run, job.id if job else None)
        st.rerun()


@st.dialog("Rename")
def _rename(app: AppContext, run: RunRecord) -> None:
    name = st.text_input("Name", run.name, max_chars=200, key="new_name")
    if st.button("Rename", type="primary", key="rename_now"):
        with show_errors():
            rename_run(app.db, run.id, name, expected_revision=run.revision)
            st.rerun()


def _delete_or_restore(app: AppContext, run: RunRecord, job_id: str | None) -> None:
    try:
        if run.deleted_at is not None:
            restore_run(app.db, run.id)
            return
        if job_id:
            request_cancel(app.db, job_id)
        delete_run(app.db, run.id)
        st.toast("Deleted. Use Restore in the same menu to undo.")
    except WidesetError as error:
        flash(error)
