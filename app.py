"""Wideset: page configuration and navigation."""

import streamlit as st

from pages.components.office import set_up

set_up()
page = st.navigation(
    [
        st.Page(
            "pages/generate.py",
            title="Generate",
            icon=":material/edit_note:",
            default=True,
            help="Choose a task, move the diversity knobs, and read the texts as they arrive.",
        ),
        st.Page(
            "pages/explore.py",
            title="Explore",
            icon=":material/scatter_plot:",
            help="See how widely the texts spread, where they repeat themselves, and why.",
        ),
    ],
    position="top",
)
page.run()
