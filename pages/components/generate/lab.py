"""The knob lab: what the knobs do to the next token, and a text token by token."""

from dataclasses import asdict
from typing import TypeVar

import pandas as pd
import streamlit as st

from core.domain.errors import NoAnswer, StoreBusy
from core.domain.next_token import NextToken, Walk
from core.domain.registries.knobs import KNOBS
from core.domain.runs import RunSpec
from core.domain.serialization import from_json
from core.domain.wording import counted, listed, number, percent
from core.figures.generate import next_token_figure, shown_token
from core.jobs.questions import ask
from core.store.generation.runs import RunRecord, list_runs
from core.store.generation.samples import samples_of
from pages.components.shell import AppContext, error_words, show_errors

_QUICK_SECONDS = 3.0
_LOADING_SECONDS = 60.0
_TOP = 30
_TEXTS = 200
_ALTERNATIVES = 8
_VIEWS = ("Next token", "Step by step")

T = TypeVar("T")


def show_lab(app: AppContext, spec: RunSpec, *, run_id: str | None = None) -> None:
    """Draw the lab, folded away.

    Args:
        app: the store.
        spec: the sidebar's settings.
        run_id: the open run, whose tokens are counted by default.
    """
    box = st.expander(
        "Knob lab: what the knobs do to the next token",
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
            _show_next_token(app, spec, run)
        elif run is None:
            st.caption("No texts yet. Generate some, then choose their run.")
        else:
            _show_walk(app, run)


def _choose_run(runs: list[RunRecord], run_id: str | None) -> RunRecord | None:
    by_id = {run.id: run for run in runs}
    default = run_id if run_id in by_id else next(iter(by_id), None)
    chosen = st.selectbox(
        "Token counts and examples from",
        [*by_id, ""],
        index=[*by_id, ""].index(default or ""),
        format_func=lambda run_id: by_id[run_id].name if run_id in by_id else "none (first cycle)",
        key=f"lab_run-{run_id or ''}",
        width=360,
        help="Suppression counts the tokens of this run, and the prompt's examples are its texts.",
    )
    return by_id.get(chosen)


def _ask(
    app: AppContext, kind: str, question: dict[str, object], answer: type[T], *, spinner: str | None
) -> T | None:
    """The worker's answer; None without one, which is shown.

    Args:
        app: the store.
        kind: of the question.
        question: JSON-ready.
        answer: what comes back.
        spinner: what is shown during a long wait; None where the answer comes quickly.
    """
    try:
        if spinner is None:
            return from_json(answer, ask(app.db, kind, question, timeout=_QUICK_SECONDS))
        with st.spinner(spinner, show_time=True):
            return from_json(answer, ask(app.db, kind, question, timeout=_LOADING_SECONDS))
    except (NoAnswer, StoreBusy) as error:
        st.info(error_words(error), icon=":material/hourglass_top:")
    return None


def _show_next_token(app: AppContext, spec: RunSpec, run: RunRecord | None) -> None:
    """Draw the next token's distribution with the sidebar's knobs, and the model's own."""
    names = list(spec.task.label_names)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        label = st.selectbox("Label", names, key="lab_label", width=220)
        prefix = st.text_input(
            "Text so far",
            key="lab_prefix",
            max_chars=500,
            placeholder="empty: the first token",
            width=420,
            help="Enter the beginning of a text to see what could come next.",
        )
    question: dict[str, object] = {
        "spec": spec.to_dict(),
        "label_index": names.index(label) if label in names else 0,
        "prefix": prefix,
        "run": None if run is None else run.id,
        "top": _TOP,
    }
    # The first question loads the model.
    spinner = None if st.session_state.get("lab_loaded") == spec.model else "Loading the model"
    answer = _ask(app, "next_token", question, NextToken, spinner=spinner)
    if answer is None:
        st.session_state.pop("lab_loaded", None)
        return
    st.session_state["lab_loaded"] = spec.model
    _show_numbers(answer, spec)
    st.plotly_chart(
        next_token_figure(answer.change.tokens), key="lab_figure", config={"displayModeBar": False}
    )
    _show_table(answer)
    if answer.known is not None:
        st.caption(
            f"The server reports its {len(answer.change.tokens)} likeliest first tokens, "
            f"{percent(answer.known)} of the probability; shares refer to these. One chat "
            "request was sent; changing the knobs sends no more."
        )
    size = answer.prompt_tokens
    with st.expander("Prompt" if size is None else f"Prompt, {size:,} tokens"):
        st.code(answer.prompt, language=None, wrap_lines=True)


def _show_numbers(answer: NextToken, spec: RunSpec) -> None:
    change, count = answer.change, answer.suppressed
    if count:
        mass = f"{percent(change.suppressed_before)} → {percent(change.suppressed_after)}"
    elif spec.condition.suppression.on:
        mass = "no tokens counted yet"
    else:
        mass = "off"
    cutting = listed(knob.title for knob in KNOBS if knob.truncates)
    numbers = [
        (
            "Probability moved",
            percent(change.moved),
            "Total variation distance: how much probability the knobs move to other tokens.",
        ),
        (
            f"Mass of {count} suppressed tokens" if count else "Suppressed tokens",
            mass,
            "Their share of the probability without and with the knobs.",
        ),
        (
            "Entropy",
            f"{change.bits_before:.1f} → {change.bits_after:.1f} bits",
            "Entropy of the distribution without and with the knobs: one more bit is twice "
            "as many equally likely tokens.",
        ),
        (
            "Possible tokens",
            number(change.possible),
            f"Tokens that {cutting} leave to be drawn.",
        ),
    ]
    with st.grid(4, min_column_width=160, gap="small"):
        for title, value, words in numbers:
            st.metric(title, value, help=words)


def _show_table(answer: NextToken) -> None:
    with st.expander("As a table"):
        columns = ["token", "text", "before", "after", "bias", "share"]
        frame = pd.DataFrame([asdict(token) for token in answer.change.tokens], columns=columns)
        frame["text"] = frame["text"].map(shown_token)
        st.dataframe(
            frame,
            hide_index=True,
            column_config={
                "token": "Id",
                "text": "Token",
                "before": st.column_config.NumberColumn("Without knobs", format="percent"),
                "after": st.column_config.NumberColumn("With the knobs", format="percent"),
                "bias": st.column_config.NumberColumn("Bias", format="%.2f"),
                "share": st.column_config.NumberColumn("Share of counted", format="percent"),
            },
            alt="Tokens with their probabilities",
        )


def _show_walk(app: AppContext, run: RunRecord) -> None:
    """Draw the choice of a text, and its tokens with alternatives."""
    texts = {
        sample.id: f"{sample.label}: {sample.text}"
        for sample in samples_of(app.db, run.id)[:_TEXTS]
        if sample.token_ids
    }
    if not texts:
        st.caption("The tokens of this run's texts are unknown.")
        return
    chosen = st.selectbox(
        "Text",
        list(texts),
        format_func=lambda sample_id: texts.get(sample_id, "")[:160],
        key=f"lab_text-{run.id}",
        help=f"The first {_TEXTS} texts of the run.",
    )
    if chosen is None:
        return
    walk = _walk(app, run.id, chosen)
    if walk is None:
        return
    frame = pd.DataFrame(
        {
            "place": place,
            "text": shown_token(token.text),
            "after": token.after,
            "before": token.before,
            "rank": token.rank,
            "bias": token.bias or None,
            "others": [
                f"{shown_token(text)} {percent(share, digits=0)}" for text, share in token.others
            ],
        }
        for place, token in enumerate(walk.tokens, 1)
    )
    st.dataframe(
        frame,
        hide_index=True,
        height=min(560, 38 + 35 * len(frame)),
        column_config={
            "place": st.column_config.NumberColumn("", width=40),
            "text": st.column_config.TextColumn("Token", width=110),
            "after": st.column_config.ProgressColumn(
                "With knobs",
                min_value=0,
                max_value=1,
                format="percent",
                width=110,
                help="Its probability with the run's knobs.",
            ),
            "before": st.column_config.NumberColumn(
                "Without knobs",
                format="percent",
                width=100,
                help="Its probability under the unmodified model.",
            ),
            "rank": st.column_config.NumberColumn(
                "Rank", width=60, help="Its rank with the knobs; 1 is the likeliest."
            ),
            "bias": st.column_config.NumberColumn(
                "Bias", format="%.2f", width=70, help="The logit bias of the token, if any."
            ),
            "others": st.column_config.ListColumn("Alternatives", width=620),
        },
        alt="Tokens of the text with their probabilities and alternatives",
    )
    more = " Only the first tokens are shown." if walk.shortened else ""
    st.caption(
        f"{counted(len(walk.tokens), 'token')}, with the prompt and suppression they were drawn "
        f"with.{more}"
    )


def _walk(app: AppContext, run_id: str, sample_id: str) -> Walk | None:
    cached: tuple[str, Walk] | None = st.session_state.get("lab_walk")
    if cached is not None and cached[0] == sample_id:
        return cached[1]
    question: dict[str, object] = {"run": run_id, "sample": sample_id, "top": _ALTERNATIVES}
    walk = _ask(app, "walk", question, Walk, spinner="Computing the probabilities")
    if walk is not None:
        st.session_state["lab_walk"] = (sample_id, walk)
    return walk
