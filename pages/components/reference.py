"""The reference of a task: its size, attaching one, removing it."""

import streamlit as st

from core.domain.errors import StoreBusy, WidesetError
from core.domain.references import Reference
from core.domain.tasks import Task, task_from_dict
from core.domain.wording import percent
from core.jobs.launch import ensure_worker
from core.jobs.queue import LIVE, Job, State, list_jobs, request_cancel, status
from core.store.references import (
    delete_reference,
    get_reference,
    reference_of,
    restore_reference,
)
from pages.components.reference_source import attach
from pages.components.shell import AppContext, escape_markdown, flash, show_errors

_POLL_SECONDS = 1.0


def choose_reference(app: AppContext, task: Task) -> Reference | None:
    """Draw the task's reference and the ways to attach, replace and remove it.

    Errors of its callbacks appear where the page calls `show_flash`.

    Returns:
        The reference, None while the task has none.
    """
    reference = None
    with show_errors():
        reference = reference_of(app.db, task)
        st.caption("Reference: real labelled texts of this task")
        if reference is not None:
            _show(reference)
        with st.container(horizontal=True, vertical_alignment="center"):
            with st.popover(
                "Attach reference data" if reference is None else "Replace",
                icon=":material/attach_file:",
                key=f"attach-reference-{task.key}-{st.session_state.get('reference_round', 0)}",
            ):
                attach(app, task)
            if reference is not None:
                st.button(
                    "Remove",
                    icon=":material/delete:",
                    type="tertiary",
                    key="remove_reference",
                    on_click=_remove,
                    args=(app, reference),
                )
        _offer_undo(app, task)
        _show_fetch(app, task)
    return reference


def _show(reference: Reference) -> None:
    train, test = sum(reference.train.values()), sum(reference.test.values())
    with st.expander(f"{escape_markdown(reference.name)}: {train:,} train, {test:,} test"):
        st.dataframe(
            [
                {"Label": name, "Train": reference.train[name], "Test": reference.test[name]}
                for name in reference.label_names
            ],
            hide_index=True,
            height="content",
            alt="Texts per label of the reference",
        )
        st.caption(escape_markdown(_origin(reference)))


def _origin(reference: Reference) -> str:
    origin = reference.origin
    if "hub" in origin:
        source = f"{origin['hub']} ({origin['config']}, {origin['split']}) of the Hugging Face hub"
    else:
        source = " and ".join(filter(None, (origin.get("file"), origin.get("test_file"))))
    if origin.get("test_share") is not None:
        share = percent(origin["test_share"], digits=0)
        source += f"; {share} test, split with seed {origin['seed']}"
    return f"From {source}."


def _remove(app: AppContext, reference: Reference) -> None:
    try:
        delete_reference(app.db, reference.id)
        st.session_state["removed_reference"] = reference.id
    except WidesetError as error:
        flash(error)


def _offer_undo(app: AppContext, task: Task) -> None:
    removed = st.session_state.get("removed_reference")
    if removed is None:
        return
    reference = get_reference(app.db, removed)
    if reference.task_key != task.key or reference.deleted_at is None:
        return
    st.button(
        f"Undo: restore {escape_markdown(reference.name)}",
        icon=":material/undo:",
        type="tertiary",
        key="restore_reference",
        on_click=_restore,
        args=(app, removed),
    )


def _restore(app: AppContext, reference_id: str) -> None:
    try:
        restore_reference(app.db, reference_id)
        st.session_state.pop("removed_reference", None)
    except WidesetError as error:
        flash(error)


def _show_fetch(app: AppContext, task: Task) -> None:
    """The download for the task, of any session; and why this session's own failed."""
    for state in ("queued", "running"):
        for job in list_jobs(app.db, state=state):
            if job.kind == "fetch" and task_from_dict(job.spec["task"]).key == task.key:
                _, job_state = status(app.db, job.id)
                if job_state in LIVE:
                    _follow(app, job, job_state)
                    return
    own = st.session_state.get("reference_fetch")
    if own is None:
        return
    job, job_state = status(app.db, own)
    if job_state == "done" or task_from_dict(job.spec["task"]).key != task.key:
        return
    message = job.message or f"The dataset was not downloaded: the job is {job_state}."
    st.error(escape_markdown(f"{message} {job.remedy}".strip()), icon=":material/error:")
    st.button("Dismiss", key="dismiss_fetch", type="tertiary", on_click=_dismiss)


@st.fragment(run_every=_POLL_SECONDS)
def _follow(app: AppContext, job: Job, drawn: State) -> None:
    """Redrawn every second; the whole page once when the job's state changes."""
    with show_errors():
        try:
            _, job_state = status(app.db, job.id)
            if job_state != drawn:
                st.rerun()
            if job_state == "queued":
                ensure_worker(app.home, app.db)
            action = "Downloading" if job_state == "running" else "Waiting to download"
            st.caption(f"{action} {escape_markdown(str(job.spec['hub']))} …")
            st.button("Stop", key="stop_fetch", on_click=_stop, args=(app, job.id))
        except StoreBusy:
            st.caption("The store is busy; retrying every second.")


def _stop(app: AppContext, job_id: str) -> None:
    try:
        request_cancel(app.db, job_id)
        _dismiss()
    except WidesetError as error:
        flash(error)


def _dismiss() -> None:
    st.session_state.pop("reference_fetch", None)
