"""Stop and Resume of a job, wherever a list of jobs stands."""

from collections.abc import Sequence

import streamlit as st

from core.errors import WidesetError
from core.jobs.job import Job
from core.jobs.launch import ensure_worker
from core.jobs.queue import request_cancel, resume
from core.spending import SpendingLimit
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


def resume_button(
    office: Office, job_id: str, *, key: str, label: str = "Resume", main: bool = False
) -> None:
    """Draw Resume, as the page's main button where it is that."""
    st.button(
        label,
        type="primary" if main else "secondary",
        icon=":material/play_arrow:",
        key=key,
        on_click=resume_job,
        args=(office, job_id),
    )


def stop(office: Office, jobs: Sequence[str]) -> None:
    """Ask jobs to end; a failure is told with the next drawing."""
    try:
        for job_id in jobs:
            request_cancel(office.db, job_id)
    except WidesetError as error:
        flash(error)


def resume_job(office: Office, job_id: str, cap: SpendingLimit | None = None) -> None:
    """Queue a job again, with another cap if one is given; a failure is told as by `stop`."""
    try:
        resume(office.db, job_id, cap=cap)
        ensure_worker(office.home, office.db)
    except WidesetError as error:
        flash(error)
