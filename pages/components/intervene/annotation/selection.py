"""Labelling texts that were chosen elsewhere, such as by the lasso of the map."""

from collections.abc import Mapping, Sequence

import streamlit as st

from core.domain.datasets import Dataset
from core.domain.errors import WidesetError
from core.interventions.annotation.bulk import judge_all, take_back
from core.store.database import Database
from core.store.interventions.judgements import Verdict, last_number
from pages.components.intervene.annotation.state import (
    annotator,
    forget_sitting,
    note,
    noted,
    session_id,
)
from pages.components.shell import escape_markdown

_SEEN, _SAVED, _LABEL = "chosen_seen", "chosen_saved", "chosen_label"


def label_selection(db: Database, datasets: Sequence[Dataset], ids: Sequence[str]) -> None:
    """Draw what labels the chosen texts; texts of a reference are real and are left out.

    Args:
        db: the store.
        datasets: those on view; the chosen texts of runs (`run:ID`) can be labelled.
        ids: the chosen texts'.
    """
    wanted = set(ids)
    own = {
        dataset.key.partition(":")[2]: tuple(key for key in dataset.ids if key in wanted)
        for dataset in datasets
        if dataset.key.startswith("run:")
    }
    own = {run_id: part for run_id, part in own.items() if part}
    n = sum(map(len, own.values()))
    if not n:
        return
    seen = _seen(db, own)
    names = list(dict.fromkeys(name for dataset in datasets for name in dataset.label_names))
    texts = "this text" if n == 1 else f"these {n:,} texts"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        label = st.selectbox(
            f"Right label of {texts}",
            names,
            index=None,
            placeholder="Choose a label",
            key=_LABEL,
            width=210,
        )
        st.button(
            "Label",
            icon=":material/label:",
            key="chosen_save",
            disabled=label is None,
            on_click=_save,
            args=(db, own, seen, label),
        )
        st.button(
            "Out of scope",
            icon=":material/block:",
            key="chosen_out",
            on_click=_save,
            args=(db, own, seen, None),
        )
        if st.session_state.get(_SAVED):
            st.button("Undo", icon=":material/undo:", key="chosen_undo", on_click=_undo, args=(db,))
    problem = noted()
    last = st.session_state.get(_SAVED)
    if problem:
        st.warning(problem, icon=":material/group:")
    elif last:
        st.caption(last["words"])
    else:
        st.caption(
            f"Stored as judgements by {escape_markdown(annotator())}, for the Intervene page."
        )


def _seen(db: Database, own: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
    """The runs' latest judgements when these texts were chosen."""
    kept = st.session_state.get(_SEEN)
    if kept is None or kept[0] != own:
        kept = (dict(own), {run_id: last_number(db, run_id) for run_id in own})
        st.session_state[_SEEN] = kept
    seen: dict[str, int] = kept[1]
    return seen


def _save(
    db: Database, own: Mapping[str, tuple[str, ...]], seen: Mapping[str, int], label: str | None
) -> None:
    who, session = annotator(), session_id()
    stored: list[str] = []
    try:
        with db.write():
            for run_id, ids in own.items():
                made = judge_all(
                    db,
                    run_id,
                    [Verdict(key, label, label is not None) for key in ids],
                    who=who,
                    why="lasso",
                    session=session,
                    seen=seen[run_id],
                )
                stored += [one.id for one in made]
    except WidesetError as error:
        note(error)
        st.session_state.pop(_SEEN, None)  # told once; labelling again is meant
        return
    said = "out of scope" if label is None else f"“{label}”"
    words = escape_markdown(f"{len(stored):,} judged {said} by {who}.")
    st.session_state[_SAVED] = {"ids": stored, "who": who, "words": words}
    st.session_state.pop(_SEEN, None)
    st.session_state[_LABEL] = None
    forget_sitting()


def _undo(db: Database) -> None:
    last = st.session_state.pop(_SAVED)
    try:
        take_back(db, last["ids"], who=last["who"])
    except WidesetError as error:
        note(error)
        return
    st.session_state.pop(_SEEN, None)
    forget_sitting()
