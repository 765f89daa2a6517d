"""Texts as a table whose rows can be chosen."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from core.figures.theme import label_colors

_LABELS = {
    "old": "Now",
    "new": "New",
    "before": "From",
    "after": "To",
    "proxy": "Proxy says",
    "label": "Label",
    "said": "Judged",
}


def choose_rows(
    frame: pd.DataFrame,
    *,
    labels: Sequence[str],
    key: str,
    choose: bool = True,
    height: int = 380,
) -> list[str]:
    """Draw texts; the ids of the rows that a person chose, in the table's order.

    Args:
        frame: indexed by text id; columns text, and any of `_LABELS` (labels, None for none),
            confidence (0 to 1), judged (bool).
        labels: all names in task order, for the colours.
        key: of the table; another one where the rows are others, as choices are by place.
        choose: whether rows can be chosen.
        height: at most, in pixels.
    """
    colors = label_colors(labels)
    shown = frame.copy()
    config: dict[str, Any] = {"text": st.column_config.TextColumn("Text", width=330)}
    for name, title in _LABELS.items():
        if name in shown:
            shown[name] = [[] if value is None else [value] for value in frame[name].to_numpy()]
            config[name] = st.column_config.MultiselectColumn(
                title, options=list(labels), color=[colors[one] for one in labels], width=110
            )
    config["confidence"] = st.column_config.ProgressColumn(
        "Confidence", format="percent", min_value=0, max_value=1, width=110
    )
    config["judged"] = st.column_config.CheckboxColumn(
        "Inspected", width=80, help="The annotator saw it."
    )
    state = st.dataframe(
        shown,
        column_config=config,
        hide_index=True,
        height=min(height, 38 + 35 * max(1, len(shown))),
        key=key,
        on_select="rerun" if choose else "ignore",
        selection_mode="multi-row",
        alt="Texts with their labels",
    )
    if not choose:
        return []
    places = state["selection"]["rows"]
    return [str(frame.index[place]) for place in sorted(places) if place < len(frame)]
