"""Judging in a table: many texts on screen, changes saved together."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

import pandas as pd
import streamlit as st

from core.domain.datasets import Dataset
from core.domain.errors import WidesetError
from core.interventions.annotation.bulk import judge_all, take_back
from core.store.database import Database
from core.store.generation.runs import RunRecord
from core.store.interventions.judgements import (
    Judgement,
    Verdict,
    by_person,
    judgements_of,
    last_number,
)
from pages.components.intervene.annotation.state import (
    forget_sitting,
    note,
    noted,
    session_id,
)

_ROWS = 300
_TABLE, _SAVED = "annotation_table", "annotation_saved"
_WHICH = ("Not judged by me", "Judged by me", "All")


def show_bulk(db: Database, run: RunRecord, dataset: Dataset, *, who: str) -> None:
    """Draw the table, and what is done with it."""
    pending = bool(_edits())  # another choice of texts would lose them
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        search = st.text_input(
            "Search",
            type="search",
            key="bulk_search",
            placeholder="Words in the text",
            persist_state="session",
            disabled=pending,
            width=220,
        )
        which = st.segmented_control(
            "Texts",
            _WHICH,
            default=_WHICH[0],
            key="bulk_which",
            required=True,
            persist_state="session",
            disabled=pending,
        )
        label = st.selectbox(
            "Generated as",
            ["", *dataset.label_names],
            format_func=lambda name: name or "Any label",
            key="bulk_label",
            persist_state="session",
            disabled=pending,
            width=200,
        )
    asked = (run.id, len(dataset), who, search.strip().casefold(), which, label)
    table = _table(db, run, dataset, asked)
    found = len(table["all"])
    shown = f"the first {_ROWS}" if found > _ROWS else "all"
    st.caption(
        f"{found:,} texts, {shown} on screen. Choose labels, or untick what is out of scope."
    )
    actions = st.container(horizontal=True, vertical_alignment="center")
    if not table["frame"].empty:
        _editor(table["frame"], dataset, _key(table))
    verdicts = verdicts_of(_edits(), table["ids"], table["known"])
    with actions:
        _show_actions(db, run, verdicts, who, table["seen"])


def verdicts_of(
    edits: Mapping[int, Mapping[str, Any]],
    ids: Sequence[str],
    known: Mapping[str, tuple[str | None, bool]],
) -> list[Verdict]:
    """What the edits of a table say; rows that are as they were say nothing.

    Args:
        edits: new values of `label` and `in_scope` by row of the table.
        ids: the texts' ids by row.
        known: label and scope by id as the table showed them.
    """
    made = []
    for row, change in edits.items():
        key = ids[int(row)]
        before = known[key]
        label = change.get("label", before[0])
        in_scope = bool(change.get("in_scope", before[1]))
        if (label, in_scope) == before:
            continue
        # A text out of scope has no right label; a label newly given puts it back in.
        if change.get("label") is not None and "in_scope" not in change:
            in_scope = True
        made.append(Verdict(key, label if in_scope else None, in_scope))
    return made


def _table(
    db: Database, run: RunRecord, dataset: Dataset, asked: tuple[Any, ...]
) -> dict[str, Any]:
    """The table that is being edited, as it was drawn first: edits count by its rows."""
    kept: dict[str, Any] | None = st.session_state.get(_TABLE)
    # Judgements from elsewhere belong into it, unless what is not saved yet would be lost.
    current = bool(_edits()) or (kept is not None and kept["seen"] == last_number(db, run.id))
    if kept is not None and kept["asked"] == asked and current:
        return kept
    _, _, who, words, which, label = asked
    with db.read():
        seen = last_number(db, run.id)
        own = by_person(judgements_of(db, run.id)).get(who, {})
    wanted = [
        row
        for row, key in enumerate(dataset.ids)
        if (not label or dataset.labels[row] == label)
        and (which == _WHICH[2] or (key in own) == (which == _WHICH[1]))
        and words in dataset.texts[row].casefold()
    ]
    shown = wanted[:_ROWS]
    ids = [dataset.ids[row] for row in shown]
    known = {key: _before(own.get(key)) for key in ids}
    table = {
        "asked": asked,
        "token": uuid4().hex,
        "seen": seen,
        "told": {},
        "all": wanted,
        "ids": ids,
        "known": known,
        "frame": pd.DataFrame(
            {
                "text": [dataset.texts[row] for row in shown],
                "specified": [dataset.labels[row] for row in shown],
                "label": [known[key][0] for key in ids],
                "in_scope": [known[key][1] for key in ids],
            }
        ),
    }
    st.session_state[_TABLE] = table
    return table


def _key(table: Mapping[str, Any]) -> str:
    return f"bulk-{table['token']}"


def _edits() -> Mapping[int, Mapping[str, Any]]:
    """What was changed in the table and is not saved yet, by its rows."""
    table = st.session_state.get(_TABLE)
    if table is None:
        return {}
    edits: Mapping[int, Mapping[str, Any]] = st.session_state.get(_key(table), {}).get(
        "edited_rows", {}
    )
    return edits


def _before(one: Judgement | None) -> tuple[str | None, bool]:
    if one is None:
        return None, True
    return one.verdict.label, one.verdict.in_scope is not False


def _editor(frame: pd.DataFrame, dataset: Dataset, key: str) -> None:
    st.data_editor(
        frame,
        column_config={
            "text": st.column_config.TextColumn("Text", width=640, disabled=True),
            "specified": st.column_config.TextColumn("Generated as", width=130, disabled=True),
            "label": st.column_config.SelectboxColumn(
                "Label", options=list(dataset.label_names), width=150
            ),
            "in_scope": st.column_config.CheckboxColumn("In scope", width=80),
        },
        hide_index=True,
        height=min(520, 38 + 35 * len(frame)),
        key=key,
        alt="Texts to label",
    )


def _show_actions(
    db: Database, run: RunRecord, verdicts: list[Verdict], who: str, seen: int
) -> None:
    n = len(verdicts)
    st.button(
        f"Save {n} change{'' if n == 1 else 's'}",
        type="primary",
        icon=":material/save:",
        key="bulk_save",
        disabled=not n,
        on_click=_save,
        args=(db, run.id, verdicts, who, seen),
    )
    if n:
        st.button("Discard", icon=":material/close:", key="bulk_discard", on_click=_discard)
    last = st.session_state.get(_SAVED)
    if last and last[0] == run.id and last[1] == who:
        st.button(
            f"Take the last {len(last[2])} back",
            icon=":material/undo:",
            key="bulk_undo",
            on_click=_take_back,
            args=(db,),
        )
    problem = noted()
    if problem:
        st.warning(problem, icon=":material/group:")


def _save(db: Database, run_id: str, verdicts: list[Verdict], who: str, seen: int) -> None:
    table = st.session_state.get(_TABLE)
    told: dict[str, int] = table["told"] if table is not None else {}
    try:
        parts: dict[int, list[Verdict]] = {}
        for one in verdicts:
            parts.setdefault(told.get(one.sample_id, seen), []).append(one)
        session = session_id()
        with db.write():
            stored = [
                one
                for number, part in parts.items()
                for one in judge_all(
                    db, run_id, part, who=who, why="bulk", session=session, seen=number
                )
            ]
    except WidesetError as error:
        note(error)
        if table is not None:  # told once of these; saving them again is meant
            now = last_number(db, run_id)
            table["told"].update((one.sample_id, now) for one in verdicts)
        return
    st.session_state[_SAVED] = (run_id, who, [one.id for one in stored])
    st.session_state.pop(_TABLE, None)
    forget_sitting()


def _discard() -> None:
    st.session_state.pop(_TABLE, None)


def _take_back(db: Database) -> None:
    _, who, ids = st.session_state[_SAVED]
    try:
        take_back(db, ids, who=who)
    except WidesetError as error:
        note(error)
        return
    st.session_state.pop(_SAVED, None)
    st.session_state.pop(_TABLE, None)
    forget_sitting()
