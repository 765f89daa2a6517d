"""Navigation: which pages there are. Declared by app.py, or by a page that runs without it."""

from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage
from streamlit.runtime.scriptrunner import get_script_run_ctx

PAGES = Path(__file__).parent.parent

_BEGUN = "navigated"


def navigate() -> StreamlitPage:
    """Declare the pages; the one that was asked for."""
    st.session_state[_BEGUN] = True
    return st.navigation(
        [
            st.Page(
                PAGES / "home.py",
                title="Home",
                icon=":material/home:",
                default=True,
                url_path="start",  # which it is not served at; but its file's name stays free
                help="What this is, ways to begin, your projects.",
            ),
            st.Page(
                PAGES / "generate.py",
                title="Generate",
                icon=":material/edit_note:",
                help="Choose a task, move the diversity knobs, and read the texts as they arrive.",
            ),
            st.Page(
                PAGES / "explore.py",
                title="Explore",
                icon=":material/scatter_plot:",
                help="See how widely the texts spread, where they repeat themselves, and why.",
            ),
            st.Page(
                PAGES / "intervene.py",
                title="Intervene",
                icon=":material/healing:",
                help="Judge texts, replace wrong labels, take out what is out of scope, undo.",
            ),
            st.Page(
                PAGES / "train.py",
                title="Train",
                icon=":material/model_training:",
                help="Train classifiers on the texts and test them on real ones.",
            ),
            st.Page(
                PAGES / "compare.py",
                title="Compare",
                icon=":material/insights:",
                help="See the trade-off: diversity against accuracy, and what repair brings back.",
            ),
            st.Page(
                PAGES / "connect.py",
                title="Connect",
                icon=":material/cable:",
                help="Add a server with OpenAI's API, test which knobs work there, set prices.",
            ),
            # The default page has no address of its own, but people and bookmarks give it one.
            st.Page(PAGES / "home.py", title="Home", url_path="home", visibility="hidden"),
        ],
        position="top",
    )


def navigate_if_alone() -> None:
    """Begin anew with app.py where Streamlit left it out.

    It does so when a page's address is a server's first request: until pages are declared, it
    takes `pages/` for a list of programs. A page that is a program of its own stays as it is.
    """
    context = get_script_run_ctx()
    if _BEGUN in st.session_state or context is None:
        return
    if Path(context.main_script_path).name == "app.py":
        navigate()
        st.rerun()
