"""Try it: a text of one's own, and what every trained model says of it."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from core.domain.errors import WidesetError
from core.jobs.launch import ensure_worker
from core.jobs.questions import NoAnswer, ask
from pages.components.shell import AppContext, escape_markdown
from pages.components.train.entries import Entry
from pages.components.train.labelled import show_labelled

_PATIENCE = 0.5  # seconds that the page waits for an answer before it shows what it has
_POLL_SECONDS = 1.0
_LATE = 45  # polls without any answer, after which it is said
_TEXT, _SAID, _POLLS = "train_text", "train_said", "train_polls"


def show_trying(app: AppContext, entries: Sequence[Entry], *, labels: Sequence[str]) -> None:
    """Draw the box and the answers."""
    trained = [one for one in entries if one.trained]
    if not trained:
        st.info(
            "No model is trained yet. Train a probe: it takes seconds.",
            icon=":material/chat_bubble:",
        )
        return
    with (
        st.form("train_try", border=False),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        text = st.text_input(
            "A text of your own",
            max_chars=2_000,
            key="train_try_text",
            placeholder="Write what a person might write",
        )
        asked = st.form_submit_button("Ask", type="primary", icon=":material/send:")
    if asked and text.strip():
        st.session_state[_TEXT], st.session_state[_SAID] = text, {}
        st.session_state[_POLLS] = 0
    kept = st.session_state.get(_TEXT)
    if not kept:
        st.caption("Each trained model answers; the repeat that was best on its held-out texts.")
        return
    missing = any(one.record.id not in st.session_state[_SAID] for one in trained)
    if missing:
        ensure_worker(app.home, app.db)
        _follow(app, kept, trained, labels)
    else:
        _show(kept, trained, labels)


@st.fragment(run_every=_POLL_SECONDS)
def _follow(app: AppContext, text: str, trained: Sequence[Entry], labels: Sequence[str]) -> None:
    """Redrawn every second until all have answered, then the whole page once."""
    said: dict[str, Any] = st.session_state[_SAID]
    for one in trained:
        if one.record.id in said:
            continue
        answer = _asked(app, one, text)
        if answer is None:
            break
        said[one.record.id] = answer
        st.session_state[_POLLS] = 0
    if all(one.record.id in said for one in trained):
        st.rerun()
    st.session_state[_POLLS] += 1
    _show(text, [one for one in trained if one.record.id in said], labels)
    left = len(trained) - len(said)
    if st.session_state[_POLLS] > _LATE:
        st.warning(
            "The worker has not answered for a while. It may be loading a large model.",
            icon=":material/hourglass_top:",
        )
    st.caption(
        f":material/hourglass_top: {left} to go: a model is loaded for its first text, which takes "
        "some seconds."
    )


def _asked(app: AppContext, entry: Entry, text: str) -> Mapping[str, Any] | None:
    """What a model says; None while there is no answer."""
    try:
        spec = {"training": entry.record.id, "text": text}
        return ask(app.db, "classify", spec, timeout=_PATIENCE)
    except NoAnswer as error:
        if "in time" in error.what:
            return None
        return {"problem": str(error)}
    except WidesetError as error:
        return {"problem": str(error)}


def _show(text: str, trained: Sequence[Entry], labels: Sequence[str]) -> None:
    said: dict[str, Any] = st.session_state[_SAID]
    st.text(text)
    good = [one for one in trained if "problem" not in said[one.record.id]]
    if good:
        shares = {
            one.record.id: dict(
                zip(
                    said[one.record.id]["labels"],
                    said[one.record.id]["probabilities"],
                    strict=True,
                )
            )
            for one in good
        }
        names = [*labels, *{name for own in shares.values() for name in own if name not in labels}]
        frame = pd.DataFrame(
            {
                "model": [one.name for one in good],
                "says": [said[one.record.id]["labels"][0] for one in good],
                **{name: [shares[one.record.id].get(name) for one in good] for name in names},
            }
        )
        show_labelled(
            frame,
            titles={"says": "Says"},
            labels=names,
            key="train-said",
            alt="What each model says of the text",
            height=700,
            bars=names,
        )
    for one in trained:
        problem = said[one.record.id].get("problem")
        if problem:
            st.warning(
                f"{escape_markdown(one.name)}: {escape_markdown(problem)}", icon=":material/error:"
            )
