"""Labelling texts that were selected elsewhere, such as with the lasso on the map."""

from collections.abc import Mapping, Sequence

import streamlit as st

from core.domain.datasets import Dataset
from core.domain.wording import counted, quoted
from core.store.database import Database
from core.store.interventions.judgements import Verdict, last_number, store_verdicts
from pages.components.intervene.annotation.state import (
    SavedJudgements,
    changing_judgements,
    choose_annotator_name,
    chosen_name,
    session_id,
    show_problem,
    undo_saved,
)
from pages.components.shell import escape_markdown

_LAST_NUMBERS, _SAVED, _LABEL = "chosen_seen", "chosen_saved", "chosen_label"

TextsByRun = Mapping[str, tuple[str, ...]]
"""Text ids by run id."""


def label_selection(db: Database, datasets: Sequence[Dataset], ids: Sequence[str]) -> None:
    """Draw the controls that label the selected texts; texts of a reference are left out.

    Args:
        db: the store.
        datasets: those shown; texts of runs (`run:ID`) can be labelled.
        ids: of the selected texts.
    """
    wanted = set(ids)
    texts: dict[str, tuple[str, ...]] = {}
    for dataset in datasets:
        origin, _, run_id = dataset.key.partition(":")
        own = tuple(key for key in dataset.ids if key in wanted)
        if origin == "run" and own:
            texts[run_id] = own
    if not texts:
        return
    numbers = _last_numbers(db, texts)
    names = list(dict.fromkeys(name for dataset in datasets for name in dataset.label_names))
    saved: SavedJudgements | None = st.session_state.get(_SAVED)
    who = chosen_name()
    if not who:
        st.caption("Enter your name to set labels; judgements are stored under it.")
        who = choose_annotator_name()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        label = st.selectbox(
            f"Set label for {counted(sum(map(len, texts.values())), 'text')}",
            names,
            index=None,
            placeholder="Choose a label",
            key=_LABEL,
            width=210,
        )
        st.button(
            "Set label",
            icon=":material/label:",
            key="chosen_save",
            disabled=label is None or not who,
            on_click=_save,
            args=(db, texts, numbers, label),
        )
        st.button(
            "Out of scope",
            icon=":material/block:",
            key="chosen_out",
            disabled=not who,
            on_click=_save,
            args=(db, texts, numbers, None),
        )
        if saved is not None:
            st.button("Undo", icon=":material/undo:", key="chosen_undo", on_click=_undo, args=(db,))
    if not show_problem():
        hint = f"Stored as judgements by {escape_markdown(who)}, which the Intervene page uses."
        st.caption(hint if saved is None else saved.message)


def _last_numbers(db: Database, texts: TextsByRun) -> dict[str, int]:
    """The number of each run's latest judgement when these texts were selected."""
    kept = st.session_state.get(_LAST_NUMBERS)
    if kept is None or kept[0] != texts:
        kept = (dict(texts), {run_id: last_number(db, run_id) for run_id in texts})
        st.session_state[_LAST_NUMBERS] = kept
    numbers: dict[str, int] = kept[1]
    return numbers


def _save(db: Database, texts: TextsByRun, numbers: Mapping[str, int], label: str | None) -> None:
    """Store the label, or out of scope for None, as a judgement of each text."""
    who, session = chosen_name(), session_id()
    stored: list[str] = []
    # Saving again after an error's message is deliberate.
    st.session_state.pop(_LAST_NUMBERS, None)
    with changing_judgements():
        with db.write():
            for run_id, ids in texts.items():
                judgements = store_verdicts(
                    db,
                    run_id,
                    [Verdict(key, label, label is not None) for key in ids],
                    who=who,
                    why="lasso",
                    session=session,
                    seen=numbers[run_id],
                )
                stored += [judgement.id for judgement in judgements]
        verdict = "out of scope" if label is None else quoted(label)
        message = escape_markdown(f"{counted(len(stored), 'text')} judged {verdict} by {who}.")
        st.session_state[_SAVED] = SavedJudgements(tuple(stored), who, message)
        st.session_state[_LABEL] = None


def _undo(db: Database) -> None:
    st.session_state.pop(_LAST_NUMBERS, None)
    undo_saved(db, _SAVED)
