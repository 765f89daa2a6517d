"""Previews that the worker computes: a button to ask for one, its progress, why it failed."""

from dataclasses import dataclass

import streamlit as st

from core.domain.errors import WidesetError
from core.jobs.launch import ensure_worker
from core.jobs.previews import Asked, Request, ask, look
from core.jobs.queue import LIVE, RESUMABLE, resume
from core.store.database import Database
from pages.components.jobs import show_work
from pages.components.shell import AppContext, escape_markdown, flash


@dataclass(frozen=True, slots=True)
class PreviewQuery:
    """What to preview.

    Args:
        dataset: key of the dataset.
        request: the settings.
        last_judgement: number of the latest judgement, where the answer depends on them; else 0.
    """

    dataset: str
    request: Request
    last_judgement: int = 0

    def look(self, db: Database) -> Asked:
        """What exists of it; queues nothing."""
        return look(db, self.dataset, self.request, seen=self.last_judgement)


def preview_button(
    app: AppContext,
    query: PreviewQuery | None,
    preview: Asked | None,
    *,
    label: str,
    icon: str,
    key: str,
    blocked: str | None = None,
    primary: bool = True,
) -> None:
    """Draw the button that queues a preview; it is the primary one while there is none.

    Args:
        app: home and store.
        query: what to preview; None disables the button.
        preview: what exists of it.
        label: of the button.
        icon: of Material Symbols, without the prefix.
        key: of the button.
        blocked: why it is disabled, shown as its help.
        primary: whether it may be the primary one.
    """
    done = preview is not None and preview.result is not None and preview.fresh
    work = None if preview is None else preview.work
    st.button(
        label,
        icon=f":material/{icon}:",
        type="primary" if primary and not done else "secondary",
        key=key,
        disabled=query is None or done or (work is not None and work.state in LIVE),
        help="Up to date; change a setting for another preview." if done else blocked,
        on_click=_ask,
        args=(app, query),
    )


def show_progress(app: AppContext, preview: Asked) -> None:
    """Draw the progress of a preview, or why it failed."""
    work = preview.work
    if work is None or work.state == "done":
        return
    if work.state in LIVE:
        show_work(app, [work])
        return
    reason = f"{work.job.message} {work.job.remedy}".strip() or "It was stopped."
    st.warning(escape_markdown(reason), icon=":material/info:")


def _ask(app: AppContext, query: PreviewQuery) -> None:
    try:
        work = ask(app.db, query.dataset, query.request, seen=query.last_judgement)
        if work.state in RESUMABLE:
            resume(app.db, work.job.id)
        ensure_worker(app.home, app.db)
    except WidesetError as error:
        flash(error)
