"""A trained model on generated texts: where it fails on what is more diverse than its training."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from core.classification.ladder import Source
from core.domain.errors import WidesetError
from core.figures.classifiers import accuracy_by_distance
from core.figures.interventions import confusion_figure
from core.jobs.handlers.apply_classifier import ask, look
from core.jobs.launch import ensure_worker
from core.jobs.queue import LIVE, RESUMABLE, resume
from core.store.datasets import run_key
from pages.components.jobs import show_work
from pages.components.shell import AppContext, flash
from pages.components.train.answers import dataset_at
from pages.components.train.entries import Entry
from pages.components.train.labelled import show_labelled


def show_generated(
    app: AppContext,
    entries: Sequence[Entry],
    offered: Sequence[Source],
    *,
    labels: Sequence[str],
) -> None:
    """Draw the choice of a model and of texts, and how it fares."""
    trained = {one.record.id: one for one in entries if one.trained}
    texts = {one.key: one for one in offered if one.kind != "real"}
    st.caption(
        "A model's answers against the labels of generated texts, which may be wrong themselves. "
        "These numbers say where a model fails, and are never on the ladder."
    )
    if not trained or not texts:
        st.info(
            "No model is trained yet. Train a probe: it takes seconds.",
            icon=":material/lab_research:",
        )
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if st.session_state.get("train_applied") not in trained:
            st.session_state["train_applied"] = list(trained)[-1]
        chosen = st.selectbox(
            "Model",
            list(trained),
            format_func=lambda one: trained[one].name if one in trained else one,
            key="train_applied",
            persist_state="session",
        )
        key = st.selectbox(
            "Generated texts",
            list(texts),
            format_func=lambda one: (
                f"{texts[one].name} ({texts[one].n:,})" if one in texts else one
            ),
            key="train_applied_to",
            persist_state="session",
        )
        source = texts[key]
        there = look(app.db, chosen, key, n=source.n)
        live = there.work is not None and there.work.state in LIVE
        st.button(
            "Test it",
            type="secondary" if there.result is not None else "primary",
            icon=":material/lab_research:",
            key="train_apply",
            disabled=there.result is not None or live,
            on_click=_ask,
            args=(app, chosen, key, source.n),
        )
    if there.work is not None and there.work.state != "done":
        show_work(app, [there.work])
    if there.result is not None:
        _show(app, there.result, source, trained[chosen], labels=labels)


def _show(
    app: AppContext,
    result: Mapping[str, Any],
    source: Source,
    entry: Entry,
    *,
    labels: Sequence[str],
) -> None:
    scores, n = result["scores"], len(result["ids"])
    accuracy = scores["accuracy"]
    with st.grid(4, min_column_width=110, gap="small"):
        st.metric(
            "Agrees with their labels",
            f"{accuracy['mean']:.3f}",
            help=f"On generated texts; 95 % interval {accuracy['low']:.3f} to "
            f"{accuracy['high']:.3f}, {accuracy['interval']}.",
        )
        st.metric("Macro-F1", f"{scores['macro_f1']['mean']:.3f}")
        st.metric("Generated texts", f"{result['scored']:,}")
        st.metric(
            "On real texts",
            f"{entry.result['accuracy']['mean']:.3f}",
            help="The same model's row on the ladder, all repeats, for comparison.",
        )
    if result["n_seen"] == n:
        st.warning(
            "The model learned from these very texts: the numbers say what it remembers.",
            icon=":material/warning:",
        )
    elif result["n_seen"]:
        st.caption(
            f":material/info: {result['n_seen']:,} of the {n:,} texts are left out: the model has "
            "seen them in training."
        )
    with st.grid(2, min_column_width=420, gap="large"):
        with st.container():
            st.markdown(
                "**By distance from what it learned** :small[:gray[a fifth of the texts each]]"
            )
            st.plotly_chart(
                accuracy_by_distance(result["parts"], overall=accuracy["mean"]),
                key="train-distance",
                config={"displayModeBar": False},
                alt="Share that is right by distance to the nearest text learned from",
            )
        with st.container():
            st.markdown("**Generated label against predicted**")
            names = scores["confusion"]["labels"]
            st.plotly_chart(
                confusion_figure(
                    pd.DataFrame(scores["confusion"]["counts"], index=names, columns=names),
                    rows="generated as",
                    columns="predicted",
                ),
                key="train-generated-confusion",
                config={"displayModeBar": False},
                alt="Labels of generated texts against predicted ones",
            )
    _wrong(app, result, source, labels=labels)


def _wrong(
    app: AppContext, result: Mapping[str, Any], source: Source, *, labels: Sequence[str]
) -> None:
    n = len(result["ids"]) if source.key.startswith(run_key("")) else 0
    data = dataset_at(app.db, source.key, n)
    place = {one: row for row, one in enumerate(data.ids)}
    everything = result["n_seen"] == len(result["ids"])
    rows = [
        (given, confidence, distance, place[one])
        for one, given, confidence, distance, seen in zip(
            *(result[name] for name in ("ids", "labels", "confidence", "distance", "seen")),
            strict=True,
        )
        if one in place and (everything or not seen) and given != data.labels[place[one]]
    ]
    rows.sort(key=lambda row: -row[2])
    st.markdown(
        f"**{len(rows):,} texts on which it differs** :small[:gray[the farthest from what it "
        "learned first]]"
    )
    if not rows:
        return
    frame = pd.DataFrame(
        {
            "text": [data.texts[row] for _, _, _, row in rows],
            "own": [data.labels[row] for _, _, _, row in rows],
            "said": [given for given, _, _, _ in rows],
            "confidence": [confidence for _, confidence, _, _ in rows],
            "distance": [distance for _, _, distance, _ in rows],
        }
    )
    show_labelled(
        frame,
        titles={"own": "Generated as", "said": "Predicted"},
        labels=labels,
        key=f"generated-wrong-{source.key}",
        alt="Generated texts on which the model differs",
    )


def _ask(app: AppContext, training_id: str, key: str, n: int) -> None:
    try:
        work = ask(app.db, training_id, key, n=n)
        if work.state in RESUMABLE:
            resume(app.db, work.job.id)
        ensure_worker(app.home, app.db)
    except WidesetError as error:
        flash(error)
