"""Connect: models behind servers, what their knobs really do, and what they cost."""

import streamlit as st

from pages.components.connect.editing import FORM, open_form, show_form
from pages.components.connect.server import show_server
from pages.components.connect.servers import choose_server
from pages.components.shell import set_up, show_errors, show_flash

app = set_up()
show_flash()
with st.container(horizontal=True, vertical_alignment="center"):
    st.subheader("Connect", anchor=False, width="content")
    st.space("stretch")
    st.button(
        "Add a connection",
        icon=":material/add:",
        key="connect_add",
        on_click=open_form,
        args=(None,),
        disabled=FORM in st.session_state,
    )
st.caption(
    "Language models behind any server with OpenAI's API: OpenAI, vLLM, llama.cpp, LM Studio, "
    "Ollama. A test finds out which knobs really work there."
)
with show_errors():
    form, listed = st.container(), st.container()
    with form:
        show_form(app)
    with listed:
        chosen = choose_server(app)
    if chosen is not None:
        show_server(app, chosen)
    elif FORM not in st.session_state:
        st.info(
            "There is no connection yet. Add one; the embedded model needs none.",
            icon=":material/cable:",
        )
