"""A row of the ladder to take away: predictions, the trained model; or to take off the ladder."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from core.classification.fine_tuning.fine_tuned import packed
from core.classification.trained import best_seed, folder_of
from core.figures.classifiers import calibration_figure, training_curves
from core.figures.interventions import confusion_figure
from core.files.exports import export_table
from core.store.trainings import training_folder
from pages.components.shell import AppContext, escape_markdown
from pages.components.train.answers import Answers, answers_frame, answers_of, dataset_at
from pages.components.train.entries import Entry
from pages.components.train.labelled import show_labelled
from pages.components.train.running import remove


def show_downloads(app: AppContext, entry: Entry) -> None:
    """Draw the buttons."""
    db, record = app.db, entry.record

    def predictions() -> io.BytesIO:
        result = entry.result
        frame = answers_frame(answers_of(db, entry), result["label_names"], result["seeds"])
        rows = frame.to_dict("records")
        return io.BytesIO(export_table(rows, columns=[str(name) for name in frame], format="csv"))

    st.download_button(
        "Predictions",
        predictions,
        file_name=f"wideset-predictions-{record.id}.csv",
        icon=":material/download:",
        on_click="ignore",
        key="train_predictions",
        help="Every test text, its label and what each repeat said, as CSV.",
    )
    if entry.trained:
        seed = best_seed(entry.result)
        folder = folder_of(training_folder(app.home, record.id), record.spec["kind"], seed)
        st.download_button(
            "Trained model",
            lambda: packed(folder, f"wideset-{record.id}", entry.result),
            file_name=f"wideset-{record.id}.zip",
            icon=":material/folder_zip:",
            on_click="ignore",
            key="train_model_zip",
            disabled=not folder.is_dir(),
            help=f"Of the repeat that was best on its own held-out texts (seed {seed}), as ZIP. "
            + (
                "AutoModelForSequenceClassification.from_pretrained loads it."
                if record.spec["kind"] == "fine-tuning"
                else "Weights and bias as safetensors, for embeddings of length 1."
            ),
        )
    st.button(
        "Remove",
        icon=":material/delete:",
        type="tertiary",
        key="train_remove",
        help="Takes the row off the ladder; undo brings it back.",
        on_click=remove,
        args=(app, record.id),
    )


def show_row(app: AppContext, entries: Sequence[Entry], *, labels: Sequence[str]) -> None:
    """Draw the choice of a row and all that is known of it."""
    by_id = {one.record.id: one for one in entries}
    if st.session_state.get("train_row") not in by_id:
        st.session_state["train_row"] = list(by_id)[-1]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "Row",
            list(by_id),
            format_func=lambda one: by_id[one].name if one in by_id else one,
            key="train_row",
            persist_state="session",
            width=420,
        )
        st.space("stretch")
        entry = by_id[chosen]
        show_downloads(app, entry)
    answers = answers_of(app.db, entry)
    result = entry.result
    _numbers(result)
    for words in result["warnings"]:
        st.warning(escape_markdown(words), icon=":material/warning:")
    with st.grid(2, min_column_width=420, gap="large"):
        with st.container():
            pair = _confusion(entry, result)
        with st.container():
            _per_label(result)
    _behind(entry, answers, pair, labels=labels)
    with st.grid(2, min_column_width=420, gap="large"):
        with st.container():
            _calibration(result)
        with st.container():
            _curves(result)
    _overlaps(app, entry, result)


def _numbers(result: Mapping[str, Any]) -> None:
    with st.grid(5, min_column_width=110, gap="small"):
        for name, key in (("Accuracy", "accuracy"), ("Macro-F1", "macro_f1")):
            score = result[key]
            st.metric(name, f"{score['mean']:.3f}", help=_interval(score))
        calibration = result["calibration"]
        if calibration is not None:
            st.metric(
                "Calibration error",
                f"{calibration['ece']:.3f}",
                help="Expected calibration error: how far confidence is from being right, 0 to 1.",
            )
        st.metric("Learned from", f"{result['n_train']:,} texts")
        seeds = result["seeds"]
        st.metric(
            "Repeats",
            str(len(seeds)),
            help="Seeds " + ", ".join(map(str, seeds)) + ".",
        )


def _interval(score: Mapping[str, Any]) -> str:
    if score["low"] is None:
        return "No interval can be given."
    return f"95 % interval {score['low']:.3f} to {score['high']:.3f}, {score['interval']}."


def _confusion(entry: Entry, result: Mapping[str, Any]) -> tuple[str, str] | None:
    """The matrix; the pair of labels whose cell is chosen."""
    names = result["confusion"]["labels"]
    counts = pd.DataFrame(result["confusion"]["counts"], index=names, columns=names)
    many = len(result["seeds"]) > 1
    st.markdown(
        "**Real label against predicted** :small[:gray["
        + ("all repeats together; " if many else "")
        + "click a cell for its texts]]"
    )
    event = st.plotly_chart(
        confusion_figure(counts, rows="real", columns="predicted"),
        key=f"train-confusion-{entry.record.id}",
        on_select="rerun",
        selection_mode="points",
        config={"displayModeBar": False},
        alt="Real labels against predicted ones",
    )
    points = event["selection"]["points"]
    if not points:
        return None
    real, predicted = points[0]["customdata"][:2]
    return str(real), str(predicted)


def _per_label(result: Mapping[str, Any]) -> None:
    st.markdown("**By label** :small[:gray[means over repeats]]")
    rows = result["per_label"]
    bar = {
        name: st.column_config.ProgressColumn(
            title, format="%.3f", min_value=0, max_value=1, width=95, help=told
        )
        for name, title, told in (
            ("precision", "Precision", "Of the texts given the label, those that have it."),
            ("recall", "Recall", "Of the texts with the label, those that were given it."),
            ("f1", "F1", "Their harmonic mean."),
        )
    }
    st.dataframe(
        pd.DataFrame(
            {
                "label": list(rows),
                **{
                    what: pd.array([one[what] for one in rows.values()], dtype="Float64")
                    for what in bar
                },
                "support": [one["support"] for one in rows.values()],
            }
        ),
        hide_index=True,
        height="content",
        column_config={
            "label": st.column_config.TextColumn("Label", width=110),
            **bar,
            "support": st.column_config.NumberColumn("Texts", format="localized", width=65),
        },
        alt="Precision, recall and F1 of each label",
    )


def _behind(
    entry: Entry, answers: Answers, pair: tuple[str, str] | None, *, labels: Sequence[str]
) -> None:
    """The texts behind the chosen cell, or those that are surest wrong."""
    test = answers.test
    if pair is not None:
        real, predicted = pair
        rows = [
            row
            for row, own in enumerate(test.labels)
            if own == real and any(given[row] == predicted for given in answers.by_seed)
        ]
        st.markdown(
            f"**Real label {escape_markdown(real)}, predicted {escape_markdown(predicted)}**"
        )
    else:
        wrong = [
            row
            for row, (own, given) in enumerate(zip(test.labels, answers.labels, strict=True))
            if own != given
        ]
        rows = sorted(wrong, key=lambda row: -answers.confidence[row])
        st.markdown("**Wrong, the surest first** :small[:gray[or click a cell above]]")
    if not rows:
        st.info("No text.", icon=":material/check:")
        return
    many = len(answers.by_seed)
    frame = pd.DataFrame(
        {
            "text": [test.texts[row] for row in rows],
            "own": [test.labels[row] for row in rows],
            "said": [answers.labels[row] for row in rows],
            "confidence": [answers.confidence[row] for row in rows],
        }
    )
    if many > 1:
        frame["repeats that are right"] = [
            f"{round(float(answers.right[row]) * many)} of {many}" for row in rows
        ]
    show_labelled(
        frame,
        titles={"own": "Real label", "said": "Predicted"},
        labels=labels,
        key=f"behind-{entry.record.id}-{pair}",
        alt="Test texts behind the cell",
        height=320,
    )


def _calibration(result: Mapping[str, Any]) -> None:
    if result["calibration"] is None:
        return
    st.markdown("**Calibration** :small[:gray[below the diagonal: surer than right]]")
    st.plotly_chart(
        calibration_figure(result["calibration"]["bins"]),
        key="train-calibration",
        config={"displayModeBar": False},
        alt="Share that is right over confidence",
    )


def _curves(result: Mapping[str, Any]) -> None:
    repeats = [repeat for repeat in result["repeats"] if repeat["history"]]
    if not repeats:
        return
    best = best_seed(result)
    st.markdown(f"**How it learned** :small[:gray[seed {best}; other repeats are grey]]")
    st.plotly_chart(
        training_curves(
            next(one["history"] for one in repeats if one["seed"] == best),
            others=[one["history"] for one in repeats if one["seed"] != best],
        ),
        key="train-curves",
        config={"displayModeBar": False},
        alt="Loss and accuracy, epoch by epoch",
    )


def _overlaps(app: AppContext, entry: Entry, result: Mapping[str, Any]) -> None:
    leak = result.get("leakage")
    if leak is None:
        return
    if not leak["overlaps"]:
        near = "" if leak["threshold"] is None else ", nor nearly so"
        st.caption(f":material/check: No test text stands in the training texts{near}.")
        return
    test = dataset_at(app.db, entry.record.spec["test"])
    texts = dict(zip(test.ids, test.texts, strict=True))
    with st.expander(f"{leak['exact'] + leak['near']:,} test texts that training has seen"):
        st.dataframe(
            pd.DataFrame(
                {
                    "text": [texts.get(one["test"], "") for one in leak["overlaps"]],
                    "similarity": [one["similarity"] for one in leak["overlaps"]],
                }
            ),
            hide_index=True,
            column_config={
                "text": st.column_config.TextColumn("Test text", width=560),
                "similarity": st.column_config.NumberColumn("Cosine", format="%.3f"),
            },
            alt="Test texts that repeat training texts",
        )
