"""Home: what Wideset is, three ways to start, the projects, and what the worker does now."""

import streamlit as st

from core.domain.registries.knobs import KNOBS
from pages.components.home import show_activity, show_projects, show_start_options
from pages.components.shell import load_figures_ahead, set_up, show_errors, show_flash

_GENERATE_PARAMS = {"run", "task", "per_label", "seed"} | {
    knob.name for knob in KNOBS if knob.group == "main"
}

app = set_up()
if _GENERATE_PARAMS & set(st.query_params):
    # Generate used to be the front page, and bookmarks still point there.
    st.switch_page("pages/generate.py", query_params=st.query_params.to_dict())
show_flash()
st.title("Diverse, correctly labelled text data", anchor=False)
st.markdown(
    "Wideset generates labelled texts with a language model, and makes them more diverse with "
    "temperature and logit suppression while you watch. More diverse data has more wrong labels, "
    "so you correct them: with a few human judgements, or with none. Classifiers then show how "
    "useful the data is, and you can inspect, tune and present the trade-off.",
    width=820,
)
show_activity(app)
with show_errors():
    show_start_options(app)
with show_errors():
    show_projects(app)
load_figures_ahead()
