"""Tables of texts with coloured labels."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from core.figures.theme import label_colors


def show_labelled(
    frame: pd.DataFrame,
    *,
    titles: Mapping[str, str],
    labels: Sequence[str],
    key: str,
    alt: str,
    height: int = 380,
    bars: Sequence[str] = (),
) -> None:
    """Draw texts.

    Args:
        frame: column text; those of `titles` hold labels; confidence (0 to 1), distance and any
            other numbers as they are.
        titles: of the label columns.
        labels: all names in task order, for the colours.
        key: of the table.
        alt: what it is called for those who can't see it.
        height: at most, in pixels.
        bars: more columns that hold shares, 0 to 1.
    """
    colors = label_colors(labels)
    shown = frame.copy()
    config: dict[str, Any] = {"text": st.column_config.TextColumn("Text", width=360)}
    for name, title in titles.items():
        shown[name] = [[] if value is None else [value] for value in frame[name].to_numpy()]
        config[name] = st.column_config.MultiselectColumn(
            title, options=list(labels), color=[colors[one] for one in labels], width=130
        )
    for name in frame:
        words = str(name)
        if words.startswith("confidence") or words in bars:
            title = words if words in bars else words[:1].upper() + words[1:]
            config[words] = st.column_config.ProgressColumn(
                title, format="percent", min_value=0, max_value=1, width=120
            )
    config["model"] = st.column_config.TextColumn("Model", width=260)
    config["distance"] = st.column_config.NumberColumn(
        "Distance", format="%.3f", width=80, help="Cosine, to the nearest text learned from."
    )
    st.dataframe(
        shown,
        column_config=config,
        hide_index=True,
        height=min(height, 38 + 35 * max(1, len(shown))),
        key=key,
        alt=alt,
    )
