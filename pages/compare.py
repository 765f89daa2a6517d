"""Compare: what each knob gains and costs, what repair recovers, and the recommended setting."""

import streamlit as st

from pages.components.compare.comparison import Comparison, choose, compare
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


def _show(app: AppContext, comparison: Comparison) -> None:
    if OPEN in st.session_state:
        st.session_state["compare_tabs"] = st.session_state.pop(OPEN)
    tabs = st.tabs(list(_TABS), key="compare_tabs", on_change="rerun")
    for show, tab in zip(_TABS.values(), tabs, strict=True):
        if tab.open:
            with tab, show_errors():
                show(app, comparison)


app = set_up()
load_figures_ahead()
show_flash()
with show_errors():
    restore_presented(app)
    choice = choose(app)
    comparison = None if choice is None else compare(app, choice)
    if comparison is not None and presenting():
        show_presenter(app, comparison)
        st.stop()
    show_heading(app, comparison)
    if comparison is None:
        st.info(
            "There is nothing to compare yet. Open the demo on Home, or generate texts.",
            icon=":material/insights:",
        )
        st.page_link("pages/home.py", label="Home", icon=":material/home:")
    else:
        with st.container():
            show_sweeps(app, comparison.choice)
            show_work(app, comparison.works, results=True)
        if len(comparison.points):
            _show(app, comparison)
        elif comparison.choice.sweeps:
            more = len(comparison.choice.all_sweeps) > len(comparison.choice.sweeps)
            st.caption(
                "These sweeps have no results yet: each run appears after it is measured."
                + (" Other sweeps can be chosen in the side bar." if more else "")
            )
