"""The On generated texts tab: where a model fails on texts unlike those it was trained on."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.classification.ladder import Source
from core.domain.errors import WidesetError
from core.domain.wording import interval, number
from core.figures.classifiers import accuracy_by_distance
from core.figures.interventions import confusion_figure
from core.jobs.handlers.apply import Applied, ask, look
from core.jobs.launch import ensure_worker
from core.jobs.queue import LIVE, RESUMABLE, resume
from core.store.datasets import run_key
from pages.components.jobs import show_work
from pages.components.shell import AppContext, flash
from pages.components.tables import show_texts
from pages.components.train.choice import Choice
from pages.components.train.trainings import Training, choose_training, dataset_at


def show_generated(app: AppContext, choice: Choice, trainings: Sequence[Training]) -> None:
    """Draw the choice of a model and of texts, and how accurate it is on them."""
    trained = [training for training in trainings if training.has_model]
    sources = {source.key: source for source in choice.offered if source.kind != "real"}
    st.caption(
        "Predictions of a model against the labels of generated texts, which may be wrong. They "
        "show where a model fails, and are not part of the results."
    )
    if not trained or not sources:
        st.info(
            "No model is trained yet. A linear probe takes seconds.", icon=":material/lab_research:"
        )
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        training = choose_training("Model", trained, key="train_applied")
        key = st.selectbox(
            "Generated texts",
            list(sources),
            format_func=lambda option: (
                f"{sources[option].name} ({sources[option].n:,})" if option in sources else option
            ),
            key="train_applied_to",
            persist_state="session",
        )
        source = sources[key]
        applied = look(app.db, training.id, key, n=source.n)
        done = applied.result is not None
        st.button(
            "Test",
            type="secondary" if done else "primary",
            icon=":material/lab_research:",
            key="train_apply",
            disabled=done or (applied.work is not None and applied.work.state in LIVE),
            on_click=_apply,
            args=(app, training.id, source),
        )
    if applied.work is not None and applied.work.state != "done":
        show_work(app, [applied.work])
    if done:
        _show_numbers(applied, training)
        _show_figures(applied)
        _show_disagreements(app, applied, source, labels=choice.task.label_names)


def _show_numbers(applied: Applied, training: Training) -> None:
    assert applied.result is not None
    result = applied.result
    scores, n, seen = result.scores, len(result.ids), result.n_seen
    accuracy = scores.accuracy
    with st.grid(4, min_column_width=110, gap="small"):
        st.metric(
            "Agreement with labels",
            number(accuracy.mean, digits=3),
            help=f"On generated texts; 95% interval {interval(accuracy.low, accuracy.high)}, "
            f"{accuracy.interval}.",
        )
        st.metric("Macro-F1", number(scores.macro_f1.mean, digits=3))
        st.metric("Generated texts", f"{result.scored:,}")
        st.metric(
            "Accuracy on real texts",
            number(training.result.accuracy.mean, digits=3),
            help="The same model in the results, all repeats, for comparison.",
        )
    if seen == n:
        st.warning(
            "The model was trained on these texts: the numbers show what it memorised.",
            icon=":material/warning:",
        )
    elif seen:
        st.caption(
            f":material/info: {seen:,} of {n:,} texts are excluded, as they were trained on."
        )


def _show_figures(applied: Applied) -> None:
    assert applied.result is not None
    scores = applied.result.scores
    with st.grid(2, min_column_width=420, gap="large"):
        with st.container():
            st.markdown(
                "**Accuracy by distance from the training texts** :small[:gray[fifths of the "
                "texts]]"
            )
            st.plotly_chart(
                accuracy_by_distance(applied.result.parts, overall=scores.accuracy.mean),
                key="train-distance",
                config={"displayModeBar": False},
                alt="Accuracy by distance to the nearest training text",
            )
        with st.container():
            st.markdown("**Confusion matrix**")
            names = list(scores.confusion.labels)
            st.plotly_chart(
                confusion_figure(
                    pd.DataFrame(list(scores.confusion.counts), index=names, columns=names),
                    rows="generated as",
                    columns="predicted",
                ),
                key="train-generated-confusion",
                config={"displayModeBar": False},
                alt="Labels of generated texts against predicted ones",
            )


def _show_disagreements(
    app: AppContext, applied: Applied, source: Source, *, labels: Sequence[str]
) -> None:
    assert applied.result is not None
    result = applied.result
    n = len(result.ids) if source.key.startswith(run_key("")) else 0
    data = dataset_at(app.db, source.key, n)
    columns = ("ids", "labels", "confidence", "distance", "seen")
    predicted = pd.DataFrame({name: list(getattr(result, name)) for name in columns}).set_index(
        "ids"
    )
    texts = pd.DataFrame({"text": data.texts, "own": data.labels}, index=list(data.ids))
    frame = texts.join(predicted, how="inner")
    if result.n_seen < len(result.ids):
        frame = frame[~frame["seen"].astype(bool)]
    frame = frame[frame["labels"] != frame["own"]].sort_values(
        "distance", ascending=False, kind="stable"
    )
    st.markdown(
        f"**Disagreements ({len(frame):,})** :small[:gray[farthest from the training texts first]]"
    )
    if len(frame):
        show_texts(
            frame[["text", "own", "labels", "confidence", "distance"]],
            titles={"own": "Generated as", "labels": "Predicted"},
            labels=labels,
            key=f"generated-wrong-{source.key}",
            alt="Generated texts that the model labels differently",
        )


def _apply(app: AppContext, training_id: str, source: Source) -> None:
    try:
        work = ask(app.db, training_id, source.key, n=source.n)
        if work.state in RESUMABLE:
            resume(app.db, work.job.id)
        ensure_worker(app.home, app.db)
    except WidesetError as error:
        flash(error)
