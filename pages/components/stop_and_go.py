"""Stop and Resume of a job, wherever a list of jobs stands."""

from collections.abc import Sequence

import streamlit as st

from core.errors import WidesetError
from core.jobs.launch import ensure_worker
from core.jobs.queue import Job, request_cancel, resume
from pages.components.office import Office, flash


def stop_button(office: Office, job: Job, *, key: str, told: str) -> None:
    """Draw Stop; once pressed it says so until the worker has heard.

    Args:
        office: home and store.
        job: a living one.
        key: of the button.
        told: what becomes of what was done, shown as its help.
    """
    st.button(
        "Stopping…" if job.cancel_requested else "Stop",
        icon=":material/stop:",
        key=key,
        disabled=job.cancel_requested,
        help=told,
        on_click=stop,
        args=(office, (job.id,)),
    )


def resume_button(office: Office, job_id: str, *, key: str, label: str = "Resume") -> None:
    """Draw Resume."""
    st.button(label, icon=":material/play_arrow:", key=key, on_click=_resume, args=(office, job_id))


def stop(office: Office, jobs: Sequence[str]) -> None:
    """Ask jobs to end; a failure is told with the next drawing."""
    try:
        for job_id in jobs:
            request_cancel(office.db, job_id)
    except WidesetError as error:
        flash(error)


def _resume(office: Office, job_id: str) -> None:
    try:
        resume(office.db, job_id)
        ensure_worker(office.home, office.db)
    except WidesetError as error:
        flash(error)
