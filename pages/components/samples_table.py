"""A table of samples: labels as coloured badges, texts as text and nothing else."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from core.figures.theme import label_colors

NOTES = {"new": "new", "duplicate": "duplicate", "empty": "empty", "truncated": "truncated"}


def noted(frame: pd.DataFrame) -> pd.Series:
    """What each sample counts as: `new`, `duplicate`, `empty` or `truncated`.

    Args:
        frame: columns `outcome` and `duplicate_of`, as
        `core.store.generation.samples.SAMPLE_COLUMNS`.
    """
    repeats = (frame["outcome"] == "usable") & frame["duplicate_of"].notna()
    return frame["outcome"].where(frame["outcome"] != "usable", "new").mask(repeats, "duplicate")


def show_samples(
    frame: pd.DataFrame, *, labels: Sequence[str], height: int, key: str | None = None
) -> None:
    """Draw samples as they stand in the frame.

    Args:
        frame: columns of `core.store.generation.samples.SAMPLE_COLUMNS`.
        labels: label names in task order, for the colours.
        height: pixels.
        key: the table's key, if it must keep its place over reruns.
    """
    shown = pd.DataFrame(
        {
            # By way of numpy: a column of strings gives its values one by one much more slowly.
            "label": [[name] for name in frame["label"].to_numpy()],
            "text": frame["text"],
            "note": noted(frame).where(lambda note: note != "new", ""),
            "fluency": frame["fluency"].astype(float),
            "cycle": frame["cycle"],
        },
        index=frame.index,
    )
    unknown = bool(len(shown)) and bool(shown["fluency"].isna().all())
    colors = label_colors(labels)
    columns: dict[str, Any] = {
        "label": st.column_config.MultiselectColumn(
            "Label", options=list(labels), color=[colors[name] for name in labels], width=110
        ),
        "text": st.column_config.TextColumn("Text", width=560),
        "note": st.column_config.TextColumn("Note", width=84),
        "fluency": st.column_config.NumberColumn(
            "Fluency",
            format="%.2f",
            width=70,
            help="Mean log-probability a token under the untouched model: the lower, the odder."
            + (" A server does not tell it of its texts." if unknown else ""),
        ),
        "cycle": st.column_config.NumberColumn("Cycle", width=60),
    }
    st.dataframe(
        shown,
        column_config=columns,
        hide_index=True,
        height=height,
        key=key,
        placeholder="–",
        alt="Samples: label, text, note, fluency, cycle",
    )
