"""The next token's distribution as the knobs stand, against the untouched one."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from core.domain.errors import NoAnswer, StoreBusy
from core.domain.runs import RunSpec
from core.figures.generate import next_token_figure, shown_token
from core.jobs.questions import ask
from core.store.generation.runs import RunRecord, list_runs
from core.store.generation.samples import samples_of
from pages.components.shell import AppContext, show_errors

_QUICK_SECONDS = 3.0
_LOADING_SECONDS = 60.0
_TOP = 30


def show_next_token(app: AppContext, spec: RunSpec, run: RunRecord | None) -> None:
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
        app,
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


def _asked(app: AppContext, question: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The worker's answer; it loads the model for the first one."""
    loaded = st.session_state.get("lab_loaded")
    model = repr(question["spec"]["model"])
    try:
        if loaded == model:
            return ask(app.db, "next_token", question, timeout=_QUICK_SECONDS)
        with st.spinner("The worker loads the model.", show_time=True):
            found = ask(app.db, "next_token", question, timeout=_LOADING_SECONDS)
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


_SECONDS = 60.0
_TEXTS = 200
_OTHERS = 8


def show_walk(app: AppContext, run: RunRecord) -> None:
    """Draw the choice of a text and its steps."""
    texts = {
        sample.id: f"{sample.label}: {sample.text}"
        for sample in samples_of(app.db, run.id)[:_TEXTS]
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
    found = _walked(app, run.id, chosen)
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


def _walked(app: AppContext, run_id: str, sample_id: str) -> Mapping[str, Any] | None:
    known = st.session_state.get("lab_walk")
    if known is not None and known[0] == sample_id:
        kept: Mapping[str, Any] = known[1]
        return kept
    question = {"run": run_id, "sample": sample_id, "top": _OTHERS}
    try:
        with st.spinner("The worker goes through the text.", show_time=True):
            found = ask(app.db, "walk", question, timeout=_SECONDS)
    except NoAnswer as error:
        st.info(f"{error.what} {error.remedy}".strip(), icon=":material/hourglass_top:")
        return None
    except StoreBusy:
        st.info("The store is busy; choose the text again.", icon=":material/hourglass_top:")
        return None
    st.session_state["lab_walk"] = (sample_id, found)
    return found


_VIEWS = ("Next token", "Step by step")


def show_lab(app: AppContext, spec: RunSpec, *, run_id: str | None = None) -> None:
    """Draw the lab, folded away until somebody opens it.

    Args:
        app: the store.
        spec: the settings as they stand in the side bar.
        run_id: the run on view, whose texts are tallied first.
    """
    box = st.expander(
        "Knob lab: what the knobs do to the next word",
        icon=":material/experiment:",
        key="lab",
        on_change="rerun",
    )
    if not box.open:
        return
    with box, show_errors():
        runs = [
            row.run
            for row in list_runs(app.db)
            if row.counts.total and row.run.spec.task.key == spec.task.key
        ]
        with st.container(horizontal=True, vertical_alignment="bottom"):
            view = st.segmented_control(
                "View", _VIEWS, default=_VIEWS[0], key="lab_view", required=True
            )
            run = _choose_run(runs, run_id)
        if view == _VIEWS[0]:
            show_next_token(app, spec, run)
        elif run is None:
            st.caption("There is no text to go through yet: generate some, then choose their run.")
        else:
            show_walk(app, run)


def _choose_run(runs: list[RunRecord], asked: str | None) -> RunRecord | None:
    ids = {run.id: run for run in runs}
    names = {run.id: run.name for run in runs}
    usual = asked if asked in ids else next(iter(ids), None)
    chosen = st.selectbox(
        "Words and examples from",
        [*ids, ""],
        index=[*ids, ""].index(usual or ""),
        format_func=lambda one: names.get(one, "nothing: the first cycle"),
        key=f"lab_run-{asked or ''}",
        width=360,
        help="Suppression tallies the words of this run, and its texts are the prompt's examples.",
    )
    return ids.get(chosen)
