"""The tabs of a finished run: its texts with downloads, balance and tokens, settings, requests."""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import Final

import pandas as pd
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from core.domain.registries.finish_reasons import set_aside_words, stripped_words
from core.domain.registries.knobs import KNOBS
from core.domain.runs import EMBEDDED_TITLE, model_and_server, other_models_words
from core.domain.wording import MISSING, counted, number
from core.files.exports import ExportFormat, export_samples, export_table
from core.generation.progress import GenerationProgress
from core.generation.servers.suppression import METHOD_TITLES
from core.store.database import Database
from core.store.generation.rounds import attempts_of, other_models
from core.store.generation.runs import RunRecord
from core.store.generation.samples import (
    SAMPLE_COLUMNS,
    counts,
    sample_rows,
    samples_of,
    set_aside,
    stripped_counts,
)
from pages.components.generate.progress import show_spread
from pages.components.shell import AppContext
from pages.components.tables import FORMATS, sample_notes, show_samples

_SHOWN = 500
_NUMBER, _TEXT = st.column_config.NumberColumn, st.column_config.TextColumn
_ATTEMPT_COLUMNS = {
    "at": st.column_config.DatetimeColumn("When", format="D MMM, HH:mm:ss", width=120),
    "cycle": _NUMBER("Cycle", width=55),
    "label": _TEXT("Label", width=90),
    "attempt": _NUMBER("Try", width=45),
    "outcome": _TEXT("Outcome", width=130),
    "status": _NUMBER("Status", format="%d", width=60),
    "texts_asked": _NUMBER("Requested", width=75),
    "texts_returned": _NUMBER("Texts", width=55),
    "tokens_in": _NUMBER("Tokens in", width=80),
    "tokens_out": _NUMBER("Tokens out", width=80),
    "seconds": _NUMBER("Seconds", format="%.2f", width=70),
    "message": _TEXT("What went wrong", width=300),
}


