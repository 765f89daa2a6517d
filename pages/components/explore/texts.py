"""A table of texts with the distances of each, and downloads of exactly the rows shown."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.files.exports import ExportFormat, export_table
from pages.components.tables import download_buttons, show_texts

_SHOWN = ("label", "text", "distance", "dataset", "mean_distance", "nearest", "fluency")
_EXPORTED = ("id", "text", "label", "dataset", "cycle", "fluency", "mean_distance", "nearest")


def show_rows(frame: pd.DataFrame, *, labels: Sequence[str], key: str, height: int = 360) -> None:
    """Draw texts and their downloads.

    Args:
        frame: rows of `core.diversity.map.frame`; a column `distance` is shown as well.
        labels: names in task order, for the colours.
        key: of the table and its buttons.
        height: at most, in pixels.
    """
    show_texts(
        frame[[name for name in _SHOWN if name in frame]],
        labels=labels,
        key=f"{key}-table",
        height=height,
        alt="Texts with label, origin and distances",
    )
    columns = [name for name in (*_EXPORTED, "distance") if name in frame]

    def content(form: ExportFormat) -> bytes:
        exported = frame[columns].astype(object)
        rows = exported.where(exported.notna(), None).to_dict("records")
        return export_table(rows, columns=columns, format=form)

    with st.container(horizontal=True, vertical_alignment="center"):
        download_buttons(
            content, file_name="wideset-texts", key=key, help=f"The {len(frame):,} rows shown."
        )
