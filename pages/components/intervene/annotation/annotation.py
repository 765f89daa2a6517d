"""What the annotator said last, each event with a way to take it back."""

from collections.abc import Mapping
from datetime import datetime

import streamlit as st

from core.domain.datasets import Dataset
from core.domain.errors import WidesetError
from core.interventions.annotation.agreement import in_one_word
from core.store.database import Database
from core.store.datasets import load_dataset, run_key
from core.store.generation.runs import RunRecord
from core.store.generation.samples import counts
from core.store.interventions.judgements import Judgement, judgements_of, retract
from pages.components.intervene.annotation.agreement import show_agreement
from pages.components.intervene.annotation.bulk import show_bulk
from pages.components.intervene.annotation.queue import show_queue
from pages.components.intervene.annotation.state import ask_who, forget_sitting, note, session_id
from pages.components.shell import AppContext, escape_markdown, show_errors

_SHOWN = 20
_WHY = {
    "audit": "audit set",
    "uncertain": "most uncertain",
    "spread": "most spread out",
    "label": "a label at a time",
    "bulk": "table",
    "lasso": "lasso",
}
_TEXT = 130  # characters of a text that are shown


def show_history(db: Database, run: RunRecord, dataset: Dataset, *, who: str) -> None:
    """Draw the person's last judgements in effect, the latest first."""
    own = [one for one in judgements_of(db, run.id) if one.who == who]
    if not own:
        st.info("You have not judged a text of this run yet.", icon=":material/history:")
        return
    row = {key: place for place, key in enumerate(dataset.ids)}
    st.caption(
        f"Your last {min(len(own), _SHOWN)} of {len(own):,} judgements in effect. One that is "
        "taken back stays on record, and what you said before it counts again. Those of another "
        "session may be of somebody else under your name."
    )
    for one in own[: -_SHOWN - 1 : -1]:
        place = row.get(one.verdict.sample_id)
        if place is not None:
            _show_event(db, one, dataset.texts[place], dataset.labels[place])


def _show_event(db: Database, one: Judgement, text: str, specified: str) -> None:
    word = "skipped" if one.verdict.skipped else in_one_word(one.verdict) or "in scope"
    when = datetime.fromtimestamp(one.at).strftime("%d %b %H:%M")
    with st.container(horizontal=True, vertical_alignment="center", wrap=False):
        st.button(
            "Take back",
            icon=":material/undo:",
            key=f"take-back-{one.id}",
            on_click=_take_back,
            args=(db, one),
        )
        changed = not one.verdict.skipped and word != specified
        said = f"{specified} → {word}" if changed else word
        st.markdown(f"**{escape_markdown(said)}**", width=190)
        st.text(
            text if len(text) <= _TEXT else f"{text[: _TEXT - 1]}…", width="stretch", wrap=False
        )
        elsewhere = "" if one.session == session_id() else " · another session"
        st.caption(f"{when} · {_WHY.get(one.why, one.why)}{elsewhere}", width=210)


def _take_back(db: Database, one: Judgement) -> None:
    try:
        retract(db, one.id, who=one.who)
    except WidesetError as error:
        note(error)
        return
    forget_sitting()


Confidence = Mapping[str, float | None]

_VIEWS = {
    "queue": ":material/keyboard: One by one",
    "bulk": ":material/table_rows: Table",
    "agreement": ":material/group: Agreement",
    "history": ":material/history: History",
}


def show_annotation(
    app: AppContext,
    run: RunRecord,
    *,
    fingerprint: str | None = None,
    confidence: Confidence | None = None,
) -> None:
    """Draw the annotation of a run's texts; a key redraws nothing but this.

    Args:
        app: home and store.
        run: whose texts are judged.
        fingerprint: of the encoder whose stored vectors spread the queue and find neighbours; None
            takes any that knows all texts.
        confidence: in the labels as they are now, by text id, 0 to 1, for the most uncertain
            first; None takes that of the newest preview of a label replacement.
    """
    usable = sum(row.usable for row in counts(app.db, run.id).values())
    if not usable:
        st.info("This run has no texts to judge yet.", icon=":material/hourglass_top:")
        return
    _show(app, run, usable, fingerprint, confidence)


@st.fragment
def _show(
    app: AppContext,
    run: RunRecord,
    usable: int,
    fingerprint: str | None,
    confidence: Confidence | None,
) -> None:
    with show_errors():
        dataset = texts_of(app.db, run_key(run.id), usable)
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
            who = ask_who()
        if view == "bulk":
            show_bulk(app.db, run, dataset, who=who)
        elif view == "agreement":
            show_agreement(app, run, dataset)
        elif view == "history":
            show_history(app.db, run, dataset, who=who)
        else:
            show_queue(app, run, dataset, who=who, fingerprint=fingerprint, confidence=confidence)


@st.cache_resource(max_entries=4, show_spinner=False)
def texts_of(_db: Database, key: str, usable: int) -> Dataset:
    """A run's texts; `usable` tells a run that grew from its younger self."""
    return load_dataset(_db, key)
