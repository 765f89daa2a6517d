"""What the worker is doing now."""

import streamlit as st

from core.domain.errors import StoreBusy
from core.jobs.lease import living
from core.jobs.queue import Job, list_jobs
from core.jobs.registry import job_activity
from core.store.generation.runs import get_run
from pages.components.generate.progress import duration
from pages.components.shell import AppContext, escape_markdown, show_errors

_POLL_SECONDS = 2.0


@st.fragment(run_every=_POLL_SECONDS)
def show_at_work(app: AppContext) -> None:
    """Draw the job that runs and how many wait; looks again every two seconds."""
    with show_errors():
        try:
            running = list_jobs(app.db, state="running", limit=1)
            waiting = len(list_jobs(app.db, state="queued"))
            alive = living(app.db) is not None
        except StoreBusy:
            st.caption("The store is busy; this looks again in two seconds.")
            return
        more = f" {waiting} more {'waits' if waiting == 1 else 'wait'}." if waiting else ""
        if running and alive:
            job = running[0]
            st.progress(_share(job), f"{_sentence(app, job)}{more}")
        elif running:
            st.caption(
                ":material/pause: A job was interrupted; Resume on its page goes on with it." + more
            )
        elif waiting:
            st.caption(f":material/hourglass_top: {waiting} in the queue; the worker is starting.")
        else:
            said = "at rest" if alive else "asleep; it wakes up when there is something to do"
            st.caption(f":material/bedtime: The worker is {said}.")


def _sentence(app: AppContext, job: Job) -> str:
    what = job_activity(job.kind)
    if job.run_id is not None:
        what += f" {escape_markdown(get_run(app.db, job.run_id).name)}"
    done, total = _numbers(job)
    if total:
        what += f": {done:,} of {total:,}"
    left = job.progress.get("seconds_left")
    return f"{what}, {duration(left)} left." if left else f"{what}."


def _share(job: Job) -> float:
    done, total = _numbers(job)
    return min(1.0, done / total) if total else 0.0


def _numbers(job: Job) -> tuple[int, int]:
    progress = job.progress
    if job.kind == "generate":
        return int(progress.get("accepted") or 0), int(progress.get("target") or 0)
    return int(progress.get("done") or 0), int(progress.get("total") or 0)
