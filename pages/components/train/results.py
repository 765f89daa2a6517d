"""The Results tab: all models on one test set as a chart, and a table of every setting."""

import io
import json
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.classification.ladder import RUNG_TITLES
from core.domain.wording import capitalized
from core.figures.classifiers import kind_color, ladder_figure
from core.files.exports import export_table
from pages.components.shell import AppContext, escape_markdown
from pages.components.train.choice import Choice
from pages.components.train.trainings import TRAINED_KINDS, Training

MEASURES = {"Accuracy": "accuracy", "Macro-F1": "macro_f1"}
_ALWAYS_SHOWN = ("model name", "accuracy", "accuracy low", "accuracy high")
_SCORES = ("accuracy", "macro-F1", "calibration")

Cell = str | int | float | bool | None


def show_results(app: AppContext, choice: Choice, trainings: Sequence[Training]) -> None:
    """Draw the chart and the table of finished trainings, all on one test set."""
    with st.container(horizontal=True, vertical_alignment="center"):
        measure = (
            st.segmented_control(
                "Measure",
                list(MEASURES),
                default="Accuracy",
                key="train_measure",
                required=True,
                persist_state="session",
                label_visibility="collapsed",
            )
            or "Accuracy"
        )
        trainings = _choose_size(trainings)
        _show_legend(trainings)
    frame = results_frame(trainings, MEASURES[measure])
    st.plotly_chart(
        ladder_figure(frame, measure=measure),
        key="ladder",
        config={"displayModeBar": False},
        alt="The score of each model with its 95% interval",
    )
    result = trainings[0].result
    test = f"{result.n_test:,} texts of {result.test.name}"
    st.caption(
        f"On the {escape_markdown(test)}. Whiskers are 95% intervals: with several repeats, "
        "Student's t over seeds (randomness of training); with one, over test texts. The dashed "
        "line is the best model trained on real data."
    )
    sizes = frame.loc[frame["kind"].isin(TRAINED_KINDS), "n"].dropna().astype(int)
    if sizes.nunique() > 1:
        st.caption(
            ":material/info: The training sets differ in size "
            f"({sizes.min():,} to {sizes.max():,} texts): larger sets may be better by their size "
            "alone. Use “Same size for all” in the sidebar to train on equal sizes."
        )
    _show_table(trainings)


def _choose_size(trainings: Sequence[Training]) -> Sequence[Training]:
    """The baselines, and the models trained on as many texts as is chosen."""
    sizes = sorted({row.result.n_train for row in trainings if row.kind in TRAINED_KINDS})
    if len(sizes) < 2:
        return trainings
    if st.session_state.get("train_size") not in sizes:
        st.session_state["train_size"] = 0
    size = st.selectbox(
        "Texts",
        [0, *sizes],
        format_func=lambda n: f"{n:,} texts each" if n else "All sizes",
        key="train_size",
        label_visibility="collapsed",
        width=170,
    )
    return [
        training
        for training in trainings
        if not size or training.kind not in TRAINED_KINDS or training.result.n_train == size
    ]


def results_frame(trainings: Sequence[Training], measure: str) -> pd.DataFrame:
    """The rows that `core.figures.classifiers.ladder_figure` expects."""
    scores = [getattr(training.result, measure) for training in trainings]
    return pd.DataFrame(
        {
            "id": [training.id for training in trainings],
            "name": [training.name for training in trainings],
            "kind": [training.kind for training in trainings],
            **{
                end: pd.array([getattr(score, end) for score in scores], dtype="float64")
                for end in ("mean", "low", "high")
            },
            "n": [
                training.result.n_train if training.kind in TRAINED_KINDS else float("nan")
                for training in trainings
            ],
        }
    )


def _show_legend(trainings: Sequence[Training]) -> None:
    kinds = list(dict.fromkeys(training.kind for training in trainings))
    entries = [
        f"<span style='white-space:nowrap'><span style='color:{kind_color(kind)}'>"
        f"{'◆' if kind == 'real' else '●'}</span> {RUNG_TITLES[kind]}</span>"
        for kind in kinds
    ]
    st.html(f"<div style='font-size:0.85rem;opacity:0.85'>{'&emsp; '.join(entries)}</div>")


