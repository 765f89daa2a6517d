"""Asking the worker for a preview: one button, what goes on, and why it was refused."""

import getpass

import streamlit as st

from core.domain.errors import WidesetError
from core.jobs.launch import ensure_worker
from core.jobs.previews import Asked, Request, ask
from core.jobs.queue import LIVE, RESUMABLE, resume
from pages.components.jobs import show_work
from pages.components.shell import AppContext, escape_markdown, flash


def ask_button(
    app: AppContext,
    dataset: str,
    request: Request | None,
    *,
    asked: Asked | None,
    seen: int,
    label: str,
    icon: str,
    key: str,
    why: str | None = None,
    main: bool = True,
) -> None:
    """The button that queues a preview; it is the primary one while there is none.

    Args:
        app: home and store.
        dataset: key of the dataset.
        request: what to ask; None blocks the button.
        asked: what is there of it.
        seen: see `core.jobs.previews.look`.
        label: what it says.
        icon: a Material icon's name.
        key: its key.
        why: what blocks it, shown as its help.
        main: whether it may be the primary one.
    """
    there = asked is not None and asked.result is not None and asked.fresh
    live = asked is not None and asked.work is not None and asked.work.state in LIVE
    st.button(
        label,
        icon=f":material/{icon}:",
        type="primary" if main and not there else "secondary",
        key=key,
        disabled=request is None or there or live,
        help="This is what you see below; change a setting for another." if there else why,
        on_click=_ask,
        args=(app, dataset, request, seen),
    )


def show_asked(app: AppContext, asked: Asked) -> None:
    """What goes on, or why nothing came of it."""
    work = asked.work
    if work is None or work.state == "done":
        return
    if work.state in LIVE:
        show_work(app, [work])
        return
    reason = f"{work.job.message} {work.job.remedy}".strip() or "It was stopped."
    st.warning(escape_markdown(reason), icon=":material/info:")


def annotator_name() -> str:
    """The name that this person judges under, as the Annotate tab has it."""
    name = str(st.session_state.get("annotator", "")).strip()
    try:
        return (name or getpass.getuser())[:200] or "me"
    except (KeyError, OSError, ImportError):
        return "me"


def _ask(app: AppContext, dataset: str, request: Request, seen: int) -> None:
    try:
        work = ask(app.db, dataset, request, seen=seen)
        if work.state in RESUMABLE:
            resume(app.db, work.job.id)
        ensure_worker(app.home, app.db)
    except WidesetError as error:
        flash(error)
