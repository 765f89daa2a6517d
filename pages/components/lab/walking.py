"""A generated text step by step: at each token, what else could have come."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from core.errors import StoreBusy
from core.figures.generate import shown_token
from core.jobs.ask import NoAnswer, ask
from core.store.runs import RunRecord
from core.store.samples import samples_of
from pages.components.office import Office

_SECONDS = 60.0
_TEXTS = 200
_OTHERS = 8


def show_walk(office: Office, run: RunRecord) -> None:
    """Draw the choice of a text and its steps."""
    texts = {
        sample.id: f"{sample.label}: {sample.text}"
        for sample in samples_of(office.db, run.id)[:_TEXTS]
        if sample.token_ids
    }
    if not texts:
        st.caption("The tokens of this run's texts are not known, so there are no steps.")
        return
    chosen = st.selectbox(
        "Text",
        list(texts),
        format_func=lambda one: texts.get(one, one)[:160],
        key=f"lab_text-{run.id}",
        help=f"The first {_TEXTS} texts of the run.",
    )
    found = _walked(office, run.id, chosen)
    if found is None:
        return
    steps = found["steps"]
    frame = pd.DataFrame(
        {
            "place": range(1, len(steps) + 1),
            "text": [shown_token(step["text"]) for step in steps],
            "after": [step["after"] for step in steps],
            "before": [step["before"] for step in steps],
            "rank": [step["rank"] for step in steps],
            "bias": [step["bias"] or None for step in steps],
            "others": [
                [f"{shown_token(text)} {share:.0%}" for text, share in step["others"]]
                for step in steps
            ],
        }
    )
    st.dataframe(
        frame,
        hide_index=True,
        height=min(560, 38 + 35 * len(frame)),
        column_config={
            "place": st.column_config.NumberColumn("", width=40),
            "text": st.column_config.TextColumn("Token", width=110),
            "after": st.column_config.ProgressColumn(
                "Drawn with",
                min_value=0,
                max_value=1,
                format="percent",
                width=110,
                help="Its probability under the knobs of the run.",
            ),
            "before": st.column_config.NumberColumn(
                "Model alone",
                format="percent",
                width=90,
                help="Its probability without temperature, suppression and cuts.",
            ),
            "rank": st.column_config.NumberColumn(
                "Rank", width=60, help="Its place under the knobs; 1 was the likeliest."
            ),
            "bias": st.column_config.NumberColumn(
                "Bias", format="%.2f", width=70, help="Logit suppression of the token, if any."
            ),
            "others": st.column_config.ListColumn("What else could have come", width=620),
        },
        alt="Tokens of the text with their probabilities and alternatives",
    )
    more = " Only its first tokens are shown." if found["shortened"] else ""
    st.caption(
        f"{len(steps)} tokens under the very prompt and suppression they were drawn with.{more}"
    )


def _walked(office: Office, run_id: str, sample_id: str) -> Mapping[str, Any] | None:
    known = st.session_state.get("lab_walk")
    if known is not None and known[0] == sample_id:
        kept: Mapping[str, Any] = known[1]
        return kept
    question = {"run": run_id, "sample": sample_id, "top": _OTHERS}
    try:
        with st.spinner("The worker goes through the text.", show_time=True):
            found = ask(office.db, "walk", question, timeout=_SECONDS)
    except NoAnswer as error:
        st.info(f"{error.what} {error.remedy}".strip(), icon=":material/hourglass_top:")
        return None
    except StoreBusy:
        st.info("The store is busy; choose the text again.", icon=":material/hourglass_top:")
        return None
    st.session_state["lab_walk"] = (sample_id, found)
    return found