def _show_table(trainings: Sequence[Training]) -> None:
    rows = [table_row(training) for training in trainings]
    frame = pd.DataFrame(rows)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("**All settings and measures**", width="content")
        only_different = st.toggle(
            "Only differences",
            True,
            key="train_only_different",
            help="Hide columns whose values are the same in all rows.",
        )
        st.space("stretch")
        st.download_button(
            "CSV",
            lambda: io.BytesIO(export_table(rows, columns=list(rows[0]), format="csv")),
            file_name="wideset-ladder.csv",
            icon=":material/download:",
            on_click="ignore",
            key="train_csv",
            help="All columns. Cells that spreadsheets would run as formulas get an apostrophe.",
        )
        st.download_button(
            "JSON",
            lambda: io.BytesIO(results_json(trainings)),
            file_name="wideset-ladder.json",
            icon=":material/download:",
            on_click="ignore",
            key="train_json",
            help="Complete settings and results, with confusion, calibration and epochs.",
        )
    shown = frame
    if only_different and len(frame) > 1:
        shown = frame[[name for name in frame if name in _ALWAYS_SHOWN or _varies(frame[name])]]
    number = st.column_config.NumberColumn
    config = {
        name: number(capitalized(name), format="%.3f", width=95)
        if name.startswith(_SCORES)
        else st.column_config.Column(capitalized(name))
        for name in frame
    }
    config["model name"] = st.column_config.TextColumn("Model", width=280, pinned=True)
    config["learning rate"] = number("Learning rate", format="%.1e", width=100)
    st.dataframe(
        shown,
        hide_index=True,
        height="content",
        placeholder="–",
        column_config=config,
        alt="Models with their settings and measures",
    )


def _varies(column: "pd.Series[object]") -> bool:
    return len({json.dumps(value, default=str) for value in column}) > 1


def table_row(training: Training) -> dict[str, Cell]:
    """A training as a row of the table."""
    result, spec = training.result, training.record.spec
    tuning = spec["fine_tuning"]
    tuned, learned = spec["kind"] == "fine-tuning", spec["kind"] in ("fine-tuning", "probe")
    leakage = result.leakage
    facts = [repeat.facts for repeat in result.repeats]
    epochs = [fact["best_epoch"] for fact in facts if "best_epoch" in fact]
    seconds = sum(epoch.seconds for repeat in result.repeats for epoch in repeat.history)
    scores = {
        f"{name}{'' if end == 'mean' else f' {end}'}": getattr(score, end)
        for name, score in (("accuracy", result.accuracy), ("macro-F1", result.macro_f1))
        for end in ("mean", "low", "high")
    }
    return {
        "model name": training.name,
        **scores,
        "calibration error": None if result.calibration is None else result.calibration.ece,
        "kind": RUNG_TITLES[training.kind],
        "method": spec["kind"],
        "base model": _base_model(training),
        "server": spec.get("language_server"),
        "asked by": facts[0].get("scores"),
        "answers without label": facts[0].get("not_parsed"),
        "texts": result.n_train,
        "test texts": result.n_test,
        "seeds": ", ".join(map(str, result.seeds)),
        "cut to": spec["size"],
        "class weights": tuning["class_weights"] if learned else None,
        "learning rate": tuning["learning_rate"] if tuned else None,
        "warm-up epochs": tuning["warmup_epochs"] if tuned else None,
        "max epochs": tuning["max_epochs"] if tuned else None,
        "patience": tuning["patience"] if tuned else None,
        "batch size": tuning["batch_size"] if tuned else None,
        "best epochs": ", ".join(map(str, epochs)) or None,
        "training seconds": round(seconds, 1) if tuned else None,
        "numeric precision": facts[0].get("precision"),
        "device": facts[0].get("device"),
        "prompt calibration": facts[0].get("calibration"),
        "examples": len(spec["examples"]) if spec["kind"] == "llm" else None,
        "test leakage, exact": None if leakage is None else leakage.exact,
        "test leakage, near": None if leakage is None else leakage.near,
        "trained on": spec["train"],
        "tested on": spec["test"],
        "id": training.id,
    }


def _base_model(training: Training) -> str:
    model = training.result.model
    if model != "embedded":
        return model
    return "SmolLM2-135M-Instruct" if training.kind == "llm" else "all-MiniLM-L6-v2"


def results_json(trainings: Sequence[Training]) -> bytes:
    """Trainings as stored, as JSON."""
    data = [
        {
            "id": training.id,
            "name": training.name,
            "spec": dict(training.record.spec),
            "result": training.record.result,
        }
        for training in trainings
    ]
    return json.dumps(data, indent=1).encode()
