"""Judging in a table: many texts at once, changes saved together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypedDict
from uuid import uuid4

import pandas as pd
import streamlit as st

from core.domain.datasets import Dataset
from core.domain.errors import WidesetError
from core.domain.wording import counted
from core.store.database import Database
from core.store.generation.runs import RunRecord
from core.store.interventions.judgements import (
    Judgement,
    Verdict,
    by_person,
    judgements_of,
    last_number,
    store_verdicts,
)
from pages.components.intervene.annotation.state import (
    SavedJudgements,
    discard_queue,
    session_id,
    set_problem,
    show_problem,
    undo_saved,
)

_MOST_ROWS = 300
_TABLE, _SAVED = "annotation_table", "annotation_saved"
_NEW, _JUDGED, _ALL = "Not judged by me", "Judged by me", "All"

Known = tuple[str | None, bool]
"""Label and whether in scope, as the table showed them."""


class Edit(TypedDict, total=False):
    """New values of a row, as `st.data_editor` has them."""

    label: str | None
    in_scope: bool


Edits = Mapping[int, Edit]
"""By row of the table."""


@dataclass(frozen=True)
class _Filter:
    """Which texts the table shows."""

    run_id: str
    texts: int
    who: str
    words: str
    judged: str
    label: str


@dataclass(frozen=True)
class _Table:
    """A table as it was drawn first: edits refer to its rows.

    Args:
        filter: what it shows.
        key: of its widget.
        last_judgement: number of the run's latest judgement when it was drawn.
        total: how many texts match; not all may be shown.
        known: label and scope by text id, in the order of the rows.
        frame: text, specified, label, in_scope.
        warned: number of the latest judgement when a conflict was reported, by text id.
    """

    filter: _Filter
    key: str
    last_judgement: int
    total: int
    known: Mapping[str, Known]
    frame: pd.DataFrame
    warned: dict[str, int] = field(default_factory=dict)


def show_table(db: Database, run: RunRecord, dataset: Dataset, *, who: str) -> None:
    """Draw the table, and what is done with it."""
    chosen = _choose_filter(run, dataset, who, pending=bool(_edits()))
    table = _current_table(db, dataset, chosen)
    shown = f"the first {_MOST_ROWS}" if table.total > _MOST_ROWS else "all"
    st.caption(
        f"{counted(table.total, 'text')}, {shown} shown. Choose labels, or untick what is out of "
        "scope."
    )
    actions = st.container(horizontal=True, vertical_alignment="center")
    if not table.frame.empty:
        _show_editor(table, dataset)
    verdicts = verdicts_of(_edits(), list(table.known), table.known)
    with actions:
        _show_actions(db, run, verdicts, who)


def _choose_filter(run: RunRecord, dataset: Dataset, who: str, *, pending: bool) -> _Filter:
    """Draw the filter; it is disabled while edits are pending, which it would discard."""
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
        judged = st.segmented_control(
            "Texts",
            (_NEW, _JUDGED, _ALL),
            default=_NEW,
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
    words = search.strip().casefold()
    return _Filter(run.id, len(dataset), who, words, judged or _NEW, label)


def verdicts_of(edits: Edits, ids: Sequence[str], known: Mapping[str, Known]) -> list[Verdict]:
    """The verdicts of a table's edits; rows that are unchanged in effect have none.

    Args:
        edits: new values of `label` and `in_scope` by row.
        ids: of the texts, by row.
        known: label and scope by id, as the table showed them.
    """
    verdicts = []
    for row, change in edits.items():
        key = ids[int(row)]
        before = known[key]
        label = change.get("label", before[0])
        in_scope = change.get("in_scope", before[1])
        if (label, in_scope) == before:
            continue
        # A text out of scope has no right label; a new label puts it back in scope.
        if change.get("label") is not None and "in_scope" not in change:
            in_scope = True
        verdicts.append(Verdict(key, label if in_scope else None, in_scope))
    return verdicts


def _current_table(db: Database, dataset: Dataset, chosen: _Filter) -> _Table:
    """The table that is being edited, else a new one."""
    kept: _Table | None = st.session_state.get(_TABLE)
    # Judgements made elsewhere are added, unless unsaved edits would be lost.
    if (
        kept is not None
        and kept.filter == chosen
        and (_edits() or kept.last_judgement == last_number(db, chosen.run_id))
    ):
        return kept
    with db.read():
        last = last_number(db, chosen.run_id)
        own = by_person(judgements_of(db, chosen.run_id)).get(chosen.who, {})
    matching = [
        row
        for row, key in enumerate(dataset.ids)
        if (not chosen.label or dataset.labels[row] == chosen.label)
        and (chosen.judged == _ALL or (key in own) == (chosen.judged == _JUDGED))
        and chosen.words in dataset.texts[row].casefold()
    ]
    rows = matching[:_MOST_ROWS]
    known = {dataset.ids[row]: _known(own.get(dataset.ids[row])) for row in rows}
    frame = pd.DataFrame(
        {
            "text": [dataset.texts[row] for row in rows],
            "specified": [dataset.labels[row] for row in rows],
            "label": [label for label, _ in known.values()],
            "in_scope": [in_scope for _, in_scope in known.values()],
        }
    )
    table = _Table(chosen, f"bulk-{uuid4().hex}", last, len(matching), known, frame)
    st.session_state[_TABLE] = table
    return table


def _edits() -> Edits:
    """The unsaved changes in the table."""
    table: _Table | None = st.session_state.get(_TABLE)
    if table is None:
        return {}
    edits: Edits = st.session_state.get(table.key, {}).get("edited_rows", {})
    return edits


def _known(judgement: Judgement | None) -> Known:
    if judgement is None:
        return None, True
    return judgement.verdict.label, judgement.verdict.in_scope is not False


def _show_editor(table: _Table, dataset: Dataset) -> None:
    text = st.column_config.TextColumn
    st.data_editor(
        table.frame,
        column_config={
            "text": text("Text", width=640, disabled=True),
            "specified": text("Generated as", width=130, disabled=True),
            "label": st.column_config.SelectboxColumn(
                "Label", options=list(dataset.label_names), width=150
            ),
            "in_scope": st.column_config.CheckboxColumn("In scope", width=80),
        },
        hide_index=True,
        height=min(520, 38 + 35 * len(table.frame)),
        key=table.key,
        alt="Texts to label",
    )


def _show_actions(db: Database, run: RunRecord, verdicts: Sequence[Verdict], who: str) -> None:
    st.button(
        f"Save {counted(len(verdicts), 'change')}",
        type="primary",
        icon=":material/save:",
        key="bulk_save",
        disabled=not verdicts,
        on_click=_save,
        args=(db, run.id, verdicts, who),
    )
    if verdicts:
        st.button("Discard", icon=":material/close:", key="bulk_discard", on_click=_discard)
    saved: SavedJudgements | None = st.session_state.get(_SAVED)
    if saved is not None and (saved.run_id, saved.who) == (run.id, who):
        st.button(
            f"Undo last {counted(len(saved.ids), 'change')}",
            icon=":material/undo:",
            key="bulk_undo",
            on_click=_undo,
            args=(db,),
        )
    show_problem()


def _save(db: Database, run_id: str, verdicts: Sequence[Verdict], who: str) -> None:
    table: _Table = st.session_state[_TABLE]
    # A text whose conflict was reported already may be overwritten.
    by_number: dict[int, list[Verdict]] = {}
    for verdict in verdicts:
        number = table.warned.get(verdict.sample_id, table.last_judgement)
        by_number.setdefault(number, []).append(verdict)
    try:
        with db.write():
            stored = [
                judgement.id
                for number, part in by_number.items()
                for judgement in store_verdicts(
                    db, run_id, part, who=who, why="bulk", session=session_id(), seen=number
                )
            ]
    except WidesetError as error:
        set_problem(error)
        last = last_number(db, run_id)
        table.warned.update((verdict.sample_id, last) for verdict in verdicts)
        return
    st.session_state[_SAVED] = SavedJudgements(tuple(stored), who, run_id=run_id)
    _discard()
    discard_queue()


def _discard() -> None:
    st.session_state.pop(_TABLE, None)


def _undo(db: Database) -> None:
    undo_saved(db, _SAVED)
    _discard()
