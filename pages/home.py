"""Home: what this is, three ways to begin, the projects, and what the worker does now."""

import streamlit as st

from pages.components.home.activity import show_at_work
from pages.components.home.new_project import show_ways
from pages.components.home.projects import show_projects
from pages.components.shell import load_figures_ahead, set_up, show_errors, show_flash

_GENERATES = {"run", "task", "temperature", "suppression", "per_label", "seed"}

app = set_up()
if _GENERATES & set(st.query_params):
    # What used to be the front page: its addresses are in people's bookmarks.
    st.switch_page("pages/generate.py", query_params=st.query_params.to_dict())
show_flash()
st.title("Labelled text that is diverse and right", anchor=False)
st.markdown(
    "Wideset lets a language model write labelled texts and widens them with temperature and "
    "logit suppression while you watch their spread. Wider data has more wrong labels, so you "
    "repair them: with a few judgements, or with none. Then classifiers show what the data is "
    "worth, and the trade-off is there to read, to tune and to present.",
    width=820,
)
show_at_work(app)
with show_errors():
    show_ways(app)
with show_errors():
    show_projects(app)
load_figures_ahead()
