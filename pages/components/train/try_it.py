"""The Try it tab: the predictions of all trained models for a text of one's own."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd
import streamlit as st

from core.domain.errors import NoAnswer, WidesetError
from core.domain.serialization import from_json
from core.domain.wording import counted
from core.jobs.handlers.apply import TextLabels
from core.jobs.launch import ensure_worker
from core.jobs.questions import ask
from pages.components.shell import AppContext, escape_markdown
from pages.components.tables import show_texts
from pages.components.train.choice import Choice
from pages.components.train.trainings import Training

_WAIT_SECONDS = 0.5  # that the page waits for an answer before it shows what it has
_POLL_SECONDS = 1.0
_LATE_POLLS = 45  # polls without any answer before a warning
_QUESTION = "train_question"


@dataclass(frozen=True)
class _Prediction:
    """The probability of each label, the likeliest first; or why there is none."""

    probabilities: dict[str, float] = field(default_factory=dict)
    problem: str = ""


@dataclass
class _Question:
    """A text, the predictions so far by training id, and the polls since the last one."""

    text: str
    predictions: dict[str, _Prediction] = field(default_factory=dict)
    polls: int = 0


def show_try_it(app: AppContext, choice: Choice, trainings: Sequence[Training]) -> None:
    """Draw the text field and the predictions."""
    trained = [training for training in trainings if training.has_model]
    labels = choice.task.label_names
    if not trained:
        st.info(
            "No model is trained yet. A linear probe takes seconds.", icon=":material/chat_bubble:"
        )
        return
    with (
        st.form("train_try", border=False),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        text = st.text_input(
            "Your text",
            max_chars=2_000,
            key="train_try_text",
            placeholder="Type a text to classify",
        )
        submitted = st.form_submit_button("Classify", type="primary", icon=":material/send:")
    if submitted and text.strip():
        st.session_state[_QUESTION] = _Question(text)
    question: _Question | None = st.session_state.get(_QUESTION)
    if question is None:
        st.caption("Every trained model answers, with its best repeat on held-out texts.")
    elif any(training.id not in question.predictions for training in trained):
        ensure_worker(app.home, app.db)
        _poll(app, question, trained, labels)
    else:
        _show_predictions(question, trained, labels)


@st.fragment(run_every=_POLL_SECONDS)
def _poll(
    app: AppContext, question: _Question, trained: Sequence[Training], labels: Sequence[str]
) -> None:
    """Redrawn every second until all models have answered, then the whole page once."""
    for training in trained:
        if training.id in question.predictions:
            continue
        prediction = _ask(app, training, question.text)
        if prediction is None:
            break
        question.predictions[training.id] = prediction
        question.polls = 0
    answered = [training for training in trained if training.id in question.predictions]
    if len(answered) == len(trained):
        st.rerun()
    question.polls += 1
    _show_predictions(question, answered, labels)
    if question.polls > _LATE_POLLS:
        st.warning(
            "There has been no answer for a while. A large model may be loading.",
            icon=":material/hourglass_top:",
        )
    left = counted(len(trained) - len(answered), "model")
    st.caption(
        f":material/hourglass_top: Waiting for {left}. Loading a model for its first text takes "
        "some seconds."
    )


def _ask(app: AppContext, training: Training, text: str) -> _Prediction | None:
    """The prediction of a model; None while there is no answer."""
    try:
        spec = {"training": training.id, "text": text}
        answer = from_json(TextLabels, ask(app.db, "classify", spec, timeout=_WAIT_SECONDS))
    except NoAnswer as error:
        return None if "in time" in error.what else _Prediction(problem=str(error))
    except WidesetError as error:
        return _Prediction(problem=str(error))
    return _Prediction(dict(zip(answer.labels, answer.probabilities, strict=True)))


def _show_predictions(
    question: _Question, trained: Sequence[Training], labels: Sequence[str]
) -> None:
    st.text(question.text)
    predictions = {
        training.name: question.predictions[training.id].probabilities
        for training in trained
        if not question.predictions[training.id].problem
    }
    if predictions:
        names = list(
            dict.fromkeys([*labels, *(label for p in predictions.values() for label in p)])
        )
        frame = pd.DataFrame(
            {
                "model": list(predictions),
                "predicted": [next(iter(shares)) for shares in predictions.values()],
                **{name: [shares.get(name) for shares in predictions.values()] for name in names},
            }
        )
        show_texts(
            frame,
            titles={"predicted": "Predicted"},
            labels=names,
            key="train-said",
            alt="Predictions of each model for the text",
            height=700,
            shares=names,
        )
    for training in trained:
        problem = question.predictions[training.id].problem
        if problem:
            st.warning(
                f"{escape_markdown(training.name)}: {escape_markdown(problem)}",
                icon=":material/error:",
            )
