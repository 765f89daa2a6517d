"""The neighbours of the text that is judged, on demand."""

import pandas as pd
import streamlit as st

from core.datasets import Dataset
from core.diversity.neighbours import nearest_to
from core.figures.theme import label_colors
from core.store.database import Database
from pages.components.intervene.annotation_vectors import vectors_of

_ON = "annotation_near"
_COUNT = 6


def neighbours_toggle() -> bool:
    """Draw the button; whether neighbours are shown. It stays as it is from text to text."""
    on = bool(st.session_state.get(_ON))
    st.button(
        "Hide neighbours" if on else "Neighbours",
        icon=":material/hub:",
        shortcut="N",
        key="annotation_near_button",
        on_click=_toggle,
    )
    return on


def show_neighbours(db: Database, dataset: Dataset, row: int, fingerprint: str | None) -> None:
    """Draw the texts nearest to one.

    Args:
        db: the store.
        dataset: the texts.
        row: of the text.
        fingerprint: see `vectors_of`.
    """
    vectors = vectors_of(db, dataset, fingerprint)
    if vectors is None:
        st.caption("The worker has not embedded all of these texts yet.")
        return
    near = nearest_to(vectors, row, _COUNT)
    colors = label_colors(dataset.label_names)
    st.dataframe(
        pd.DataFrame(
            {
                "label": [[dataset.labels[place]] for place, _ in near],
                "text": [dataset.texts[place] for place, _ in near],
                "distance": [distance for _, distance in near],
            }
        ),
        column_config={
            "label": st.column_config.MultiselectColumn(
                "Generated as",
                options=list(dataset.label_names),
                color=[colors[name] for name in dataset.label_names],
                width=130,
            ),
            "text": st.column_config.TextColumn("Text", width=640),
            "distance": st.column_config.NumberColumn("Distance", format="%.3f", width=80),
        },
        hide_index=True,
        key="annotation_neighbours",
        alt="The texts nearest to this one",
    )


def _toggle() -> None:
    st.session_state[_ON] = not st.session_state.get(_ON)
