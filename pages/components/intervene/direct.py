"""The tab of an intervention that needs nothing but numbers: settings, a preview, Apply."""

import pandas as pd
import streamlit as st

from core.domain.errors import BadInput
from core.domain.registries.stages import STAGE
from core.domain.wording import counted
from core.interventions.registry import (
    INTERVENTIONS,
    NumberSetting,
    apply_intervention,
    preview_intervention,
)
from pages.components.intervene.annotation.state import annotator_name
from pages.components.intervene.header import set_message
from pages.components.intervene.state import RunState
from pages.components.shell import AppContext, escape_markdown, show_errors
from pages.components.tables import show_texts


@st.fragment
def show_direct(app: AppContext, state: RunState, kind: str) -> None:
    """Draw the tab of a kind; a slider redraws nothing else."""
    st.caption(STAGE[kind].help)
    with st.container(horizontal=True, gap="large"):
        settings = {own.name: _slider(kind, own) for own in INTERVENTIONS[kind].settings}
    try:
        proposal = preview_intervention(state.subject, kind, settings)
    except BadInput as error:
        st.info(escape_markdown(str(error)), icon=":material/info:")
        return
    changes = [
        (old, new, text)
        for old, new, text in zip(
            state.subject.rows, proposal.rows, state.subject.texts, strict=True
        )
        if (old.label, old.kept) != (new.label, new.kept)
    ]
    if st.button(f"Apply to {counted(len(changes), 'text')}", type="primary", key=f"{kind}_apply"):
        with show_errors():
            apply_intervention(app.db, state.subject, kind, settings, who=annotator_name())
            set_message(f"{counted(len(changes), 'text')} changed. Undo to revert.")
            st.rerun()
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


def _slider(kind: str, setting: NumberSetting) -> float:
    return float(
        st.slider(
            setting.title,
            float(setting.low),
            float(setting.high),
            float(setting.default),
            float(setting.step),
            key=f"{kind}_{setting.name}",
            help=setting.help or None,
        )
    )
