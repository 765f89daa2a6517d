"""The texts of a run at rest: search, filter, and download of exactly what is on screen."""

import io
from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from core.exports import ExportFormat, export_samples
from core.store.counts import counts
from core.store.database import Database
from core.store.runs import RunRecord
from core.store.samples import SAMPLE_COLUMNS, sample_rows, samples_of
from pages.components.attempts_table import show_attempts
from pages.components.office import Office
from pages.components.progress import show_spread
from pages.components.run_settings import show_settings
from pages.components.samples_table import noted, show_samples

_KINDS = ("new", "duplicate", "empty", "truncated")
_FORMATS: dict[ExportFormat, str] = {
    "csv": "For spreadsheets: formulas are disarmed by an apostrophe.",
    "jsonl": "Exact, one object a line.",
    "parquet": "Exact, typed columns.",
}


def show_results(office: Office, run: RunRecord, progress: Mapping[str, Any]) -> None:
    """Draw the tabs of a run at rest."""
    texts, spread, settings = st.tabs(
        ["Texts", "Balance and tokens", "Settings"], key="run_tabs", on_change="rerun"
    )
    if texts.open:
        with texts:
            _texts(office.db, run)
    if spread.open:
        with spread:
            show_spread(office.db, run, progress)
    if settings.open:
        with settings:
            show_settings(run)
            show_attempts(office.db, run)


@st.fragment
def _texts(db: Database, run: RunRecord) -> None:
    total = sum(row.total for row in counts(db, run.id).values())
    frame = _frame(db, run.id, total)
    if frame.empty:
        st.info("No text has arrived in this run.", icon=":material/inbox:")
        return
    names = list(run.spec.task.label_names)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        search = st.text_input(
            "Search",
            type="search",
            live="300ms",
            key="search",
            placeholder="Words in the text",
            persist_state="session",
            width=230,
        )
        kinds = st.pills(
            "Show", _KINDS, default=_KINDS, selection_mode="multi", key="kinds", wrap=True
        )
        labels = st.multiselect(
            "Labels", names, key=f"labels-{run.id}", placeholder="All labels", width=230
        )
    notes = noted(frame)
    shown = frame[
        notes.isin(kinds)
        & (frame["label"].isin(labels) if labels else True)
        & (frame["text"].str.contains(search, case=False, regex=False) if search else True)
    ]
    st.caption(f"{len(shown):,} of {len(frame):,} rows, in order of arrival")
    if shown.empty:
        st.info("No row fits. Clear the search or show more.", icon=":material/search_off:")
        return
    show_samples(shown, labels=names, height=min(480, 38 + 35 * len(shown)), key="samples")
    with st.container(horizontal=True, vertical_alignment="center"):
        for form, told in _FORMATS.items():
            st.download_button(
                form.upper() if form == "csv" else form.capitalize().replace("Jsonl", "JSONL"),
                partial(_export, db, run.id, tuple(shown["id"].to_numpy()), form),
                file_name=f"wideset-{run.id}.{form}",
                icon=":material/download:",
                on_click="ignore",
                key=f"download-{form}",
                help=f"The {len(shown):,} rows on screen. {told}",
            )
        st.caption("Downloads hold exactly the rows on screen.")


@st.cache_data(max_entries=8, show_spinner=False)
def _frame(_db: Database, run_id: str, total: int) -> pd.DataFrame:
    """A run's samples; `total` tells a run that grew from its younger self."""
    return pd.DataFrame(sample_rows(_db, run_id), columns=list(SAMPLE_COLUMNS))


def _export(db: Database, run_id: str, ids: tuple[str, ...], form: ExportFormat) -> io.BytesIO:
    wanted = set(ids)
    samples = [sample for sample in samples_of(db, run_id) if sample.id in wanted]
    return io.BytesIO(export_samples(samples, format=form))
