"""Intervene: repair labels, take out what is out of scope, and take it back."""

import streamlit as st

from pages.components.intervene.annotation.annotation import show_annotation
from pages.components.intervene.budget import show_budget
from pages.components.intervene.choice import choose
from pages.components.intervene.current_version import Standing, standing
from pages.components.intervene.filtering import show_filtering
from pages.components.intervene.header import show_header, show_oracle
from pages.components.intervene.labels import show_labels
from pages.components.intervene.relabelling import show_replacing
from pages.components.intervene.versions import show_versions
from pages.components.jobs import show_work
from pages.components.shell import AppContext, set_up, show_errors, show_flash

_TABS = ("Annotate", "Labels", "Replace labels", "Out of scope", "Budget", "Versions")


def _show(app: AppContext, seen: Standing) -> None:
    tabs = st.tabs(list(_TABS), key="intervene_tabs", on_change="rerun")
    for name, tab in zip(_TABS, tabs, strict=True):
        if not tab.open:
            continue
        with tab, show_errors():
            if name == "Annotate":
                show_annotation(app, seen.choice.run, fingerprint=seen.fingerprint)
            elif name == "Replace labels":
                show_replacing(app, seen)
            elif name == "Labels":
                show_labels(seen)
            elif name == "Out of scope":
                show_filtering(app, seen)
            elif name == "Budget":
                show_budget(app, seen)
            else:
                show_versions(app, seen)


app = set_up()
show_flash()
with show_errors():
    choice = choose(app)
    if choice is None:
        st.subheader("Intervene", anchor=False)
        st.info(
            "There is nothing to repair yet. Generate some texts, or choose a run in the side bar.",
            icon=":material/healing:",
        )
        st.page_link("pages/generate.py", label="Generate texts", icon=":material/edit_note:")
    else:
        seen = standing(app, choice)
        with st.sidebar:
            show_oracle(seen)
        # What comes and goes above the tabs must not move them: a fragment is known by its place,
        # and a key pressed during a move would be lost.
        with st.container():
            show_header(app, seen)
            if seen.going:
                st.info(
                    "Still generating. Previews wait until the run is at rest; you can judge "
                    "texts.",
                    icon=":material/play_arrow:",
                )
            show_work(app, seen.works)
        _show(app, seen)
