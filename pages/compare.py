"""Compare: what each knob buys and costs, what repair brings back, and where to stand."""

import streamlit as st

from pages.components.compare.choice import choose
from pages.components.compare.comparison import Comparison, compare
from pages.components.compare.findings import show_matters
from pages.components.compare.frontier import show_frontier
from pages.components.compare.heading import show_heading
from pages.components.compare.knobs import show_knobs
from pages.components.compare.maps import show_maps
from pages.components.compare.paper import show_paper
from pages.components.compare.point import OPEN
from pages.components.compare.presenter import (
    presenting,
    restore_presented,
    show_presenter,
)
from pages.components.compare.sweeps.list import show_sweeps
from pages.components.compare.table import show_table
from pages.components.compare.texts import show_texts
from pages.components.jobs import show_work
from pages.components.shell import AppContext, load_figures_ahead, set_up, show_errors, show_flash

_TABS = {
    "Frontier": show_frontier,
    "The paper": show_paper,
    "Knobs": show_knobs,
    "What matters": show_matters,
    "Table": show_table,
    "Maps": show_maps,
    "Texts": show_texts,
}


def _show(app: AppContext, seen: Comparison) -> None:
    if OPEN in st.session_state:
        st.session_state["compare_tabs"] = st.session_state.pop(OPEN)
    tabs = st.tabs(list(_TABS), key="compare_tabs", on_change="rerun")
    for show, tab in zip(_TABS.values(), tabs, strict=True):
        if tab.open:
            with tab, show_errors():
                show(app, seen)


app = set_up()
load_figures_ahead()
show_flash()
with show_errors():
    restore_presented(app)
    choice = choose(app)
    seen = None if choice is None else compare(app, choice)
    if seen is not None and presenting():
        show_presenter(app, seen)
        st.stop()
    show_heading(app, seen)
    if seen is None:
        st.info(
            "There is nothing to compare yet. Open the demo on Home, or generate some texts.",
            icon=":material/insights:",
        )
        st.page_link("pages/home.py", label="Home", icon=":material/home:")
    else:
        with st.container():
            show_sweeps(app, seen.choice)
            show_work(app, seen.works, results=True)
        if len(seen.points):
            _show(app, seen)
        elif seen.choice.sweeps:
            more = len(seen.choice.all_sweeps) > len(seen.choice.sweeps)
            st.caption(
                "No result of this choice yet: each run shows here once it is measured."
                + (" The other sweeps are in the side bar." if more else "")
            )
