"""Stop and Resume of a job, wherever a list of jobs stands."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from core.domain.errors import StoreBusy, WidesetError
from core.domain.spending import SpendingLimit
from core.jobs.cached_measurements import Work
from core.jobs.launch import ensure_worker
from core.jobs.queue import LIVE, Job, request_cancel, resume, status
from core.jobs.registry import job_title
from pages.components.generate.progress import duration
from pages.components.shell import AppContext, escape_markdown, flash, show_errors
from pages.components.spending import traffic_words


def stop_button(app: AppContext, job: Job, *, key: str, told: str) -> None:
    """Draw Stop; once pressed it says so until the worker has heard.

    Args:
        app: home and store.
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
        args=(app, (job.id,)),
    )


def resume_button(
    app: AppContext, job_id: str, *, key: str, label: str = "Resume", main: bool = False
) -> None:
    """Draw Resume, as the page's main button where it is that."""
    st.button(
        label,
        type="primary" if main else "secondary",
        icon=":material/play_arrow:",
        key=key,
        on_click=resume_job,
        args=(app, job_id),
    )


def stop(app: AppContext, jobs: Sequence[str]) -> None:
    """Ask jobs to end; a failure is told with the next drawing."""
    try:
        for job_id in jobs:
            request_cancel(app.db, job_id)
    except WidesetError as error:
        flash(error)


def resume_job(app: AppContext, job_id: str, cap: SpendingLimit | None = None) -> None:
    """Queue a job again, with another cap if one is given; a failure is told as by `stop`."""
    try:
        resume(app.db, job_id, cap=cap)
        ensure_worker(app.home, app.db)
    except WidesetError as error:
        flash(error)


_POLL_SECONDS = 1.0
RESULTS_EVERY = 5.0
"""Seconds at least between two drawings for new results: a page can be read meanwhile."""

_PHASES = {
    "loading": "loading the encoder",
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
}
_SWEEP_PHASES = {
    "planning": "looking for what is there already",
    "loading": "loading the encoder",
    "embedding": "embedding the reference",
}
_TRIAL_PHASES = {
    "waiting": "about to begin",
    "loading": "loading the model",
    "generating": "generating",
    "assessing": "measuring and repairing",
}


def show_work(app: AppContext, works: Sequence[Work], *, results: bool = False) -> None:
    """Draw the jobs that go on, and those that came to a bad end.

    Args:
        app: home and store.
        works: the jobs and how they read.
        results: the page shows what they have done so far, so that it is drawn again with more
            (`RESULTS_EVERY`), not only once one ends.
    """
    live = [work.job for work in works if work.state in LIVE]
    if live:
        ensure_worker(app.home, app.db)
        due = app.db.now() + RESULTS_EVERY if results else math.inf
        _follow(app, tuple(job.id for job in live), _done(live), due)
    ends: dict[str, list[Job]] = {}
    for work in works:
        if work.state not in LIVE and work.state != "done":
            reason = f"{work.job.message} {work.job.remedy}".strip() or "It was stopped."
            ends.setdefault(reason, []).append(work.job)
    for reason, jobs in ends.items():
        _show_end(app, reason, jobs)


@st.fragment(run_every=_POLL_SECONDS)
def _follow(app: AppContext, jobs: tuple[str, ...], done: int, due: float) -> None:
    """Redrawn every second, and the whole page once when a job comes to rest, or when it is due
    and more is done."""
    with show_errors():
        try:
            found = [status(app.db, one) for one in jobs]
        except StoreBusy:
            st.caption("The store is busy; this looks again in a second.")
            return
        more = app.db.now() >= due and _done([job for job, _ in found]) > done
        if more or any(state not in LIVE for _, state in found):
            st.rerun()
        if all(state == "queued" for _, state in found):
            ensure_worker(app.home, app.db)
        waiting = sum(state == "queued" for _, state in found)
        for job, state in found:
            if state == "running":
                st.progress(_share(job), _sentence(job))
        if waiting == len(found):
            st.caption(
                f":material/hourglass_top: {_waiting([job for job, _ in found])} for the worker, "
                "which does one thing at a time."
            )
        elif waiting:
            st.caption(f"{waiting} more to come.")


def _done(jobs: Sequence[Job]) -> int:
    """How many parts of them are done."""
    return sum(int(job.progress.get("done") or 0) for job in jobs)


def _waiting(jobs: Sequence[Job]) -> str:
    kinds = list(dict.fromkeys(job_title(job.kind) for job in jobs))
    first = [kind if place == 0 else kind.lower() for place, kind in enumerate(kinds)]
    one = len(kinds) == 1 and kinds != ["Measures"]
    return f"{' and '.join(first)} {'waits' if one else 'wait'}"


def _share(job: Job) -> float:
    done, total = job.progress.get("done", 0), job.progress.get("total", 0)
    if job.kind == "sweep":
        done += job.progress.get("failed", 0)
        for one in job.progress.get("running") or []:
            done += 0.75 * min(1.0, one["texts"] / one["target"]) if one["target"] else 0.0
    return min(1.0, done / total) if total else 0.0


def sweep_sentence(progress: Mapping[str, Any]) -> str:
    """How far a sweep is, in words that are fit for Markdown.

    Args:
        progress: of `core.jobs.sweeps.progress.SweepProgress.report`; {} before the first.
    """
    total = progress.get("total")
    if not total:
        return f"Sweep: {_SWEEP_PHASES.get(str(progress.get('phase')), 'beginning')}"
    words = [f"Sweep: {progress.get('done', 0):,} of {total:,} runs done"]
    if progress.get("failed"):
        words.append(f"{progress['failed']:,} failed")
    running = progress.get("running") or []
    if running:
        first = running[0]
        what = _TRIAL_PHASES.get(first["phase"], "beginning")
        far = f" {first['texts']:,} of {first['target']:,} texts" if what == "generating" else ""
        more = f" and {len(running) - 1} more" if len(running) > 1 else ""
        words.append(f"now {escape_markdown(first['name'])}{more}: {what}{far}")
    elif progress.get("phase") in _SWEEP_PHASES:
        words.append(_SWEEP_PHASES[progress["phase"]])
    left = progress.get("seconds_left")
    words += [f"{duration(left)} left"] if left else []
    sent = traffic_words(progress)
    return ", ".join(words) + (f" · {escape_markdown(sent)}" if sent else "")


def _sentence(job: Job) -> str:
    if job.kind == "sweep":
        return sweep_sentence(job.progress)
    phase = job.progress.get("phase", "")
    what = f"{job_title(job.kind)}: {_PHASES.get(phase, 'beginning')}"
    done, total = job.progress.get("done"), job.progress.get("total")
    if total:
        what += f", {done or 0:,} of {total:,}"
    left = job.progress.get("seconds_left")
    return f"{what}, {duration(left)} left" if left else what


def _show_end(app: AppContext, reason: str, jobs: Sequence[Job]) -> None:
    """One warning for all that came to the same end, and one way to try all of it again."""
    kinds = list(dict.fromkeys(job_title(job.kind) for job in jobs))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.warning(f"{', '.join(kinds)}: {escape_markdown(reason)}", icon=":material/error:")
        st.button(
            "Try again",
            icon=":material/refresh:",
            key=f"again-{jobs[0].id}",
            on_click=_again,
            args=(app, tuple(job.id for job in jobs)),
        )


def _again(app: AppContext, jobs: Sequence[str]) -> None:
    try:
        for job_id in jobs:
            resume(app.db, job_id)
        ensure_worker(app.home, app.db)
    except WidesetError as error:
        flash(error)
