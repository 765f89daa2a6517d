"""The very prompt that a run sends first."""

import streamlit as st

from core.errors import StoreBusy
from core.generation.prompts import prompt_for
from core.jobs.ask import NoAnswer, ask
from core.jobs.lease import living
from core.runs import RunSpec
from pages.components.office import Office

_ANSWER_SECONDS = 0.4


def show_prompt(office: Office, spec: RunSpec) -> None:
    """Draw the prompt of the first cycle for a label that can be chosen."""
    names = list(spec.task.label_names)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        label = st.selectbox("Prompt for", names, key="preview_label", width=220)
        place = names.index(label) if label in names else 0
        st.caption(_size(office, spec, place))
    prompt = prompt_for(spec, cycle=1, label_index=place, written={})
    st.code(prompt.preview(), language=None, wrap_lines=True)
    later = "drawn by the seed from what the run wrote"
    if spec.seed_examples:
        later = "drawn by the seed from these examples and what the run wrote"
    st.caption(f"From the second cycle on: one example a label in front, {later}.")


def _size(office: Office, spec: RunSpec, place: int) -> str:
    """Its length in tokens, if the worker holds the model already."""
    try:
        if living(office.db) is None:
            return ""
        question = {"spec": spec.to_dict(), "label_index": place}
        tokens = ask(office.db, "prompt", question, timeout=_ANSWER_SECONDS)["tokens"]
    except (NoAnswer, StoreBusy):
        return ""
    return "" if tokens is None else f"{tokens} tokens"
