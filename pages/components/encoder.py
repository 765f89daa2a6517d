"""The choice of an encoder in the side bar; one for all pages."""

import streamlit as st

from core.diversity.embedding.encoder import EncoderChoice
from core.domain.errors import BadInput
from pages.components.shell import escape_markdown


def choose_encoder() -> EncoderChoice | None:
    """Draw the choice; None while it is unfinished or refused."""
    with st.expander("Encoder", icon=":material/scatter_plot:"):
        kind = st.segmented_control(
            "Encoder",
            ["Embedded", "Hugging Face"],
            default="Embedded",
            key="encoder_kind",
            required=True,
            persist_state="session",
            label_visibility="collapsed",
        )
        if kind == "Embedded":
            st.caption("all-MiniLM-L6-v2, mean pooling, on this machine, without a network.")
            return EncoderChoice()
        name = st.text_input(
            "Model id or folder",
            key="encoder_id",
            persist_state="session",
            placeholder="google-bert/bert-base-uncased",
        ).strip()
        pooling = st.segmented_control(
            "Pooling",
            ["mean", "cls"],
            default="mean",
            key="encoder_pooling",
            required=True,
            persist_state="session",
            help="The mean over all tokens, or the vector of the first one.",
        )
        if not name:
            st.info("Write an encoder's id.")
            return None
        try:
            return EncoderChoice(model=name, pooling=pooling or "mean")
        except BadInput as error:
            st.error(escape_markdown(str(error)))
            return None