def show_attempts(db: Database, run: RunRecord) -> None:
    """Draw the latest requests to the server; nothing for a model on this machine."""
    if run.spec.model.backend != "openai":
        return
    latest = attempts_of(db, run.id, limit=_SHOWN)
    with st.expander("Requests to the server", icon=":material/receipt_long:"):
        if not latest:
            st.caption("No request was sent.")
            return
        rows = [asdict(attempt) for attempt in latest[::-1]]
        frame = pd.DataFrame(rows, columns=list(_ATTEMPT_COLUMNS))
        frame["outcome"] = frame["outcome"].str.replace("_", " ")
        frame["at"] = [datetime.fromtimestamp(attempt.at) for attempt in latest[::-1]]
        st.dataframe(
            frame,
            hide_index=True,
            height=min(420, 38 + 35 * len(frame)),
            column_config=_ATTEMPT_COLUMNS,
            placeholder="",
            alt="Requests to the server with outcome, status and tokens",
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            st.download_button(
                "CSV",
                lambda: _export(db, run.id),
                file_name=f"wideset-requests-{run.id}.csv",
                icon=":material/download:",
                on_click="ignore",
                key="download_attempts",
            )
            st.caption(
                f"The latest {_SHOWN:,}, newest first; the download holds all."
                if len(latest) == _SHOWN
                else "Newest first; empty where the server reported no number."
            )


def _export(db: Database, run_id: str) -> io.BytesIO:
    rows = [asdict(attempt) for attempt in attempts_of(db, run_id)]
    return io.BytesIO(export_table(rows, columns=tuple(_ATTEMPT_COLUMNS), format="csv"))


def show_settings(run: RunRecord) -> None:
    """Draw the settings as tables, and as JSON to copy."""
    spec = run.spec
    with st.grid(2, min_column_width=320, gap="large"):
        knobs, model = st.container(), st.container()
    with knobs:
        st.markdown("**Condition**")
        rows = [
            (
                knob.title,
                knob.title_of(value),
                "" if value == knob.default else knob.title_of(knob.default),
            )
            for knob in KNOBS
            if knob.kind != "other"
            for value in [knob.value(spec)]
        ]
        rows += [("Seed", str(spec.seed), ""), ("Texts wanted", number(spec.target), "")]
        if spec.condition.logit_bias:
            rows.append(("Logit biases", str(len(spec.condition.logit_bias)), ""))
        _table(rows)
    with model:
        st.markdown("**Model**")
        server = {"base url": spec.model.base_url} if spec.model.base_url else {}
        known = {} if run.metadata is None else run.metadata.to_dict()
        resolved = {name: value for name, value in known.items() if name != "base_url"}
        if "suppression" in resolved:
            method = str(resolved.pop("suppression"))
            resolved = {"suppression method used": METHOD_TITLES.get(method, method), **resolved}
        is_embedded = spec.model.model == "embedded"
        requested = EMBEDDED_TITLE if is_embedded else model_and_server(spec.model)
        values = {"requested": requested, **server, **resolved}
        _table(
            [
                (name.replace("_", " ").capitalize(), MISSING if value is None else str(value))
                for name, value in values.items()
            ]
        )
        st.markdown("**Task**")
        st.dataframe(
            pd.DataFrame(
                {
                    "label": [label.name for label in spec.task.labels],
                    "phrase": [label.phrase for label in spec.task.labels],
                    "texts": list(spec.wanted.values()),
                }
            ),
            hide_index=True,
            column_config={"label": "Label", "phrase": "Phrase", "texts": "Texts"},
            alt="Labels, their phrases and targets",
        )
    with st.expander("As JSON, with seed examples", icon=":material/data_object:"):
        data = {"id": run.id, **spec.to_dict(), "facts": known}
        # Without colours, of which some are too pale to be read.
        st.code(json.dumps(data, indent=2, ensure_ascii=False), language=None, height=420)


def _table(rows: Sequence[tuple[str, ...]]) -> None:
    columns: dict[str, str | ColumnConfig] = {
        "setting": "Setting",
        "value": st.column_config.TextColumn("Value", width=180),
        "default": "Default (if changed)",
    }
    st.dataframe(
        pd.DataFrame(rows, columns=list(columns)[: len(rows[0])]),
        hide_index=True,
        height="content",
        column_config=columns,
        alt="Settings and their values",
    )


_KINDS = ("new", "duplicate", "empty", "truncated")
_FORMAT_HELP: Final[Mapping[ExportFormat, str]] = {
    "csv": "For spreadsheets: an apostrophe disarms formulas.",
    "jsonl": "Exact, one object per line.",
    "parquet": "Exact, typed columns.",
}


def show_results(app: AppContext, run: RunRecord, progress: GenerationProgress) -> None:
    """Draw the tabs of a finished run."""
    texts, spread, settings = st.tabs(
        ["Texts", "Balance and tokens", "Settings"], key="run_tabs", on_change="rerun"
    )
    if texts.open:
        with texts:
            _texts(app.db, run)
    if spread.open:
        with spread:
            show_spread(app.db, run, progress)
    if settings.open:
        with settings:
            show_settings(run)
            show_attempts(app.db, run)


@st.fragment
def _texts(db: Database, run: RunRecord) -> None:
    total = sum(row.total for row in counts(db, run.id).values())
    frame = _frame(db, run.id, total)
    if frame.empty:
        st.info("This run has no texts.", icon=":material/inbox:")
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
    notes = sample_notes(frame)
    shown = frame[
        notes.isin(kinds)
        & (frame["label"].isin(labels) if labels else True)
        & (frame["text"].str.contains(search, case=False, regex=False) if search else True)
    ]
    st.caption(f"{len(shown):,} of {counted(len(frame), 'row')}, in order of arrival")
    if aside := set_aside_words(set_aside(db, run.id)):
        st.text(f"Set aside: {aside}")
    if stripped := stripped_counts(db, run.id):
        st.text(stripped_words(stripped))
    if others := other_models(db, run.id):
        st.text(other_models_words(run.spec.model.model, others))
    if shown.empty:
        st.info("No row matches. Clear the search or the filters.", icon=":material/search_off:")
        return
    show_samples(shown, labels=names, height=min(480, 38 + 35 * len(shown)), key="samples")
    with st.container(horizontal=True, vertical_alignment="center"):
        for format, title in FORMATS.items():
            st.download_button(
                title,
                partial(_results_export, db, run.id, tuple(shown["id"].to_numpy()), format),
                file_name=f"wideset-{run.id}.{format}",
                icon=":material/download:",
                on_click="ignore",
                key=f"download-{format}",
                help=f"{counted(len(shown), 'row')}, as filtered. {_FORMAT_HELP[format]}",
            )
        st.caption("Downloads contain the filtered rows.")


@st.cache_data(max_entries=8, show_spinner=False)
def _frame(_db: Database, run_id: str, total: int) -> pd.DataFrame:
    """A run's samples, cached until their number, `total`, is another."""
    return pd.DataFrame(sample_rows(_db, run_id), columns=list(SAMPLE_COLUMNS))


def _results_export(
    db: Database, run_id: str, ids: tuple[str, ...], format: ExportFormat
) -> io.BytesIO:
    wanted = set(ids)
    samples = [sample for sample in samples_of(db, run_id) if sample.id in wanted]
    return io.BytesIO(export_samples(samples, format=format))
