"""What the worker is doing now."""

import streamlit as st

from core.domain.errors import StoreBusy
from core.domain.wording import counted, duration
from core.jobs.lease import living
from core.jobs.queue import Job, list_jobs
from core.jobs.registry import job_activity, job_progress
from core.store.generation.runs import get_run
from pages.components.jobs import STORE_BUSY
from pages.components.shell import AppContext, escape_markdown, show_errors

_POLL_SECONDS = 2.0


@st.fragment(run_every=_POLL_SECONDS)
def show_activity(app: AppContext) -> None:
    """Draw the running job and how many wait, every two seconds."""
    with show_errors():
        try:
            running = list_jobs(app.db, state="running", limit=1)
            waiting = len(list_jobs(app.db, state="queued"))
            alive = living(app.db) is not None
            if running and alive:
                more = f" {waiting:,} more waiting." if waiting else ""
                st.progress(job_progress(running[0]).share, f"{_words(app, running[0])}{more}")
            elif running:
                st.caption(":material/pause: A job was interrupted; resume it on its page.")
            elif waiting:
                st.caption(
                    f":material/hourglass_top: {counted(waiting, 'job')} in the queue; the worker "
                    "is starting."
                )
            else:
                st.caption(":material/bedtime: Idle")
        except StoreBusy:
            st.caption(STORE_BUSY)


def _words(app: AppContext, job: Job) -> str:
    words = job_activity(job.kind)
    if job.run_id is not None:
        words += f" {escape_markdown(get_run(app.db, job.run_id).name)}"
    progress = job.progress
    if progress.total:
        words += f": {progress.done or 0:,} of {progress.total:,}"
    left = progress.seconds_left
    return f"{words}, {duration(left)} left." if left else f"{words}."
