"""Every request of a run to its server: when, what became of it, what it took."""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from core.domain.conditions import Condition
from core.files.exports import ExportFormat, export_samples, export_table
from core.generation.servers.suppression import METHOD_TITLES
from core.store.database import Database
from core.store.generation.attempts import StoredAttempt, attempts_of
from core.store.generation.runs import RunRecord
from core.store.generation.samples import SAMPLE_COLUMNS, counts, sample_rows, samples_of
from pages.components.generate.progress import show_spread
from pages.components.shell import AppContext
from pages.components.tables import sample_notes, show_samples

_SHOWN = 500
_COLUMNS = (
    "at",
    "cycle",
    "label",
    "attempt",
    "outcome",
    "status",
    "texts_asked",
    "texts_returned",
    "tokens_in",
    "tokens_out",
    "seconds",
    "message",
)


def show_attempts(db: Database, run: RunRecord) -> None:
    """Draw the latest of them, and all to download; nothing for a model on this machine."""
    if run.spec.model.backend != "openai":
        return
    latest = attempts_of(db, run.id, limit=_SHOWN)
    with st.expander("Requests to the server", icon=":material/receipt_long:"):
        if not latest:
            st.caption("None was sent.")
            return
        frame = pd.DataFrame(_rows(latest[::-1]), columns=list(_COLUMNS))
        frame["outcome"] = frame["outcome"].str.replace("_", " ")
        frame["at"] = [datetime.fromtimestamp(attempt.at) for attempt in latest[::-1]]
        st.dataframe(
            frame,
            hide_index=True,
            height=min(420, 38 + 35 * len(frame)),
            column_config={
                "at": st.column_config.DatetimeColumn("When", format="D MMM, HH:mm:ss", width=120),
                "cycle": st.column_config.NumberColumn("Cycle", width=55),
                "label": st.column_config.TextColumn("Label", width=90),
                "attempt": st.column_config.NumberColumn("Try", width=45),
                "outcome": st.column_config.TextColumn("Outcome", width=130),
                "status": st.column_config.NumberColumn("Status", format="%d", width=60),
                "texts_asked": st.column_config.NumberColumn("Asked", width=60),
                "texts_returned": st.column_config.NumberColumn("Texts", width=55),
                "tokens_in": st.column_config.NumberColumn("Tokens in", width=80),
                "tokens_out": st.column_config.NumberColumn("Tokens out", width=80),
                "seconds": st.column_config.NumberColumn("Seconds", format="%.2f", width=70),
                "message": st.column_config.TextColumn("What went wrong", width=300),
            },
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
                f"The latest {_SHOWN:,}, the newest first; the file holds all."
                if len(latest) == _SHOWN
                else "The newest first; empty where the server told no number."
            )


def _rows(attempts: Sequence[StoredAttempt]) -> list[dict[str, object]]:
    return [asdict(attempt) for attempt in attempts]


def _export(db: Database, run_id: str) -> io.BytesIO:
    rows = _rows(attempts_of(db, run_id))
    return io.BytesIO(export_table(rows, columns=_COLUMNS, format="csv"))


def show_settings(run: RunRecord) -> None:
    """Draw the settings as tables, and as JSON to copy."""
    spec = run.spec
    usual = Condition().to_dict()
    with st.grid(2, min_column_width=320, gap="large"):
        knobs, model = st.container(), st.container()
    with knobs:
        st.markdown("**Condition**")
        _table(
            {
                "seed": spec.seed,
                "texts wanted": spec.target,
                "seed examples": len(spec.seed_examples),
                **_flat(spec.condition.to_dict()),
            },
            usual=_flat(usual),
        )
    with model:
        st.markdown("**Model**")
        server = {"base url": spec.model.base_url} if spec.model.base_url else {}
        _table({"chosen": spec.model.model, **server, **_told(run.facts)})
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
    with st.expander("As JSON, seed examples included", icon=":material/data_object:"):
        data = {"id": run.id, **spec.to_dict(), "facts": dict(run.facts)}
        st.code(json.dumps(data, indent=2, ensure_ascii=False), language="json", height=420)


def _told(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts, with the suppression that was really used in words."""
    told = {name: value for name, value in facts.items() if name != "base_url"}
    if "suppression" in told:
        used = told.pop("suppression")
        told = {"suppression really used": METHOD_TITLES.get(used, used), **told}
    return told


def _table(values: Mapping[str, Any], *, usual: Mapping[str, Any] | None = None) -> None:
    columns: dict[str, list[str]] = {
        "setting": [name.replace("_", " ") for name in values],
        "value": ["–" if value is None else str(value) for value in values.values()],
    }
    if usual is not None:
        columns["usual"] = [
            str(usual[name]) if name in usual and usual[name] != value else ""
            for name, value in values.items()
        ]
    st.dataframe(
        pd.DataFrame(columns),
        hide_index=True,
        height="content",
        column_config={
            "setting": "Setting",
            "value": "Value",
            "usual": "Usual, where it differs",
        },
        alt="Settings and their values",
    )


def _flat(data: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in data.items():
        if isinstance(value, Mapping):
            flat |= {f"{name} {key}": inner for key, inner in value.items()}
        else:
            flat[name] = value
    return flat


_KINDS = ("new", "duplicate", "empty", "truncated")
_FORMATS: dict[ExportFormat, str] = {
    "csv": "For spreadsheets: formulas are disarmed by an apostrophe.",
    "jsonl": "Exact, one object a line.",
    "parquet": "Exact, typed columns.",
}


def show_results(app: AppContext, run: RunRecord, progress: Mapping[str, Any]) -> None:
    """Draw the tabs of a run at rest."""
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
    notes = sample_notes(frame)
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
                partial(_results_export, db, run.id, tuple(shown["id"].to_numpy()), form),
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


def _results_export(
    db: Database, run_id: str, ids: tuple[str, ...], form: ExportFormat
) -> io.BytesIO:
    wanted = set(ids)
    samples = [sample for sample in samples_of(db, run_id) if sample.id in wanted]
    return io.BytesIO(export_samples(samples, format=form))
