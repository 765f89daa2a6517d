"""Tables of labelled texts, and downloads of them: labels as badges, texts always as text."""

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.elements.lib.column_types import ColumnConfig

from core.domain.registries.finish_reasons import find_finish_reason
from core.figures.theme import label_colors, pill_color
from core.files.exports import ExportFormat

FORMATS: Final[Mapping[ExportFormat, str]] = {"csv": "CSV", "jsonl": "JSONL", "parquet": "Parquet"}
"""The formats of downloads, as their buttons name them."""

_COLUMNS = st.column_config
_TITLES: Mapping[str, str] = {"label": "Label"}
_FEW_COLUMNS = 5
_FLUENCY_HELP = (
    "Mean log-probability per token under the unmodified model; gibberish has a low one."
)


def show_texts(
    frame: pd.DataFrame,
    *,
    labels: Sequence[str],
    alt: str,
    key: str | None = None,
    titles: Mapping[str, str] = _TITLES,
    shares: Sequence[str] = (),
    height: int = 380,
    selectable: bool = False,
) -> list[str]:
    """Draw texts, a row each.

    Args:
        frame: `text`; columns of `titles` (label names, None for none), of `shares` (0 to 1), and
            any of those that `_column_config` knows.
        labels: all label names in task order, for the colours.
        alt: what the table is called for those who can't see it.
        key: of the table; another one where the rows are others, as selections are by position.
        titles: of the columns that hold labels.
        shares: columns that hold shares, titled by their names.
        height: at most, in pixels.
        selectable: whether rows can be selected.

    Returns:
        Index values of the selected rows, in the table's order.
    """
    pills = [pill_color(color) for color in label_colors(labels).values()]
    shown = frame.copy()
    config = _column_config(wide=len(frame.columns) <= _FEW_COLUMNS)
    for name, title in titles.items():
        if name in shown:
            # By way of numpy: iterating over a column of strings is much slower.
            shown[name] = [[] if value is None else [value] for value in frame[name].to_numpy()]
            config[name] = _COLUMNS.MultiselectColumn(
                title, options=list(labels), color=pills, width=110
            )
    for name in shares:
        config[name] = _COLUMNS.ProgressColumn(
            name, format="percent", min_value=0, max_value=1, width=120
        )
    state = st.dataframe(
        shown,
        column_config=config,
        hide_index=True,
        height=min(height, 38 + 35 * max(1, len(shown))),
        key=key,
        on_select="rerun" if selectable else "ignore",
        selection_mode="multi-row",
        placeholder="–",
        alt=alt,
    )
    if isinstance(state, DeltaGenerator):
        return []
    rows = state["selection"]["rows"]
    return [str(frame.index[row]) for row in sorted(rows) if row < len(frame)]


def _column_config(*, wide: bool) -> dict[str, ColumnConfig]:
    """Every column that more than one table has, by its name in the frame."""
    number = _COLUMNS.NumberColumn
    return {
        "text": _COLUMNS.TextColumn("Text", width=560 if wide else 330),
        "note": _COLUMNS.TextColumn("Note", width=84),
        "cycle": number("Cycle", width=60),
        "fluency": number("Fluency", format="%.2f", width=70, help=_FLUENCY_HELP),
        "distance": number("Distance", format="%.3f", width=80, help="Cosine distance, 0 to 2."),
        "dataset": _COLUMNS.TextColumn("Dataset", width=130),
        "mean_distance": number(
            "Mean distance",
            format="%.3f",
            width=100,
            help="To the other texts of its run; the mean over all texts is Remote-Clique.",
        ),
        "nearest": number(
            "Nearest", format="%.3f", width=70, help="Distance to the nearest other text."
        ),
        "confidence": _COLUMNS.ProgressColumn(
            "Confidence", format="percent", min_value=0, max_value=1, width=110
        ),
        "judged": _COLUMNS.CheckboxColumn(
            "Inspected", width=80, help="The annotator has judged this text."
        ),
        "model": _COLUMNS.TextColumn("Model", width=260),
    }


def sample_notes(frame: pd.DataFrame) -> pd.Series:
    """What each sample counts as: `new`, `duplicate`, `empty` or `truncated`.

    Args:
        frame: columns `outcome` and `duplicate_of`, as
            `core.store.generation.samples.SAMPLE_COLUMNS`.
    """
    repeated = (frame["outcome"] == "usable") & frame["duplicate_of"].notna()
    return frame["outcome"].where(frame["outcome"] != "usable", "new").mask(repeated, "duplicate")


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
    notes = sample_notes(frame)
    # "empty" and "truncated" say it all of the two most usual reasons.
    explained = (frame["outcome"] != "usable") & ~frame["finish_reason"].isin(["stop", "length"])
    reasons = frame["finish_reason"].map(lambda reason: find_finish_reason(reason).title)
    shown = pd.DataFrame(
        {
            "label": frame["label"],
            "text": frame["text"],
            "note": notes.where(notes != "new", "").mask(explained, reasons),
            "fluency": frame["fluency"].astype(float),
            "cycle": frame["cycle"],
        },
        index=frame.index,
    )
    show_texts(
        shown,
        labels=labels,
        height=height,
        key=key,
        alt="Samples: label, text, note, fluency, cycle",
    )


def download_buttons(
    content: Callable[[ExportFormat], bytes], *, file_name: str, key: str, help: str
) -> None:
    """Draw a download button per format, within the container that is open.

    Args:
        content: the file in a format; called when its button is pressed.
        file_name: without its extension.
        key: begins the buttons' keys.
        help: what the file holds.
    """
    for form, name in FORMATS.items():
        st.download_button(
            name,
            lambda form=form: io.BytesIO(content(form)),  # type: ignore[misc]
            file_name=f"{file_name}.{form}",
            icon=":material/download:",
            on_click="ignore",
            key=f"{key}-{form}",
            help=help,
        )
