"""What the tabs of interventions share: asking the worker for a preview, its progress, why it
failed; the weight of labels and their flow."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic

import pandas as pd
import streamlit as st

from core.domain.errors import WidesetError
from core.figures.interventions import label_flow
from core.interventions.previews import P, PreviewRequest
from core.interventions.relabelling.relabel import WEIGHT
from core.jobs.handlers.interventions import PreviewState, preview_state, request_preview
from core.jobs.launch import ensure_worker
from core.jobs.queue import LIVE, RESUMABLE, resume
from core.store.database import Database
from pages.components.jobs import show_work
from pages.components.shell import AppContext, escape_markdown, flash


@dataclass(frozen=True, slots=True)
class PreviewQuery(Generic[P]):
    """What to preview.

    Args:
        dataset: key of the dataset.
        request: the settings.
        last_judgement: number of the latest judgement, where the answer depends on them; else 0.
    """

    dataset: str
    request: PreviewRequest[P]
    last_judgement: int = 0

    def state(self, db: Database) -> PreviewState[P]:
        """What exists of it; queues nothing."""
        return preview_state(db, self.dataset, self.request, seen=self.last_judgement)


def preview_button(
    app: AppContext,
    query: PreviewQuery[P] | None,
    preview: PreviewState[P] | None,
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
        query: what to preview.
        preview: what exists of it.
        label: of the button.
        icon: of Material Symbols, without the prefix.
        key: of the button.
        blocked: why it is disabled, shown as its help.
        primary: whether it may be the primary one.
    """
    done = preview is not None and preview.result is not None and preview.fresh
    work = None if preview is None else preview.work
    live = work is not None and work.state in LIVE
    st.button(
        label,
        icon=f":material/{icon}:",
        type="primary" if primary and not done else "secondary",
        key=key,
        disabled=blocked is not None or done or live,
        help="Up to date; change a setting for another preview." if done else blocked,
        on_click=_request,
        args=(app, query),
    )


def show_outcome(
    app: AppContext, preview: PreviewState[P] | None, *, blocked: str | None, outdated: str
) -> P | None:
    """Draw the progress of a preview, why there is none, or that it is out of date; its result.

    Args:
        app: home and store.
        preview: what exists; None while nothing can be asked for.
        blocked: why nothing can be asked for.
        outdated: said where texts were judged since.
    """
    if blocked is not None:
        st.info(escape_markdown(blocked), icon=":material/info:")
    if preview is None:
        return None
    show_progress(app, preview)
    if preview.result is not None and not preview.fresh:
        st.info(outdated)
    return preview.result


def show_progress(app: AppContext, preview: PreviewState[P]) -> None:
    """Draw the progress of a preview, or why it failed."""
    work = preview.work
    if work is None or work.state == "done":
        return
    if work.state in LIVE:
        show_work(app, [work])
        return
    reason = f"{work.job.message} {work.job.remedy}".strip() or "It was stopped."
    st.warning(escape_markdown(reason), icon=":material/info:")


def choose_weight(key: str, default: float = WEIGHT, *, disabled: bool = False) -> float:
    """Draw the weight of the current label, 0 to 1, see `core.interventions.relabelling.relabel`;
    `default` is its first value in this session."""
    st.session_state.setdefault(key, default)
    return st.slider(
        "Weight of the current label",
        0.0,
        1.0,
        step=0.05,
        key=key,
        persist_state="session",
        width=220,
        disabled=disabled,
        help="S = w × label + (1 - w) × proxy. At 0 the proxies decide alone, at 1 only inspected "
        "texts change. The paper uses 0.3.",
    )


def show_flow(
    old: Sequence[str],
    new: Sequence[str],
    *,
    labels: Sequence[str],
    sides: tuple[str, str],
    key: str,
    alt: str,
) -> None:
    """Draw how texts go from their old labels to their new ones; arguments as `label_flow`."""
    pairs = pd.DataFrame({"old": old, "new": new}, dtype=object)
    st.plotly_chart(
        label_flow(pairs.value_counts().reset_index(name="count"), labels=labels, sides=sides),
        key=key,
        config={"displayModeBar": False},
        alt=alt,
    )


def explain(sentences: tuple[str, ...]) -> None:
    """Draw what is to be minded of a result."""
    for sentence in sentences:
        st.caption(f":material/info: {escape_markdown(sentence)}")


def _request(app: AppContext, query: PreviewQuery[P]) -> None:
    try:
        work = request_preview(app.db, query.dataset, query.request, seen=query.last_judgement)
        if work.state in RESUMABLE:
            resume(app.db, work.job.id)
        ensure_worker(app.home, app.db)
    except WidesetError as error:
        flash(error)
