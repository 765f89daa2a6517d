"""Annotation: one big text at a time, a key for every verdict; the same as a table; who agrees."""

import getpass
from collections.abc import Mapping

import streamlit as st

from core.datasets import Dataset
from core.store.counts import counts
from core.store.database import Database
from core.store.datasets import load_dataset, run_key
from core.store.runs import RunRecord
from pages.components.intervene.annotation_queue import show_queue
from pages.components.office import Office, told

Confidence = Mapping[str, float | None]


def show_annotation(
    office: Office,
    run: RunRecord,
    *,
    fingerprint: str | None = None,
    confidence: Confidence | None = None,
) -> None:
    """Draw the annotation of a run's texts; a key redraws nothing but this.

    Args:
        office: home and store.
        run: whose texts are judged.
        fingerprint: of the encoder whose stored vectors spread the queue and find neighbours; None
            takes any that knows all texts.
        confidence: in the labels as they are now, by text id, 0 to 1, for the most uncertain
            first; None takes that of the newest label replacement.
    """
    usable = sum(row.usable for row in counts(office.db, run.id).values())
    if not usable:
        st.info("This run has no texts to judge yet.", icon=":material/hourglass_top:")
        return
    _show(office, run, usable, fingerprint, confidence)


@st.fragment
def _show(
    office: Office,
    run: RunRecord,
    usable: int,
    fingerprint: str | None,
    confidence: Confidence | None,
) -> None:
    with told():
        dataset = texts_of(office.db, run_key(run.id), usable)
        who = _who()
        show_queue(office, run, dataset, who=who, fingerprint=fingerprint, confidence=confidence)


def _who() -> str:
    st.session_state.setdefault("annotator", _user())
    name = st.text_input(
        "Your name",
        key="annotator",
        max_chars=200,
        persist_state="session",
        help="Kept with every judgement, so that several people can work on the same texts.",
    )
    return name.strip() or _user()


def _user() -> str:
    """The name of whoever is logged in, as far as the system tells."""
    try:
        return getpass.getuser()[:200] or "me"
    except (KeyError, OSError, ImportError):
        return "me"


@st.cache_resource(max_entries=4, show_spinner=False)
def texts_of(_db: Database, key: str, usable: int) -> Dataset:
    """A run's texts; `usable` tells a run that grew from its younger self."""
    return load_dataset(_db, key)
