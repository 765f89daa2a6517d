"""Texts as a table that can be taken away: exactly the rows on screen."""

import io
from collections.abc import Sequence
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from core.figures.theme import label_colors
from core.files.exports import ExportFormat, export_table

_COLUMNS = ("id", "text", "label", "dataset", "cycle", "fluency", "mean_distance", "nearest")
_FORMATS: dict[ExportFormat, str] = {"csv": "CSV", "jsonl": "JSONL", "parquet": "Parquet"}


def show_texts(
    frame: pd.DataFrame,
    *,
    labels: Sequence[str],
    key: str,
    distance: bool = False,
    height: int = 360,
) -> None:
    """Draw texts, and the buttons that hand them on.

    Args:
        frame: rows of `core.diversity.map.frame`.
        labels: names in task order, for the colours.
        key: of the table and its buttons.
        distance: show the column `distance`.
        height: at most, in pixels.
    """
    colors = label_colors(labels)
    shown = pd.DataFrame(
        {
            "label": [[name] for name in frame["label"].to_numpy()],
            "text": frame["text"],
            **({"distance": frame["distance"]} if distance else {}),
            "dataset": frame["dataset"],
            "mean_distance": frame["mean_distance"],
            "nearest": frame["nearest"],
            "fluency": frame["fluency"],
        },
        index=frame.index,
    )
    number = st.column_config.NumberColumn
    config: dict[str, Any] = {
        "label": st.column_config.MultiselectColumn(
            "Label", options=list(labels), color=[colors[name] for name in labels], width=110
        ),
        "text": st.column_config.TextColumn("Text", width=330),
        "distance": number("Distance", format="%.3f", width=75, help="To the first row's text."),
        "dataset": st.column_config.TextColumn("From", width=130),
        "mean_distance": number(
            "Contributes",
            format="%.3f",
            width=85,
            help="Mean distance to the other texts of its run; the mean over all is the score.",
        ),
        "nearest": number(
            "Nearest", format="%.3f", width=70, help="Distance to the nearest other text."
        ),
        "fluency": number("Fluency", format="%.2f", width=70),
    }
    st.dataframe(
        shown,
        column_config=config,
        hide_index=True,
        height=min(height, 38 + 35 * len(shown)),
        key=f"{key}-table",
        placeholder="–",
        alt="Texts with label, origin and distances",
    )
    columns = [*_COLUMNS, *(["distance"] if distance else [])]
    with st.container(horizontal=True, vertical_alignment="center"):
        for form, name in _FORMATS.items():
            st.download_button(
                name,
                partial(_content, frame[columns], form),
                file_name=f"wideset-texts.{form}",
                icon=":material/download:",
                on_click="ignore",
                key=f"{key}-{form}",
                help=f"The {len(frame):,} rows on screen.",
            )


def _content(frame: pd.DataFrame, form: ExportFormat) -> io.BytesIO:
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return io.BytesIO(export_table(rows, columns=list(frame.columns), format=form))
