"""The knobs of a condition, each with a line of plain help."""

import streamlit as st

from core.domain.conditions import Condition, Suppression

_PROMPTS = {"A": "A", "C": "C", "chat": "Chat"}
_TALLIES = {"dataset": "Whole dataset", "label": "Each label"}


def main_knobs() -> tuple[float, float]:
    """Temperature and suppression strength, the two that the paper is about."""
    usual = Condition()
    temperature = st.slider(
        "Temperature",
        0.0,
        2.0,
        usual.temperature,
        0.05,
        key="temperature",
        bind="query-params",
    )
    st.caption("How freely words are chosen: 0 repeats itself, 1.3 is wild. Paper: 0.3 to 1.3.")
    strength = st.slider(
        "Logit suppression", 0.0, 20.0, 0.0, 0.5, key="suppression", bind="query-params"
    )
    st.caption("Makes words that were used often less likely: 0 is off, the paper's is 7.5.")
    return temperature, strength


def more_knobs(temperature: float, strength: float) -> Condition:
    """The other knobs, folded away; gives the whole condition."""
    usual = Condition()
    with st.expander("More knobs", icon=":material/tune:"):
        top_p = st.slider("top_p", 0.01, 1.0, 1.0, 0.01, key="top_p", persist_state="session")
        st.caption("Keeps the likeliest tokens that make up this share; 1 keeps all.")
        min_p = st.slider("min_p", 0.0, 1.0, 0.0, 0.01, key="min_p", persist_state="session")
        st.caption("Drops tokens less likely than this share of the likeliest; 0 is off.")
        penalty = st.slider(
            "Frequency penalty",
            -2.0,
            2.0,
            usual.frequency_penalty,
            0.02,
            key="frequency_penalty",
            persist_state="session",
        )
        st.caption("Against repeating a word within one text; the paper's is 0.02.")
        tokens = st.slider(
            "Suppressed tokens", 0, 300, 100, 10, key="suppressed_tokens", persist_state="session"
        )
        st.caption("How many of the most frequent tokens suppression bears on.")
        scope = st.segmented_control(
            "Tally of tokens",
            list(_TALLIES),
            default="dataset",
            format_func=_TALLIES.__getitem__,
            key="tally",
            required=True,
            persist_state="session",
        )
        st.caption("Where suppression counts what was used often.")
        max_tokens = st.number_input(
            "Tokens a text",
            1,
            1000,
            usual.max_tokens,
            10,
            key="max_tokens",
            persist_state="session",
        )
        st.caption("A longer text is cut off and kept apart as truncated.")
        prompt = st.segmented_control(
            "Prompt",
            list(_PROMPTS),
            default="A",
            format_func=_PROMPTS.__getitem__,
            key="prompt",
            required=True,
            persist_state="session",
        )
        st.caption("A and C are the paper's; Chat says it to models that know only chats.")
        only_new = st.toggle("Only new texts", key="only_new", persist_state="session")
        st.caption("A duplicate stays in the run but does not count towards the target.")
        strict = st.toggle("Strict order", key="strict_order", persist_state="session")
        st.caption("Labels one after the other as in the paper, not a cycle together; slower.")
    return Condition(
        temperature=temperature,
        top_p=top_p,
        min_p=min_p,
        frequency_penalty=penalty,
        max_tokens=max_tokens,
        suppression=Suppression(strength=strength, tokens=tokens, scope=scope or "dataset"),
        prompt=prompt or "A",
        only_new=only_new,
        strict_order=strict,
    )
