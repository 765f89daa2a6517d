"""Versions: how each came about, where the run stands, and any of them chosen again."""

from datetime import datetime
from typing import Any

import pandas as pd
import streamlit as st

from core.errors import WidesetError
from core.store.version_moves import choose, moves_of
from core.store.versions import VersionRecord, list_versions
from pages.components.intervene.accuracy_words import percent
from pages.components.intervene.asking import annotator_name
from pages.components.intervene.comparing import show_comparison
from pages.components.intervene.editing import show_editing
from pages.components.intervene.exporting import show_export
from pages.components.intervene.lineage import depth_first, settings_in_words, version_names
from pages.components.intervene.standing import Standing, subject_at
from pages.components.intervene.vectors import diversity_of
from pages.components.office import Office, flash
from pages.components.plain import plain


def show_versions(office: Office, seen: Standing) -> None:
    """Draw the tab."""
    st.caption(
        "A version is derived from another and never changed; every step can be taken back and "
        "forth, and a branch that was left stays."
    )
    versions = list_versions(office.db, seen.choice.run.id)
    if not versions:
        st.info(
            "Nothing was derived yet: these are the texts as generated.",
            icon=":material/account_tree:",
        )
    else:
        _show_tree(office, seen, versions)
        _show_choice(office, seen, versions)
        _show_growth(seen, versions)
    parts = (
        ("Compare two versions", "compare", lambda: show_comparison(office, seen, versions)),
        ("Edit by hand", "edit", lambda: show_editing(office, seen)),
        ("Take it away", "export", lambda: show_export(office, seen, versions)),
    )
    for title, key, show in parts:
        if key == "compare" and len(versions) < 2:
            continue
        part = st.expander(title, key=f"versions_{key}", on_change="rerun")
        if part.open:
            with part:
                show()


def _show_tree(office: Office, seen: Standing, versions: list[VersionRecord]) -> None:
    made_by = {m.version_id: m.who for m in moves_of(office.db, seen.choice.run.id)[::-1]}
    rows: list[dict[str, Any]] = []
    for version, depth in depth_first(versions):
        subject = subject_at(office.db, version.run_id, version.id, len(seen.raw))
        accuracy = seen.by_oracle(subject.dataset)
        diversity = diversity_of(office.db, subject.dataset, seen.fingerprint)
        rows.append(
            {
                "here": "●" if seen.head is not None and version.id == seen.head.id else "",
                "name": "\u2003" * depth + ("└ " if depth else "") + version.name,
                "how": settings_in_words(version),
                "n": len(subject.dataset),
                "replaced": sum(
                    row.kept and row.label != label
                    for row, label in zip(subject.rows, subject.specified, strict=True)
                ),
                "accuracy": percent(None if accuracy is None else accuracy.overall),
                "diversity": None if diversity is None else diversity.value,
                "who": made_by.get(version.id, "") if version.kind != "raw" else "",
                "when": datetime.fromtimestamp(version.created_at).astimezone(),
            }
        )
    text, number = st.column_config.TextColumn, st.column_config.NumberColumn
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        height="content",
        column_config={
            "here": text("", width=25, help="Where the run stands."),
            "name": text("Version", width=215),
            "how": text("Settings", width=215),
            "n": number("Texts", format="localized", width=70),
            "replaced": number("Labels replaced", format="localized", width=110),
            "accuracy": text("By the oracle", width=100, help="Label accuracy by the oracle."),
            "diversity": number("Remote-Clique", format="%.3f", width=110),
            "who": text("By", width=80),
            "when": st.column_config.DatetimeColumn("Made", format="distance", width=100),
        },
        alt="The run's versions, each below the one it derives from",
    )


def _show_choice(office: Office, seen: Standing, versions: list[VersionRecord]) -> None:
    names = version_names(versions)
    now = seen.head.id if seen.head is not None else None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        wanted = st.selectbox(
            "Stand at",
            list(names),
            index=None if now is None else list(names).index(now),
            format_func=lambda one: names.get(one, one),
            key=f"versions_stand_{now}",
            width=360,
            help="What this page repairs next derives from the version that the run stands at.",
        )
        st.button(
            "Stand there",
            icon=":material/place:",
            key="versions_choose",
            disabled=wanted is None or wanted == now,
            on_click=_choose,
            args=(office, wanted),
        )


def _show_growth(seen: Standing, versions: list[VersionRecord]) -> None:
    if seen.head is not None and len(seen.subject.rows) < len(seen.raw):
        more = len(seen.raw) - len(seen.subject.rows)
        st.info(
            f"The run has generated {'one text' if more == 1 else f'{more:,} texts'} since this "
            "version was made; what is new is in no version yet.",
            icon=":material/playlist_add:",
        )


def _choose(office: Office, version_id: str) -> None:
    try:
        version = choose(office.db, version_id, who=annotator_name())
        st.session_state["intervened"] = f"The run stands at: {plain(version.name)}."
    except WidesetError as error:
        flash(error)
