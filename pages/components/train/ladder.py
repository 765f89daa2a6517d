"""The ladder as one chart, and the table with every setting."""

import io
import json
from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from core.classification.ladder import KIND_WORDS
from core.figures.classifiers import kind_color, ladder_figure
from core.files.exports import export_table
from pages.components.shell import escape_markdown
from pages.components.train.entries import Entry

MEASURES = {"Accuracy": "accuracy", "Macro-F1": "macro_f1"}
_ALWAYS = ("row", "accuracy", "accuracy low", "accuracy high")


def show_ladder(entries: Sequence[Entry]) -> None:
    """Draw the chart and the table of rows that have a result, all on one test set."""
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
        entries = _of_one_size(entries)
        _legend(entries)
    frame = ladder_frame(entries, MEASURES[measure])
    st.plotly_chart(
        ladder_figure(frame, measure=measure),
        key="ladder",
        config={"displayModeBar": False},
        alt="The ladder: each row's score with its 95 % interval",
    )
    st.caption(escape_markdown(_said(entries)))
    sizes = {int(n) for n in frame.loc[frame["kind"].isin(_TRAINED), "n"].dropna()}
    if len(sizes) > 1:
        st.caption(
            ":material/info: The trained rows differ in size "
            f"({min(sizes):,} to {max(sizes):,} texts): more texts alone may make the difference. "
            "“Same size for all” in the side bar trains them alike."
        )
    _show_table(entries)


_TRAINED = ("raw", "manual", "lr", "oosf", "real")


def _of_one_size(entries: Sequence[Entry]) -> Sequence[Entry]:
    """The rows that learned from as many texts as was chosen, and those that learned nothing."""
    sizes = sorted({one.result["n_train"] for one in entries if one.kind in _TRAINED})
    if len(sizes) < 2:
        return entries
    if st.session_state.get("train_size") not in sizes:
        st.session_state["train_size"] = 0
    size = st.selectbox(
        "Texts",
        [0, *sizes],
        format_func=lambda one: f"{one:,} texts each" if one else "All sizes",
        key="train_size",
        label_visibility="collapsed",
        width=170,
    )
    if not size:
        return entries
    return [one for one in entries if one.kind not in _TRAINED or one.result["n_train"] == size]


def ladder_frame(entries: Sequence[Entry], measure: str) -> pd.DataFrame:
    """The rows as `core.figures.classifiers.ladder_figure` wants them."""
    return pd.DataFrame(
        {
            "id": [one.record.id for one in entries],
            "name": [one.name for one in entries],
            "kind": [one.kind for one in entries],
            **{
                end: pd.array([one.result[measure][end] for one in entries], dtype="float64")
                for end in ("mean", "low", "high")
            },
            "n": [
                one.result["n_train"] if one.kind in _TRAINED else float("nan") for one in entries
            ],
        }
    )


def _legend(entries: Sequence[Entry]) -> None:
    kinds = list(dict.fromkeys(one.kind for one in entries))
    dots = [
        f"<span style='white-space:nowrap'><span style='color:{kind_color(kind)}'>"
        f"{'◆' if kind == 'real' else '●'}</span> {KIND_WORDS[kind]}</span>"
        for kind in kinds
    ]
    st.html(f"<div style='font-size:0.85rem;opacity:0.85'>{'&emsp; '.join(dots)}</div>")


def _said(entries: Sequence[Entry]) -> str:
    n, name = entries[0].result["n_test"], entries[0].result["test"]["name"]
    return (
        f"On the {n:,} texts of {name}. Whiskers are 95 % intervals: of several repeats by "
        "Student's t over seeds (what training leaves to chance), of a single one over texts. "
        "The dashed line is the best row of real data."
    )


