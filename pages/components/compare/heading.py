"""The heading of the Compare page: its name, the presenter's view and the report."""

import streamlit as st

from pages.components.compare.comparison import Comparison
from pages.components.compare.presenter import offer_presenter
from pages.components.compare.reporting import offer_report, show_report_work
from pages.components.office import Office


def show_heading(office: Office, seen: Comparison | None) -> None:
    """Draw it; without anything to compare, the name alone."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("Compare", anchor=False, width="content")
        if seen is not None and len(seen.points):
            st.space("stretch")
            offer_report(office, seen)
            offer_presenter(seen)
    with st.container():  # what comes and goes has a place of its own
        if seen is not None and len(seen.points):
            show_report_work(office, seen)
