"""What the annotator said last, each event with a way to take it back."""

from datetime import datetime

import streamlit as st

from core.datasets import Dataset
from core.errors import WidesetError
from core.interventions.differences import in_one_word
from core.store.database import Database
from core.store.judgements import Judgement, judgements_of, retract
from core.store.runs import RunRecord
from pages.components.intervene.annotation_state import forget_sitting, note, session_id
from pages.components.plain import plain

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
        st.markdown(f"**{plain(said)}**", width=190)
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
