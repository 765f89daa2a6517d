"""Trainings under way: how far each is, its curve, Stop; and those that ended badly."""

from collections.abc import Sequence

import streamlit as st

from core.domain.errors import StoreBusy, WidesetError
from core.figures.classifiers import training_curves
from core.jobs.launch import ensure_worker
from core.jobs.queue import LIVE, Job, State, status
from core.store.trainings import delete_training
from pages.components.asked_model import took_words
from pages.components.generate.progress import duration
from pages.components.jobs import resume_button, stop, stop_button
from pages.components.shell import AppContext, escape_markdown, flash, show_errors
from pages.components.train.entries import Entry

_POLL_SECONDS = 1.0
_PHASES = {
    "checking": "looking at the texts",
    "embedding": "embedding texts",
    "training": "training",
    "testing": "measuring",
}
_ADVICE = {
    "interrupted": "Its worker ended without a word.",
    "cancelled": "Stopped by hand.",
}
_SHOWN = 4  # rows that wait, by name


def show_going(app: AppContext, entries: Sequence[Entry]) -> None:
    """Draw what goes on, then what ended badly."""
    live = [one for one in entries if one.state in LIVE]
    if live:
        ensure_worker(app.home, app.db)
        _follow(app, tuple((one.record.job_id or "", one.name, one.kind) for one in live))
    for one in entries:
        if not one.done and one.state not in LIVE:
            _show_end(app, one)


@st.fragment(run_every=_POLL_SECONDS)
def _follow(app: AppContext, jobs: tuple[tuple[str, str, str], ...]) -> None:
    """Redrawn every second, and the whole page once when a job comes to rest."""
    with show_errors():
        try:
            found = [(name, *status(app.db, job_id)) for job_id, name, _ in jobs]
        except StoreBusy:
            st.caption("The store is busy; this looks again in a second.")
            return
        if any(state not in LIVE for _, _, state in found):
            st.rerun()
        if all(state == "queued" for _, _, state in found):
            ensure_worker(app.home, app.db)
        asked = {job_id for job_id, _, kind in jobs if kind == "llm"}
        for name, job, state in found:
            if state == "running":
                _show_running(app, name, job, asked=job.id in asked)
        # In the order in which the worker takes them.
        waiting = sorted(
            ((job.queued_at, job.id, name) for name, job, state in found if state == "queued"),
        )
        if waiting:
            _show_waiting(app, [(job_id, name) for _, job_id, name in waiting])


def _show_running(app: AppContext, name: str, job: Job, *, asked: bool) -> None:
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"**{escape_markdown(name)}**", width="content")
            st.badge("running", color="blue", icon=":material/play_arrow:")
            st.space("stretch")
            stop_button(
                app,
                job,
                key=f"train-stop-{job.id}",
                told="No answer is kept then."
                if asked
                else "What is done stays: Resume goes on from the last epoch.",
            )
        st.progress(share_of(job), sentence_of(job, asked=asked))
        history = job.progress.get("history") or []
        if history:
            st.plotly_chart(
                training_curves(history, epochs=job.progress.get("epochs")),
                key=f"curves-{job.id}",
                config={"displayModeBar": False},
                alt="Loss and accuracy, epoch by epoch",
            )


def _show_waiting(app: AppContext, waiting: Sequence[tuple[str, str]]) -> None:
    names = ", ".join(name for _, name in waiting[:_SHOWN])
    more = f" and {len(waiting) - _SHOWN} more" if len(waiting) > _SHOWN else ""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            f":material/hourglass_top: Next: {escape_markdown(names)}{more}. The worker does "
            "one thing at a time."
        )
        st.button(
            "Cancel these",
            type="tertiary",
            icon=":material/close:",
            key="train_cancel_waiting",
            on_click=stop,
            args=(app, tuple(job_id for job_id, _ in waiting)),
        )


def share_of(job: Job) -> float:
    """How much of a training is done, 0 to 1, should early stopping not end it."""
    now = job.progress
    seeds = max(1, now.get("seeds") or 1)
    done = float(now.get("seeds_done") or 0)
    epoch, epochs = now.get("epoch"), now.get("epochs")
    if epoch and epochs:
        done += min(1.0, len(now.get("history") or []) / epochs)
    elif now.get("spending") and now.get("total"):
        return min(1.0, (now.get("done") or 0) / now["total"])
    elif now.get("phase") == "embedding" and now.get("total"):
        return min(1.0, 0.9 * (now.get("done") or 0) / now["total"])
    return min(1.0, done / seeds)


def sentence_of(job: Job, *, asked: bool = False) -> str:
    """How far a training is, in words; of a language model that is `asked`, there are no steps."""
    now = job.progress
    phase = _PHASES.get(str(now.get("phase")), "beginning")
    if asked and now.get("phase") == "training":
        phase = "asking the language model about each test text"
    words = [phase.capitalize()]
    if now.get("spending"):
        words += [f"{now.get('done') or 0:,} of {now['total']:,}", took_words(now["spending"])]
    elif now.get("phase") == "embedding" and now.get("total"):
        words.append(f"{now.get('done') or 0:,} of {now['total']:,}")
    if now.get("seed") is not None and (now.get("seeds") or 1) > 1:
        words.append(f"repeat {now['seeds_done'] + 1} of {now['seeds']}")
    if now.get("epoch"):
        words.append(f"epoch {now['epoch']} of at most {now['epochs']}")
    if now.get("loss") is not None:
        words.append(f"loss {now['loss']:.3f}")
    if now.get("accuracy") is not None:
        words.append(f"accuracy on the texts held out {now['accuracy']:.3f}")
    if now.get("seconds_left"):
        words.append(f"at most {duration(now['seconds_left'])} left")
    return ", ".join(words)


def _show_end(app: AppContext, entry: Entry) -> None:
    job, state = entry.job, entry.state
    reason = _reason(job, state)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.warning(
            f"{escape_markdown(entry.name)}: {escape_markdown(reason)}", icon=":material/info:"
        )
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
            key=f"train-remove-{entry.record.id}",
            on_click=remove,
            args=(app, entry.record.id),
        )


def _reason(job: Job | None, state: State | None) -> str:
    if job is None or state is None:
        return "It was never started."
    said = f"{job.message} {job.remedy}".strip()
    return said or _ADVICE.get(state, "It did not end.")


def remove(app: AppContext, training_id: str) -> None:
    """Hide a training; the page offers to bring it back."""
    try:
        delete_training(app.db, training_id)
        st.session_state["removed_training"] = training_id
    except WidesetError as error:
        flash(error)
