"""Trainings in progress with their curves and Stop; and those that did not finish."""

from collections.abc import Sequence

import streamlit as st

from core.domain.errors import WidesetError
from core.domain.wording import capitalized, duration
from core.figures.classifiers import training_curves
from core.jobs.launch import ensure_worker
from core.jobs.queue import LIVE, Job, State
from core.services.progress import TrainingProgress
from core.store.trainings import delete_training
from pages.components.asked_model import used_words
from pages.components.jobs import (
    follow,
    reason_words,
    resume_button,
    stop,
    stop_button,
)
from pages.components.shell import AppContext, escape_markdown, flash
from pages.components.train.trainings import Training

_PHASES = {
    "checking": "checking the texts",
    "embedding": "embedding texts",
    "training": "training",
    "testing": "testing",
}
_ASKING = "asking the language model about each test text"
_MOST_NAMES = 4

REMOVED = "removed_training"
"""Session key of the training that was removed last."""


def show_unfinished(app: AppContext, trainings: Sequence[Training]) -> None:
    """Draw the trainings in progress, then those that did not finish."""
    live = {
        training.job.id: training
        for training in trainings
        if training.job is not None and training.state in LIVE
    }
    if live:
        ensure_worker(app.home, app.db)

        def draw(jobs: Sequence[tuple[Job, State]]) -> None:
            for job, state in jobs:
                if state == "running":
                    training = live[job.id]
                    _show_running(app, training.name, job, llm=training.kind == "llm")
            # In the order in which the worker takes them.
            waiting = sorted((job.queued_at, job.id) for job, state in jobs if state == "queued")
            if waiting:
                _show_waiting(app, [(job_id, live[job_id].name) for _, job_id in waiting])

        follow(app, tuple(live), draw)
    for training in trainings:
        if not training.done and training.state not in LIVE:
            _show_end(app, training)


def _show_running(app: AppContext, name: str, job: Job, *, llm: bool) -> None:
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"**{escape_markdown(name)}**", width="content")
            st.badge("running", color="blue", icon=":material/play_arrow:")
            st.space("stretch")
            stop_button(
                app,
                job,
                key=f"train-stop-{job.id}",
                help="No answers are kept then."
                if llm
                else "Finished epochs are kept; Resume continues after the last one.",
            )
        progress = job.progress_as(TrainingProgress)
        st.progress(progress.share, progress_words(progress, llm=llm))
        if progress.history:
            st.plotly_chart(
                training_curves(progress.history, epochs=progress.epochs),
                key=f"curves-{job.id}",
                config={"displayModeBar": False},
                alt="Loss and accuracy by epoch",
            )


def _show_waiting(app: AppContext, waiting: Sequence[tuple[str, str]]) -> None:
    """The job ids and names of those that wait."""
    names = escape_markdown(", ".join(name for _, name in waiting[:_MOST_NAMES]))
    more = f" and {len(waiting) - _MOST_NAMES} more" if len(waiting) > _MOST_NAMES else ""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f":material/hourglass_top: Waiting: {names}{more}. Jobs run one at a time.")
        st.button(
            "Cancel waiting",
            type="tertiary",
            icon=":material/close:",
            key="train_cancel_waiting",
            on_click=stop,
            args=(app, tuple(job_id for job_id, _ in waiting)),
        )


def progress_words(progress: TrainingProgress, *, llm: bool = False) -> str:
    """The progress of a training as Markdown; `llm` if a language model is asked."""
    phase = _PHASES.get(progress.phase, "starting")
    parts = [capitalized(_ASKING if llm and progress.phase == "training" else phase)]
    if progress.total and (progress.spending is not None or progress.phase == "embedding"):
        parts.append(f"{progress.done or 0:,} of {progress.total:,}")
    if progress.spending is not None:
        parts.append(used_words(progress.spending))
    if progress.seed is not None and progress.seeds > 1:
        parts.append(f"repeat {progress.seeds_done + 1} of {progress.seeds}")
    if progress.epoch:
        parts.append(f"epoch {progress.epoch} of at most {progress.epochs}")
    if progress.loss is not None:
        parts.append(f"training loss {progress.loss:.3f}")
    if progress.accuracy is not None:
        parts.append(f"validation accuracy {progress.accuracy:.3f}")
    if progress.seconds_left:
        parts.append(f"at most {duration(progress.seconds_left)} left")
    return ", ".join(parts)


def _show_end(app: AppContext, training: Training) -> None:
    job, state = training.job, training.state
    with st.container(horizontal=True, vertical_alignment="center"):
        if job is None or state is None:
            reason = "It was never started."
        else:
            reason = reason_words(job, state)
        st.warning(f"{escape_markdown(training.name)}: {reason}", icon=":material/info:")
        if job is not None and state != "done":
            resume_button(
                app,
                job.id,
                key=f"train-resume-{job.id}",
                label="Try again" if state == "failed" else "Resume",
            )
        st.button(
            "Remove",
            icon=":material/delete:",
            type="tertiary",
            key=f"train-remove-{training.id}",
            on_click=remove,
            args=(app, training.id),
        )


def remove(app: AppContext, training_id: str) -> None:
    """Hide a training; the page offers to restore it."""
    try:
        delete_training(app.db, training_id)
        st.session_state[REMOVED] = training_id
    except WidesetError as error:
        flash(error)
