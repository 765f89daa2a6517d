"""The Model details tab: scores, errors, calibration and training curves; downloads; removal."""

import io
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.classification.fine_tuning.fine_tuned import packed
from core.classification.trained import folder_of
from core.domain.wording import counted, interval, number
from core.figures.classifiers import calibration_figure, training_curves
from core.figures.interventions import confusion_figure
from core.files.exports import export_table
from core.store.trainings import training_folder
from pages.components.shell import AppContext, escape_markdown
from pages.components.tables import show_texts
from pages.components.train.choice import Choice
from pages.components.train.progress import remove
from pages.components.train.trainings import (
    Answers,
    Training,
    answers_frame,
    answers_of,
    choose_training,
    dataset_at,
)


def show_details(app: AppContext, choice: Choice, trainings: Sequence[Training]) -> None:
    """Draw the choice of a model and all that is known of it."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        training = choose_training("Model", trainings, key="train_row")
        st.space("stretch")
        _show_actions(app, training)
    answers = answers_of(app.db, training)
    _show_numbers(training)
    for warning in training.result.warnings:
        st.warning(escape_markdown(warning), icon=":material/warning:")
    with st.grid(2, min_column_width=420, gap="large"):
        with st.container():
            cell = _show_confusion(training)
        with st.container():
            _show_per_label(training)
    _show_texts_behind(training, answers, cell, labels=choice.task.label_names)
    with st.grid(2, min_column_width=420, gap="large"):
        with st.container():
            _show_calibration(training)
        with st.container():
            _show_curves(training)
    _show_leakage(app, training)


def _show_actions(app: AppContext, training: Training) -> None:
    """Downloads, and the button that removes the model."""

    def predictions() -> io.BytesIO:
        frame = answers_frame(answers_of(app.db, training), training.result.seeds)
        rows = frame.to_dict("records")
        return io.BytesIO(export_table(rows, columns=[str(name) for name in frame], format="csv"))

    st.download_button(
        "Predictions",
        predictions,
        file_name=f"wideset-predictions-{training.id}.csv",
        icon=":material/download:",
        on_click="ignore",
        key="train_predictions",
        help="All test texts with their labels and the predictions of each repeat, as CSV.",
    )
    if training.has_model:
        seed, kind = training.result.best_seed, training.record.spec["kind"]
        folder = folder_of(training_folder(app.home, training.id), kind, seed)
        st.download_button(
            "Trained model",
            lambda: packed(folder, f"wideset-{training.id}", training.result),
            file_name=f"wideset-{training.id}.zip",
            icon=":material/folder_zip:",
            on_click="ignore",
            key="train_model_zip",
            disabled=not folder.is_dir(),
            help=f"The repeat with the best validation score (seed {seed}), as ZIP. "
            + (
                "Load it with AutoModelForSequenceClassification.from_pretrained."
                if kind == "fine-tuning"
                else "Weights and bias as safetensors, for embeddings of length 1."
            ),
        )
    st.button(
        "Remove",
        icon=":material/delete:",
        type="tertiary",
        key="train_remove",
        help="Remove the model from the results; Undo restores it.",
        on_click=remove,
        args=(app, training.id),
    )


def _show_numbers(training: Training) -> None:
    result = training.result
    with st.grid(5, min_column_width=110, gap="small"):
        for name, score in (("Accuracy", result.accuracy), ("Macro-F1", result.macro_f1)):
            help = "No interval."
            if score.low is not None and score.high is not None:
                help = f"95% interval {interval(score.low, score.high)}, {score.interval}."
            st.metric(name, number(score.mean, digits=3), help=help)
        if result.calibration is not None:
            st.metric(
                "Calibration error",
                number(result.calibration.ece, digits=3),
                help="Expected calibration error (ECE): mean gap between confidence and accuracy, "
                "0 to 1.",
            )
        st.metric("Trained on", counted(result.n_train, "text"))
        seeds = ", ".join(map(str, result.seeds))
        st.metric("Repeats", str(len(result.seeds)), help=f"Seeds {seeds}.")


def _show_confusion(training: Training) -> tuple[str, str] | None:
    """The confusion matrix; (true label, predicted label) of the cell that was clicked."""
    confusion = training.result.confusion
    names = list(confusion.labels)
    summed = "sum over repeats; " if len(training.result.seeds) > 1 else ""
    st.markdown(f"**Confusion matrix** :small[:gray[{summed}click a cell to list its texts]]")
    event = st.plotly_chart(
        confusion_figure(
            pd.DataFrame(list(confusion.counts), index=names, columns=names),
            rows="true",
            columns="predicted",
        ),
        key=f"train-confusion-{training.id}",
        on_select="rerun",
        selection_mode="points",
        config={"displayModeBar": False},
        alt="True labels against predicted ones",
    )
    points = event["selection"]["points"]
    if not points:
        return None
    true, predicted = points[0]["customdata"][:2]
    return str(true), str(predicted)


def _show_per_label(training: Training) -> None:
    st.markdown("**Scores by label** :small[:gray[means over repeats]]")
    scores = training.result.per_label
    config = {
        name: st.column_config.ProgressColumn(
            title, format="%.3f", min_value=0, max_value=1, width=95, help=help
        )
        for name, title, help in (
            ("precision", "Precision", "Share of the texts with this prediction that are right."),
            ("recall", "Recall", "Share of the texts with this label that are found."),
            ("f1", "F1", "Harmonic mean of precision and recall."),
        )
    }
    frame = pd.DataFrame(
        {
            "label": list(scores),
            **{
                name: pd.array([getattr(score, name) for score in scores.values()], dtype="Float64")
                for name in config
            },
            "support": [score.support for score in scores.values()],
        }
    )
    st.dataframe(
        frame,
        hide_index=True,
        height="content",
        placeholder="–",
        column_config={
            "label": st.column_config.TextColumn("Label", width=110),
            **config,
            "support": st.column_config.NumberColumn("Texts", format="localized", width=65),
        },
        alt="Precision, recall and F1 of each label",
    )


def _show_texts_behind(
    training: Training, answers: Answers, cell: tuple[str, str] | None, *, labels: Sequence[str]
) -> None:
    """The texts of the selected cell, or the most confident errors."""
    test = answers.test
    if cell is not None:
        true, predicted = cell
        rows = [
            row
            for row, label in enumerate(test.labels)
            if label == true and any(given[row] == predicted for given in answers.by_seed)
        ]
        st.markdown(
            f"**True label {escape_markdown(true)}, predicted {escape_markdown(predicted)}**"
        )
    else:
        pairs = enumerate(zip(test.labels, answers.labels, strict=True))
        wrong = [row for row, (label, given) in pairs if label != given]
        rows = sorted(wrong, key=lambda row: -answers.confidence[row])
        st.markdown("**Most confident errors** :small[:gray[or click a cell above]]")
    if not rows:
        st.info("No such texts.", icon=":material/check:")
        return
    frame = pd.DataFrame(
        {
            "text": [test.texts[row] for row in rows],
            "own": [test.labels[row] for row in rows],
            "predicted": [answers.labels[row] for row in rows],
            "confidence": [answers.confidence[row] for row in rows],
        }
    )
    repeats = len(answers.by_seed)
    if repeats > 1:
        right = [round(float(answers.right[row]) * repeats) for row in rows]
        frame["Correct repeats"] = [f"{count} of {repeats}" for count in right]
    show_texts(
        frame,
        titles={"own": "True label", "predicted": "Predicted"},
        labels=labels,
        key=f"behind-{training.id}-{cell}",
        alt="Test texts behind the cell",
        height=320,
    )


def _show_calibration(training: Training) -> None:
    calibration = training.result.calibration
    if calibration is None:
        return
    st.markdown("**Calibration** :small[:gray[below the diagonal: overconfident]]")
    st.plotly_chart(
        calibration_figure(calibration.bins),
        key="train-calibration",
        config={"displayModeBar": False},
        alt="Accuracy by confidence",
    )


def _show_curves(training: Training) -> None:
    repeats = [repeat for repeat in training.result.repeats if repeat.history]
    if not repeats:
        return
    best = training.result.best_seed
    st.markdown(f"**Training curves** :small[:gray[seed {best}; other repeats in grey]]")
    st.plotly_chart(
        training_curves(
            next(repeat.history for repeat in repeats if repeat.seed == best),
            others=[repeat.history for repeat in repeats if repeat.seed != best],
        ),
        key="train-curves",
        config={"displayModeBar": False},
        alt="Loss and accuracy by epoch",
    )


def _show_leakage(app: AppContext, training: Training) -> None:
    leakage = training.result.leakage
    if leakage is None:
        return
    if not leakage.overlaps:
        near = "" if leakage.threshold is None else " and no near duplicates"
        st.caption(f":material/check: No test leakage: no exact{near} among the training texts.")
        return
    test = dataset_at(app.db, training.record.spec["test"])
    texts = dict(zip(test.ids, test.texts, strict=True))
    count = counted(leakage.exact + leakage.near, "test text")
    with st.expander(f"Test leakage: {count} among the training texts"):
        st.dataframe(
            pd.DataFrame(
                {
                    "text": [texts.get(overlap.test, "") for overlap in leakage.overlaps],
                    "similarity": [overlap.similarity for overlap in leakage.overlaps],
                }
            ),
            hide_index=True,
            column_config={
                "text": st.column_config.TextColumn("Test text", width=560),
                "similarity": st.column_config.NumberColumn("Cosine similarity", format="%.3f"),
            },
            alt="Test texts that repeat training texts",
        )
