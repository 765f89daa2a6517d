"""The next token's distribution as the knobs stand, against the untouched one."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from core.errors import StoreBusy
from core.figures.generate import next_token_figure, shown_token
from core.jobs.ask import NoAnswer, ask
from core.runs import RunSpec
from core.store.runs import RunRecord
from pages.components.office import Office

_QUICK_SECONDS = 3.0
_LOADING_SECONDS = 60.0
_TOP = 30


def show_next_token(office: Office, spec: RunSpec, run: RunRecord | None) -> None:
    """Draw it; the knobs are those of the side bar, so each of their moves draws it anew."""
    names = list(spec.task.label_names)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        label = st.selectbox("For the label", names, key="lab_label", width=220)
        prefix = st.text_input(
            "The text so far",
            key="lab_prefix",
            max_chars=500,
            placeholder="nothing yet: the first word",
            width=420,
            help="Write the beginning of a text to see what could come next.",
        )
    found = _asked(
        office,
        {
            "spec": spec.to_dict(),
            "label_index": names.index(label) if label in names else 0,
            "prefix": prefix,
            "run": None if run is None else run.id,
            "top": _TOP,
        },
    )
    if found is None:
        return
    _numbers(found, spec)
    st.plotly_chart(
        next_token_figure(found["tokens"]),
        key="lab_figure",
        config={"displayModeBar": False},
    )
    _table(found)
    if "known" in found:
        st.caption(
            f"The server tells its {len(found['tokens']['token'])} likeliest first tokens, which "
            f"hold {found['known']:.1%} of the probability; shares are of these. It was asked "
            "once, as a chat; moves of the knobs ask nothing more."
        )
    size = found["prompt_tokens"]
    with st.expander("The prompt" if size is None else f"The prompt, {size} tokens"):
        st.code(found["prompt"], language=None, wrap_lines=True)


def _asked(office: Office, question: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The worker's answer; it loads the model for the first one."""
    loaded = st.session_state.get("lab_loaded")
    model = repr(question["spec"]["model"])
    try:
        if loaded == model:
            return ask(office.db, "next_token", question, timeout=_QUICK_SECONDS)
        with st.spinner("The worker loads the model.", show_time=True):
            found = ask(office.db, "next_token", question, timeout=_LOADING_SECONDS)
        st.session_state["lab_loaded"] = model
        return found
    except NoAnswer as error:
        st.session_state.pop("lab_loaded", None)
        st.info(f"{error.what} {error.remedy}".strip(), icon=":material/hourglass_top:")
    except StoreBusy:
        st.info("The store is busy; move a knob to ask again.", icon=":material/hourglass_top:")
    return None


def _numbers(found: Mapping[str, Any], spec: RunSpec) -> None:
    count = found["suppressed"]
    if count:
        mass = f"{found['suppressed_before']:.1%} → {found['suppressed_after']:.1%}"
    elif spec.condition.suppression.on:
        mass = "nothing tallied yet"
    else:
        mass = "off"
    with st.grid(4, min_column_width=160, gap="small"):
        st.metric(
            "Mass moved",
            f"{found['moved']:.1%}",
            help="How much probability lies on other tokens than without the knobs: half the sum "
            "of all differences.",
        )
        st.metric(
            f"On {count} suppressed tokens" if count else "Suppressed tokens",
            mass,
            help="Their share of the probability without and with the knobs.",
        )
        st.metric(
            "Choice",
            f"{found['bits_before']:.1f} → {found['bits_after']:.1f} bits",
            help="Entropy of the distribution without and with the knobs: one more bit is a "
            "choice twice as wide.",
        )
        st.metric(
            "Possible tokens",
            f"{found['possible']:,}",
            help="Those that top_p and min_p leave to be drawn.",
        )


def _table(found: Mapping[str, Any]) -> None:
    with st.expander("As a table"):
        frame = pd.DataFrame(found["tokens"])
        frame["text"] = [shown_token(text) for text in frame["text"]]
        st.dataframe(
            frame,
            hide_index=True,
            column_config={
                "token": "Id",
                "text": "Token",
                "before": st.column_config.NumberColumn("Model alone", format="percent"),
                "after": st.column_config.NumberColumn("With the knobs", format="percent"),
                "bias": st.column_config.NumberColumn("Bias", format="%.2f"),
                "share": st.column_config.NumberColumn("Share of the tally", format="percent"),
            },
            alt="Tokens with their probabilities",
        )
