"""The tabs of interventions without a preview by the worker: manual edits, and those that need
nothing but numbers."""

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from core.domain.errors import BadInput
from core.domain.registries.stages import STAGE
from core.domain.wording import counted
from core.interventions.registry import INTERVENTIONS, Edits, preview_intervention
from pages.components.intervene.annotation.state import annotator_name
from pages.components.intervene.header import apply
from pages.components.intervene.state import RunState
from pages.components.shell import AppContext, escape_markdown
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
    edits = Edits(labels=labels or {}, scopes=scopes or {}, who=annotator_name())
    count = counted(len(edits.labels) + len(edits.scopes), "text")
    apply(app, state, "manual", edits, f"{count} edited. Undo to revert.")


@st.fragment
def show_direct(app: AppContext, state: RunState, kind: str) -> None:
    """Draw the tab of a kind; a slider redraws nothing else."""
    st.caption(STAGE[kind].help)
    with st.container(horizontal=True, gap="large"):
        settings = {
            setting.name: st.slider(
                setting.title,
                float(setting.low),
                float(setting.high),
                float(setting.default),
                float(setting.step),
                key=f"{kind}_{setting.name}",
                help=setting.help or None,
            )
            for setting in INTERVENTIONS[kind].settings
        }
    try:
        proposal = preview_intervention(state.subject, kind, settings)
    except BadInput as error:
        st.info(escape_markdown(str(error)), icon=":material/info:")
        return
    rows = zip(state.subject.rows, proposal.rows, state.subject.texts, strict=True)
    changes = [row for row in rows if (row[0].label, row[0].kept) != (row[1].label, row[1].kept)]
    if st.button(f"Apply to {counted(len(changes), 'text')}", type="primary", key=f"{kind}_apply"):
        message = f"{counted(len(changes), 'text')} changed. Undo to revert."
        apply(app, state, kind, settings, message)
    frame = pd.DataFrame(
        {
            "text": [text for _, _, text in changes],
            "label": [old.label for old, _, _ in changes],
            "new": [new.label if new.label != old.label else None for old, new, _ in changes],
            "note": [
                "" if old.kept == new.kept else "restored" if new.kept else "removed"
                for old, new, _ in changes
            ],
        },
        index=[old.sample_id for old, _, _ in changes],
        dtype=object,
    )
    show_texts(
        frame,
        labels=state.label_names,
        titles={"label": "Label", "new": "New label"},
        key=f"{kind}-texts",
        alt="Texts that change",
    )