def _show_table(entries: Sequence[Entry]) -> None:
    rows = [flat(one) for one in entries]
    frame = pd.DataFrame(rows)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("**Every setting and measure**", width="content")
        only = st.toggle(
            "Only what differs",
            True,
            key="train_only_different",
            help="Leaves out columns whose values are the same in all rows.",
        )
        st.space("stretch")
        st.download_button(
            "CSV",
            lambda: io.BytesIO(export_table(rows, columns=list(rows[0]), format="csv")),
            file_name="wideset-ladder.csv",
            icon=":material/download:",
            on_click="ignore",
            key="train_csv",
            help="All columns. Formulas are disarmed by an apostrophe.",
        )
        st.download_button(
            "JSON",
            lambda: io.BytesIO(json_of(entries)),
            file_name="wideset-ladder.json",
            icon=":material/download:",
            on_click="ignore",
            key="train_json",
            help="Settings and results whole, confusion, calibration and epochs included.",
        )
    shown = frame
    if only and len(frame) > 1:
        shown = frame[[name for name in frame if name in _ALWAYS or _differs(frame[name])]]
    number, column = st.column_config.NumberColumn, st.column_config.Column
    st.dataframe(
        shown,
        hide_index=True,
        height="content",
        column_config={
            **{name: column(_title(name)) for name in frame},
            **{
                name: number(_title(name), format="%.3f", width=95)
                for name in frame
                if name.startswith(("accuracy", "macro-F1", "calibration"))
            },
            "row": st.column_config.TextColumn("Row", width=280, pinned=True),
            "learning rate": number("Learning rate", format="%.1e", width=100),
        },
        alt="Rows of the ladder with every setting and measure",
    )


def _title(name: str) -> str:
    return name[:1].upper() + name[1:]


def _differs(column: pd.Series) -> bool:
    return len({json.dumps(value, default=str) for value in column}) > 1


def flat(entry: Entry) -> dict[str, Any]:
    """A row as a table holds it."""
    result, spec = entry.result, entry.record.spec
    tuning = spec["fine_tuning"]
    tuned, learned = spec["kind"] == "fine-tuning", spec["kind"] in ("fine-tuning", "probe")
    leak = result.get("leakage") or {}
    facts = [repeat["facts"] for repeat in result["repeats"]]
    epochs = [fact["best_epoch"] for fact in facts if "best_epoch" in fact]
    seconds = sum(epoch["seconds"] for one in result["repeats"] for epoch in one["history"])
    calibration = result.get("calibration")
    return {
        "row": entry.name,
        "accuracy": result["accuracy"]["mean"],
        "accuracy low": result["accuracy"]["low"],
        "accuracy high": result["accuracy"]["high"],
        "macro-F1": result["macro_f1"]["mean"],
        "macro-F1 low": result["macro_f1"]["low"],
        "macro-F1 high": result["macro_f1"]["high"],
        "calibration error": None if calibration is None else calibration["ece"],
        "kind": KIND_WORDS[entry.kind],
        "what": spec["kind"],
        "model": result["model"],
        "server": spec.get("language_server"),
        "asked by": facts[0].get("scores"),
        "answers that name no label": facts[0].get("not_parsed"),
        "texts": result["n_train"],
        "test texts": result["n_test"],
        "seeds": ", ".join(map(str, result["seeds"])),
        "cut to": spec["size"],
        "class weights": tuning["class_weights"] if learned else None,
        "learning rate": tuning["learning_rate"] if tuned else None,
        "warm-up epochs": tuning["warmup_epochs"] if tuned else None,
        "epochs at most": tuning["max_epochs"] if tuned else None,
        "patience": tuning["patience"] if tuned else None,
        "batch size": tuning["batch_size"] if tuned else None,
        "best epochs": ", ".join(map(str, epochs)) or None,
        "training seconds": round(seconds, 1) if tuned else None,
        "precision of numbers": facts[0].get("precision"),
        "device": facts[0].get("device"),
        "prompt calibration": facts[0].get("calibration"),
        "examples": len(spec["examples"]) if spec["kind"] == "llm" else None,
        "test texts learned from": leak.get("exact"),
        "nearly so": leak.get("near"),
        "trained on": spec["train"],
        "tested on": spec["test"],
        "id": entry.record.id,
    }


def json_of(entries: Sequence[Entry]) -> bytes:
    """Rows as stored, as JSON."""
    data = [
        {"id": one.record.id, "name": one.name, "spec": dict(one.record.spec), "result": one.result}
        for one in entries
    ]
    return json.dumps(data, indent=1).encode()
