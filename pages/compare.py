"""Compare: what each knob buys and costs, what repair brings back, and where to stand."""

import streamlit as st

from pages.components.compare.choice import choose
from pages.components.compare.comparison import Comparison, compare
from pages.components.office import Office, set_up, show_flash, told
from pages.components.work import show_work

_TABS = ("Frontier", "The paper", "Knobs", "What matters", "Table", "Maps", "Texts")


def _show(office: Office, seen: Comparison) -> None:
    tabs = st.tabs(list(_TABS), key="compare_tabs", on_change="rerun")
    for name, tab in zip(_TABS, tabs, strict=True):
        if tab.open:
            with tab, told():
                st.caption(name)


office = set_up()
show_flash()
with told():
    choice = choose(office)
    st.subheader("Compare", anchor=False)
    if choice is None:
        st.info(
            "There is nothing to compare yet. Open the demo on Home, or generate some texts.",
            icon=":material/insights:",
        )
        st.page_link("pages/home.py", label="Home", icon=":material/home:")
    else:
        seen = compare(office, choice)
        with st.container():
            show_work(office, seen.works)
        if len(seen.points):
            _show(office, seen)
