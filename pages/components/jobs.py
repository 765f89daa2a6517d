"""Any job on a page: its state, progress, Stop, Resume and Retry."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import streamlit as st

from core.domain.errors import StoreBusy, WidesetError
from core.domain.progress import JobProgress
from core.domain.spending import SpendingLimit
from core.domain.wording import counted, duration
from core.jobs.launch import ensure_worker
from core.jobs.queue import LIVE, Job, State, Work, request_cancel, resume, status
from core.jobs.registry import job_progress, job_title
from core.services.sweep.progress import SweepProgress
from pages.components.shell import AppContext, escape_markdown, flash, show_errors
from pages.components.spending import traffic_words


@dataclass(frozen=True, slots=True)
class StateBadge:
    """How a state is shown."""

    word: str
    color: Literal["gray", "blue", "green", "red", "orange"]
    icon: str

    def draw(self) -> None:
        """Draw it."""
        st.badge(self.word, color=self.color, icon=self.icon)


STATE_BADGES: Mapping[State, StateBadge] = {
    "queued": StateBadge("queued", "gray", ":material/schedule:"),
    "running": StateBadge("running", "blue", ":material/play_arrow:"),
    "done": StateBadge("done", "green", ":material/check:"),
    "failed": StateBadge("failed", "red", ":material/error:"),
    "paused": StateBadge("paused", "orange", ":material/pause:"),
    "cancelled": StateBadge("stopped", "orange", ":material/stop:"),
    "interrupted": StateBadge("interrupted", "orange", ":material/bolt:"),
}
"""Every state of a job."""

WAITING = "The worker runs one job at a time."
STORE_BUSY = "The store is busy; retrying in a moment."
_REASONS: Mapping[State, str] = {
    "interrupted": "The worker stopped unexpectedly.",
    "cancelled": "Stopped by hand.",
}


def reason_words(job: Job, state: State) -> str:
    """Why a job ended before it was done, and what to do; escaped."""
    message = f"{job.message} {job.remedy}".strip()
    return escape_markdown(message or _REASONS.get(state, "It did not finish."))


def stop_button(app: AppContext, job: Job, *, key: str, help: str) -> None:
    """Draw Stop; after a click it is disabled until the worker has stopped.

    Args:
        app: home and store.
        job: a queued or running one.
        key: of the button.
        help: what happens to the results so far.
    """
    st.button(
        "Stopping…" if job.cancel_requested else "Stop",
        icon=":material/stop:",
        key=key,
        disabled=job.cancel_requested,
        help=help,
        on_click=stop,
        args=(app, (job.id,)),
    )


def resume_button(
    app: AppContext, job_id: str, *, key: str, label: str = "Resume", main: bool = False
) -> None:
    """Draw Resume, as the page's primary button if `main`."""
    st.button(
        label,
        type="primary" if main else "secondary",
        icon=":material/play_arrow:",
        key=key,
        on_click=resume_job,
        args=(app, job_id),
    )


def stop(app: AppContext, jobs: Sequence[str]) -> None:
    """Stop jobs; a callback, so an error is shown with the next drawing."""
    try:
        for job_id in jobs:
            request_cancel(app.db, job_id)
    except WidesetError as error:
        flash(error)


def resume_job(app: AppContext, job_id: str, cap: SpendingLimit | None = None) -> None:
    """Queue a job again, with another spending limit if one is given; a callback like `stop`."""
    try:
        resume(app.db, job_id, cap=cap)
        ensure_worker(app.home, app.db)
    except WidesetError as error:
        flash(error)


def retry(app: AppContext, jobs: Sequence[str]) -> None:
    """Queue several jobs again; a callback like `stop`."""
    for job_id in jobs:
        resume_job(app, job_id)


POLL_SECONDS = 1.0
RESULTS_EVERY = 5.0
"""Seconds at least between two drawings for new results: a page can be read meanwhile."""

Draw = Callable[[Sequence[tuple[Job, State]]], None]


@st.fragment(run_every=POLL_SECONDS)
def follow(
    app: AppContext,
    job_ids: Sequence[str],
    draw: Draw,
    *,
    states: Sequence[State] | None = None,
    due: float = math.inf,
    done: int = 0,
) -> None:
    """Draw jobs every second, and the whole page once when one of them has ended.

    Args:
        app: home and store.
        job_ids: queued or running ones.
        draw: draws the jobs with their states, in that order.
        states: what the page shows of them; it is drawn again when one changes.
        due: time (seconds since 1970) from which it is drawn again when more parts are done.
        done: how many parts of them were done.
    """
    with show_errors():
        try:
            jobs = [status(app.db, job_id) for job_id in job_ids]
            more = app.db.now() >= due and _parts_done([job for job, _ in jobs]) > done
            changed = states is not None and [*states] != [state for _, state in jobs]
            if more or changed or any(state not in LIVE for _, state in jobs):
                st.rerun()
            if all(state == "queued" for _, state in jobs):
                ensure_worker(app.home, app.db)
            draw(jobs)
        except StoreBusy:
            st.caption(STORE_BUSY)


