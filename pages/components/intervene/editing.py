"""The Manual edits tab: set labels of selected texts, remove or restore them."""

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from core.domain.registries.stages import STAGE
from core.domain.wording import counted
from core.interventions.registry import Edits, apply_intervention
from pages.components.intervene.annotation.state import annotator_name
from pages.components.intervene.header import set_message
from pages.components.intervene.state import RunState
from pages.components.shell import AppContext, show_errors
from pages.components.tables import show_texts

_MOST_ROWS = 500


@st.fragment
def show_editing(app: AppContext, state: RunState) -> None:
    """Draw the tab; searching redraws nothing else."""
    st.caption(STAGE["manual"].help)
    subject = state.subject
    with st.container(horizontal=True, vertical_alignment="bottom"):
        search = st.text_input(
            "Search", key="edit_search", placeholder="Words in the text", width=300
        )
        label = st.selectbox("Label", ["All", *state.label_names], key="edit_label", width=200)
        any_removed = any(not row.kept for row in subject.rows)
        removed = any_removed and st.toggle("Removed texts", key="edit_removed")
    rows = [
        (row, text)
        for row, text in zip(subject.rows, subject.texts, strict=True)
        if row.kept != removed
        and label in ("All", row.label)
        and search.casefold() in text.casefold()
    ]
    shown = rows[:_MOST_ROWS]
    frame = pd.DataFrame(
        {"text": [text for _, text in shown], "label": [row.label for row, _ in shown]},
        index=[row.sample_id for row, _ in shown],
        dtype=object,
    )
    selected = show_texts(
        frame,
        labels=state.label_names,
        # Selections are by position, so another list of texts is another table.
        key=f"edit-{search}-{label}-{removed}-{subject.dataset.key}",
        height=320,
        alt="Texts with their labels",
        selectable=True,
    )
    if len(rows) > len(shown):
        st.caption(f"Showing the first {_MOST_ROWS:,} of {len(rows):,}; search to find the others.")
    count = f" ({len(selected):,})" if selected else ""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        new = st.selectbox("New label", list(state.label_names), key="edit_new", width=200)
        if st.button(
            f"Set label{count}", icon=":material/label:", key="edit_set", disabled=not selected
        ):
            _edit(app, state, labels=dict.fromkeys(selected, str(new)))
        action, icon = ("Restore", "undo") if removed else ("Remove", "delete")
        if st.button(
            f"{action}{count}",
            icon=f":material/{icon}:",
            key="edit_scope",
            disabled=not selected,
        ):
            _edit(app, state, scopes=dict.fromkeys(selected, bool(removed)))


def _edit(
    app: AppContext,
    state: RunState,
    *,
    labels: Mapping[str, str] | None = None,
    scopes: Mapping[str, bool] | None = None,
) -> None:
    """Derive a version with new labels, or with texts removed (False) or restored (True)."""
    labels, scopes = labels or {}, scopes or {}
    with show_errors():
        who = annotator_name()
        edits = Edits(labels=labels, scopes=scopes, who=who)
        apply_intervention(app.db, state.subject, "manual", edits, who=who)
        set_message(f"{counted(len(labels) + len(scopes), 'text')} edited. Undo to revert.")
        st.rerun()
