"""The heading of the Compare page: its name, the presenter's view and the report."""

import streamlit as st

from pages.components.compare.comparison import Comparison
from pages.components.compare.presenter import offer_presenter
from pages.components.office import Office


def show_heading(office: Office, seen: Comparison | None) -> None:
    """Draw it; without anything to compare, the name alone."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("Compare", anchor=False)
        if seen is not None and len(seen.points):
            offer_presenter(seen)
