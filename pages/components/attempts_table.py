"""Every request of a run to its server: when, what became of it, what it took."""

import io
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

import pandas as pd
import streamlit as st

from core.exports import export_table
from core.store.attempts import StoredAttempt, attempts_of
from core.store.database import Database
from core.store.runs import RunRecord

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