def show_work(app: AppContext, works: Sequence[Work], *, results: bool = False) -> None:
    """Draw the jobs under way, and those that ended before they were done.

    Args:
        app: home and store.
        works: the jobs and their states.
        results: the page shows what they have done so far, so that it is drawn again with more
            (`RESULTS_EVERY`), not only when one ends.
    """
    live = [work.job for work in works if work.state in LIVE]
    if live:
        ensure_worker(app.home, app.db)
        follow(
            app,
            tuple(job.id for job in live),
            _draw_progress,
            due=app.db.now() + RESULTS_EVERY if results else math.inf,
            done=_parts_done(live),
        )
    ended: dict[tuple[str, bool], list[Job]] = {}
    for work in works:
        if work.state not in LIVE and work.state != "done":
            why = reason_words(work.job, work.state), work.state == "cancelled"
            ended.setdefault(why, []).append(work.job)
    for (reason, by_hand), jobs in ended.items():
        _show_ended(app, reason, jobs, by_hand=by_hand)


def _draw_progress(jobs: Sequence[tuple[Job, State]]) -> None:
    running = [job for job, state in jobs if state == "running"]
    waiting = [job for job, state in jobs if state == "queued"]
    for job in running:
        st.progress(job_progress(job).share, progress_words(job))
    if running and waiting:
        st.caption(f"{len(waiting):,} more waiting.")
    elif waiting:
        titles = dict.fromkeys(job_title(job.kind) for job in waiting)
        st.caption(f":material/hourglass_top: Waiting: {', '.join(titles)}. {WAITING}")


def _show_ended(app: AppContext, reason: str, jobs: Sequence[Job], *, by_hand: bool) -> None:
    """One message, and one way to go on, for all jobs that ended for the same reason."""
    titles = dict.fromkeys(job_title(job.kind) for job in jobs)
    message = f"{', '.join(titles)}: {reason}"
    with st.container(horizontal=True, vertical_alignment="center"):
        if by_hand:
            st.info(message, icon=":material/stop:")
        else:
            st.warning(message, icon=":material/error:")
        st.button(
            "Resume" if by_hand else "Try again",
            icon=":material/play_arrow:" if by_hand else ":material/refresh:",
            key=f"again-{jobs[0].id}",
            on_click=partial(retry, app, [job.id for job in jobs]),
        )


_PHASES = {
    "loading": "loading the model",
    "embedding": "embedding texts",
    "measuring": "measuring",
    "fitting": "fitting the map",
    "placing": "placing texts on the map",
    "training": "training the oracle",
    "learning": "learning from the judged texts",
    "sampling": "trying samples",
    "probing": "training linear probes",
    "judging": "asking about each text",
    "answering": "answering",
    "concluding": "fitting regressions and testing the paper's findings",
    "generating": "generating",
    "waiting": "starting",
    "assessing": "measuring and repairing",
    "planning": "looking for existing runs",
}


def progress_words(job: Job) -> str:
    """How far a job is; fit for Markdown."""
    progress = job_progress(job)
    if isinstance(progress, SweepProgress):
        return sweep_words(progress)
    words = [f"{job_title(job.kind)}: {_PHASES.get(progress.phase, 'starting')}"]
    if progress.total:
        words.append(f"{progress.done or 0:,} of {progress.total:,}")
    return ", ".join([*words, *_time_left(progress)])


def sweep_words(progress: SweepProgress) -> str:
    """How far a sweep is; fit for Markdown."""
    if not progress.total:
        return f"Sweep: {_PHASES.get(progress.phase, 'starting')}"
    words = [f"Sweep: {progress.done or 0:,} of {counted(progress.total, 'run')} done"]
    if progress.failed:
        words.append(f"{progress.failed:,} failed")
    if progress.running:
        first, *others = progress.running
        phase = _PHASES.get(first.phase, "starting")
        if first.phase == "generating":
            phase += f" {first.texts:,} of {counted(first.target, 'text')}"
        more = f" and {len(others)} more" if others else ""
        words.append(f"now {escape_markdown(first.name)}{more}: {phase}")
    elif progress.phase in _PHASES:
        words.append(_PHASES[progress.phase])
    traffic = traffic_words(progress.spending)
    shown = ", ".join([*words, *_time_left(progress)])
    return f"{shown} · {escape_markdown(traffic)}" if traffic else shown


def _parts_done(jobs: Sequence[Job]) -> int:
    return sum(job.progress.done or 0 for job in jobs)


def _time_left(progress: JobProgress) -> list[str]:
    return [f"{duration(progress.seconds_left)} left"] if progress.seconds_left else []
