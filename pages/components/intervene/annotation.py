"""Annotation: one big text at a time, a key for every verdict; the same as a table; who agrees."""

from collections.abc import Mapping

import streamlit as st

from core.datasets import Dataset
from core.store.counts import counts
from core.store.database import Database
from core.store.datasets import load_dataset, run_key
from core.store.runs import RunRecord
from pages.components.intervene.annotation_agreement import show_agreement
from pages.components.intervene.annotation_bulk import show_bulk
from pages.components.intervene.annotation_history import show_history
from pages.components.intervene.annotation_queue import show_queue
from pages.components.intervene.annotation_state import ask_who
from pages.components.office import Office, told

Confidence = Mapping[str, float | None]

_VIEWS = {
    "queue": ":material/keyboard: One by one",
    "bulk": ":material/table_rows: Table",
    "agreement": ":material/group: Agreement",
    "history": ":material/history: History",
}


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
            first; None takes that of the newest preview of a label replacement.
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
            show_bulk(office.db, run, dataset, who=who)
        elif view == "agreement":
            show_agreement(office, run, dataset)
        elif view == "history":
            show_history(office.db, run, dataset, who=who)
        else:
            show_queue(
                office, run, dataset, who=who, fingerprint=fingerprint, confidence=confidence
            )


@st.cache_resource(max_entries=4, show_spinner=False)
def texts_of(_db: Database, key: str, usable: int) -> Dataset:
    """A run's texts; `usable` tells a run that grew from its younger self."""
    return load_dataset(_db, key)
