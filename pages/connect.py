"""Connect: models behind servers, which knobs have an effect there, and their prices."""

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
        "Add connection",
        icon=":material/add:",
        key="connect_add",
        on_click=open_form,
        args=(None,),
        disabled=FORM in st.session_state,
    )
st.caption(
    "Language models behind any server with OpenAI's API: OpenAI, vLLM, llama.cpp, LM Studio, "
    "Ollama. A test finds out which knobs have an effect there."
)
with show_errors():
    show_form(app)
    connection = choose_server(app)
    if connection is not None:
        show_server(app, connection)
    elif FORM not in st.session_state:
        st.info(
            "No connections yet. The built-in model needs none.",
            icon=":material/cable:",
        )
