"""The choice of an encoder in the sidebar; one for all pages."""

import streamlit as st

from core.diversity.embedding.encoder import EncoderChoice
from core.domain.errors import BadInput
from pages.components.shell import escape_markdown

_BUILT_IN, _HUB = "Built-in", "Hugging Face"


def choose_encoder() -> EncoderChoice | None:
    """Draw the choice; None while it is incomplete or invalid."""
    with st.expander("Encoder", icon=":material/scatter_plot:"):
        kind = st.segmented_control(
            "Encoder",
            [_BUILT_IN, _HUB],
            default=_BUILT_IN,
            key="encoder_kind",
            required=True,
            persist_state="session",
            label_visibility="collapsed",
        )
        if kind == _BUILT_IN:
            st.caption("all-MiniLM-L6-v2 with mean pooling; runs on this machine, offline.")
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
            help="The mean over all tokens, or the vector of the first token (CLS).",
        )
        if not name:
            st.info("Enter a model id or folder.")
            return None
        try:
            return EncoderChoice(model=name, pooling=pooling or "mean")
        except BadInput as error:
            st.error(escape_markdown(str(error)))
            return None
