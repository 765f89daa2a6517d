"""The Annotate tab: one by one, in a table, agreement of annotators, and the history."""

from datetime import datetime

import streamlit as st

from core.domain.datasets import Dataset
from core.interventions.annotators import verdict_name
from core.store.database import Database
from core.store.datasets import load_dataset, run_key
from core.store.generation.runs import RunRecord
from core.store.generation.samples import counts
from core.store.interventions.judgements import Judgement, judgements_of, retract
from pages.components.intervene.annotation.agreement import show_agreement
from pages.components.intervene.annotation.queue import ORDERS, show_queue
from pages.components.intervene.annotation.state import (
    ask_for_name,
    changing_judgements,
    choose_annotator_name,
    session_id,
)
from pages.components.intervene.annotation.table import show_table
from pages.components.shell import AppContext, escape_markdown, show_errors

_VIEWS = {
    "queue": ":material/keyboard: One by one",
    "bulk": ":material/table_rows: Table",
    "agreement": ":material/group: Agreement",
    "history": ":material/history: History",
}
_OTHER_REASONS = {"bulk": "table", "lasso": "lasso"}
_SHOWN = 20
_MOST_CHARACTERS = 130


def show_annotation(app: AppContext, run: RunRecord, *, fingerprint: str | None = None) -> None:
    """Draw the annotation of a run's texts; a key redraws nothing else.

    Args:
        app: home and store.
        run: whose texts are judged.
        fingerprint: of the encoder whose stored vectors are used; None takes any that has embedded
            all texts.
    """
    usable = sum(row.usable for row in counts(app.db, run.id).values())
    if not usable:
        st.info("This run has no texts to judge yet.", icon=":material/hourglass_top:")
        return
    _show(app, run, usable, fingerprint)


@st.fragment
def _show(app: AppContext, run: RunRecord, usable: int, fingerprint: str | None) -> None:
    with show_errors():
        dataset = _texts(app.db, run_key(run.id), usable)
        with st.container(horizontal=True, vertical_alignment="center"):
            view = st.segmented_control(
                "View",
                list(_VIEWS),
                format_func=_VIEWS.__getitem__,
                default="queue",
                key="annotation_view",
                required=True,
                persist_state="session",
                label_visibility="collapsed",
            )
            st.space("stretch")
            who = choose_annotator_name()
        if view in ("queue", "bulk", None) and not who:
            ask_for_name()
        elif view == "bulk":
            show_table(app.db, run, dataset, who=who)
        elif view == "agreement":
            show_agreement(app, run, dataset)
        elif view == "history":
            _show_history(app.db, run, dataset, who=who)
        else:
            show_queue(app, run, dataset, who=who, fingerprint=fingerprint)


@st.cache_resource(max_entries=4, show_spinner=False)
def _texts(_db: Database, key: str, usable: int) -> Dataset:
    """A run's texts; `usable` distinguishes the states of a run that grows."""
    return load_dataset(_db, key)


def _show_history(db: Database, run: RunRecord, dataset: Dataset, *, who: str) -> None:
    """The person's latest judgements in effect, newest first."""
    own = [judgement for judgement in judgements_of(db, run.id) if judgement.who == who]
    if not own:
        st.info("You have not judged a text of this run yet.", icon=":material/history:")
        return
    row_of = {key: row for row, key in enumerate(dataset.ids)}
    st.caption(
        f"Your last {min(len(own), _SHOWN)} of {len(own):,} judgements in effect. A retracted one "
        "stays on record, and your earlier judgement of the text counts again. Those of another "
        "session may be by somebody else with the same name."
    )
    for judgement in own[: -_SHOWN - 1 : -1]:
        row = row_of.get(judgement.verdict.sample_id)
        if row is not None:
            _show_judgement(db, judgement, dataset.texts[row], dataset.labels[row])


def _show_judgement(db: Database, judgement: Judgement, text: str, specified: str) -> None:
    skipped = judgement.verdict.skipped
    verdict = "skipped" if skipped else verdict_name(judgement.verdict) or "in scope"
    if not skipped and verdict != specified:
        verdict = f"{specified} → {verdict}"
    with st.container(horizontal=True, vertical_alignment="center", wrap=False):
        st.button(
            "Retract",
            icon=":material/undo:",
            key=f"take-back-{judgement.id}",
            on_click=_retract,
            args=(db, judgement),
        )
        st.markdown(f"**{escape_markdown(verdict)}**", width=190)
        short = text if len(text) <= _MOST_CHARACTERS else f"{text[: _MOST_CHARACTERS - 1]}…"
        st.text(short, width="stretch", wrap=False)
        when = datetime.fromtimestamp(judgement.at).strftime("%d %b %H:%M")
        reasons = _OTHER_REASONS | {order.kind: order.title for order in ORDERS}
        reason = reasons.get(judgement.why, judgement.why)
        elsewhere = "" if judgement.session == session_id() else " · another session"
        st.caption(f"{when} · {reason.lower()}{elsewhere}", width=210)


def _retract(db: Database, judgement: Judgement) -> None:
    with changing_judgements():
        retract(db, judgement.id, who=judgement.who)
