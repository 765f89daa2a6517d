"""Intervene: correct labels, remove what is out of scope, undo."""

from collections.abc import Callable, Mapping
from functools import partial

import streamlit as st

from core.domain.registries.stages import STAGES
from core.interventions.registry import INTERVENTIONS
from pages.components.intervene.accuracy import show_accuracy
from pages.components.intervene.annotation.annotation import show_annotation
from pages.components.intervene.budget import show_budget
from pages.components.intervene.edits import show_direct, show_editing
from pages.components.intervene.filtering import show_filtering
from pages.components.intervene.header import show_header, show_oracle
from pages.components.intervene.relabelling import show_relabelling
from pages.components.intervene.state import RunState, choose, load_state
from pages.components.intervene.versions import show_versions
from pages.components.jobs import show_work
from pages.components.shell import AppContext, set_up, show_errors, show_flash

_View = Callable[[AppContext, RunState], None]


def _annotate(app: AppContext, state: RunState) -> None:
    show_annotation(app, state.choice.run, fingerprint=state.fingerprint)


_STAGE_VIEWS: Mapping[str, _View] = {
    "lr": show_relabelling,
    "oosf": show_filtering,
    "manual": show_editing,
}
_TABS: Mapping[str, _View] = {
    "Annotate": _annotate,
    "Label accuracy": show_accuracy,
    **{
        stage.title: _STAGE_VIEWS.get(stage.kind, partial(show_direct, kind=stage.kind))
        for stage in STAGES
        if stage.kind in INTERVENTIONS
    },
    "Budget": show_budget,
    "Versions": show_versions,
}


def _show_tabs(app: AppContext, state: RunState) -> None:
    tabs = st.tabs(list(_TABS), key="intervene_tabs", on_change="rerun", bind="query-params")
    for tab, show in zip(tabs, _TABS.values(), strict=True):
        if tab.open:
            with tab, show_errors():
                show(app, state)


def _show_page(app: AppContext) -> None:
    choice = choose(app)
    if choice is None:
        st.subheader("Intervene", anchor=False)
        st.info(
            "There are no texts to repair yet. Generate some, or choose a run in the sidebar.",
            icon=":material/healing:",
        )
        st.page_link("pages/generate.py", label="Generate texts", icon=":material/edit_note:")
        return
    state = load_state(app, choice)
    with st.sidebar:
        show_oracle(state)
    # In a container, so that the tabs keep their position, which identifies fragments, and a key
    # pressed in between is not lost.
    with st.container():
        show_header(app, state)
        if state.generating:
            st.info(
                "Still generating. Previews are available when the run has finished; you can judge "
                "texts now.",
                icon=":material/play_arrow:",
            )
        show_work(app, state.jobs)
    _show_tabs(app, state)


app = set_up()
show_flash()
with show_errors():
    _show_page(app)
