"""The knob lab on the Generate page: the next token as the knobs stand, and a text step by step."""

import streamlit as st

from core.runs import RunSpec
from core.store.runs import RunRecord, list_runs
from pages.components.lab.next_token import show_next_token
from pages.components.lab.walking import show_walk
from pages.components.office import Office, told

_VIEWS = ("Next token", "Step by step")


def show_lab(office: Office, spec: RunSpec, *, run_id: str | None = None) -> None:
    """Draw the lab, folded away until somebody opens it.

    Args:
        office: the store.
        spec: the settings as they stand in the side bar.
        run_id: the run on view, whose texts are tallied first.
    """
    box = st.expander(
        "Knob lab: what the knobs do to the next word",
        icon=":material/experiment:",
        key="lab",
        on_change="rerun",
    )
    if not box.open:
        return
    with box, told():
        runs = [
            row.run
            for row in list_runs(office.db)
            if row.counts.total and row.run.spec.task.key == spec.task.key
        ]
        with st.container(horizontal=True, vertical_alignment="bottom"):
            view = st.segmented_control(
                "View", _VIEWS, default=_VIEWS[0], key="lab_view", required=True
            )
            run = _choose_run(runs, run_id)
        if view == _VIEWS[0]:
            show_next_token(office, spec, run)
        elif run is None:
            st.caption("There is no text to go through yet: generate some, then choose their run.")
        else:
            show_walk(office, run)


def _choose_run(runs: list[RunRecord], asked: str | None) -> RunRecord | None:
    ids = {run.id: run for run in runs}
    names = {run.id: run.name for run in runs}
    usual = asked if asked in ids else next(iter(ids), None)
    chosen = st.selectbox(
        "Words and examples from",
        [*ids, ""],
        index=[*ids, ""].index(usual or ""),
        format_func=lambda one: names.get(one, "nothing: the first cycle"),
        key=f"lab_run-{asked or ''}",
        width=360,
        help="Suppression tallies the words of this run, and its texts are the prompt's examples.",
    )
    return ids.get(chosen)
