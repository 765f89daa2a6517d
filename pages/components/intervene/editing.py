"""Edits by hand: the label of chosen texts, or that they go or come back."""

import pandas as pd
import streamlit as st

from core.interventions.acceptance import accept_edits
from pages.components.intervene.asking import annotator_name
from pages.components.intervene.standing import Standing
from pages.components.intervene.texts import choose_rows
from pages.components.office import Office, told

_MOST = 500


@st.fragment
def show_editing(office: Office, seen: Standing) -> None:
    """Draw the part; searching redraws nothing else."""
    subject = seen.subject
    removed = any(not row.kept for row in subject.rows)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        wanted = st.text_input(
            "Search", key="edit_search", placeholder="Words of a text", width=300
        )
        label = st.selectbox("Label", ["All", *seen.label_names], key="edit_label", width=200)
        gone = removed and st.toggle("Removed texts", key="edit_removed")
    rows = [
        (row, text)
        for row, text in zip(subject.rows, subject.texts, strict=True)
        if row.kept != gone and label in ("All", row.label) and wanted.casefold() in text.casefold()
    ]
    shown = rows[:_MOST]
    frame = pd.DataFrame(
        {"text": [text for _, text in shown], "label": [row.label for row, _ in shown]},
        index=[row.sample_id for row, _ in shown],
        dtype=object,
    )
    # Choices are by place, so another list is another table.
    key = f"edit-{wanted}-{label}-{gone}-{subject.dataset.key}"
    chosen = choose_rows(frame, labels=seen.label_names, key=key, height=320)
    if len(rows) > len(shown):
        st.caption(f"The first {_MOST:,} of {len(rows):,}; search for the others.")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        new = st.selectbox("Set to", list(seen.label_names), key="edit_new", width=200)
        if st.button(
            f"Set the label of {len(chosen):,}" if chosen else "Set the label",
            icon=":material/label:",
            key="edit_set",
            disabled=not chosen,
        ):
            _edit(office, seen, dict.fromkeys(chosen, str(new)), {})
        words, icon = ("Bring back", "undo") if gone else ("Remove", "delete")
        if st.button(
            f"{words} {len(chosen):,}" if chosen else words,
            icon=f":material/{icon}:",
            key="edit_scope",
            disabled=not chosen,
        ):
            _edit(office, seen, {}, dict.fromkeys(chosen, bool(gone)))


def _edit(office: Office, seen: Standing, labels: dict[str, str], scopes: dict[str, bool]) -> None:
    with told():
        accept_edits(office.db, seen.subject, labels, scopes, who=annotator_name())
        count = len(labels) + len(scopes)
        st.session_state["intervened"] = (
            f"{count:,} texts edited. Undo takes it back." if count > 1 else "One text edited."
        )
        st.rerun()
