"""All measures with what they say, which way they point and where they come from."""

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from core.domain.metrics import MEASURED, Metric
from pages.components.explore.exploration import Exploration


def show_measures(seen: Exploration) -> None:
    """A row for each measure, a column for each run; overall or of one label."""
    results = {
        name: result
        for name, result in zip(seen.names, seen.results, strict=True)
        if result is not None
    }
    if not results:
        st.info("No run is measured yet.", icon=":material/hourglass_top:")
        return
    whole = "All labels"
    part = st.selectbox("Of", [whole, *seen.label_names], key="measures_of", width=320)
    label = None if part == whole else part
    shown = [row for row in MEASURED if row.field is not None and (label is None or row.by_label)]
    frame = pd.DataFrame(
        {
            "measure": [row.title for row in shown],
            **{
                f"run-{place}": [_value(result, row, label) for row in shown]
                for place, result in enumerate(results.values())
            },
            "direction": [row.direction for row in shown],
            "range": [row.range for row in shown],
            "says": [row.sentence for row in shown],
            "size": ["equal sizes only" if row.grows_with_n else "any sizes" for row in shown],
            "source": [row.source for row in shown],
        }
    )
    st.dataframe(
        frame,
        hide_index=True,
        height="content",
        column_config={
            "measure": st.column_config.TextColumn("Measure", width=180, pinned=True),
            **{
                f"run-{place}": st.column_config.NumberColumn(name, format="%.3f", width=110)
                for place, name in enumerate(results)
            },
            "direction": st.column_config.TextColumn("Direction", width=170),
            "range": st.column_config.TextColumn("Range", width=130),
            "says": st.column_config.TextColumn("What it says", width=430),
            "size": st.column_config.TextColumn("Compares", width=120),
            "source": st.column_config.TextColumn("Source", width=260),
        },
        alt="All measures of the runs, with direction, range and source",
    )
    st.download_button(
        "All of it as JSON",
        json.dumps({name: dict(result) for name, result in results.items()}, indent=1),
        file_name="wideset-measures.json",
        icon=":material/download:",
        on_click="ignore",
        key="measures-json",
        help="Every measure of every run on view, with intervals, by label and by text.",
    )


def _value(result: Mapping[str, Any], measure: Metric, label: str | None) -> float | None:
    entry = result.get(measure.name)
    if entry is None or measure.field is None:
        return None
    if label is not None:
        entry = entry["per_label"].get(label, {})
    found: float | None = entry.get(measure.field)
    return found
