"""The models whose labels of a run are in effect, each with a way to take them back."""

from collections.abc import Sequence
from datetime import datetime
from uuid import uuid4

import streamlit as st

from core.errors import WidesetError
from core.interventions.bulk import bring_back, take_back_machine
from core.jobs.job import Job
from core.store.judgements import Judgement, Verdict
from pages.components.intervene.annotation_state import forget_sitting, note
from pages.components.office import Office
from pages.components.plain import plain

_TAKEN = "annotation_judge_taken"  # what was taken back last in this session
_WAYS = {
    "likeliest tokens": "by the odds of a letter for each label",
    "forced answers": "by answers forced to a letter",
    "answers": "by what it answers",
}


def show_judges(
    office: Office, run_id: str, known: Sequence[Judgement], done: Sequence[Job]
) -> None:
    """Draw them.

    Args:
        office: home and store.
        run_id: the run.
        known: its judgements in effect.
        done: jobs that judged, for how the models were asked.
    """
    by_judge: dict[str, list[Judgement]] = {}
    for one in known:
        if one.why == "judge":
            by_judge.setdefault(one.who, []).append(one)
    jobs = {job.id: job for job in done}
    for place, (who, said) in enumerate(by_judge.items()):
        job = jobs.get(said[-1].session)
        way = _WAYS.get(str(((job and job.progress.get("facts")) or {}).get("scores")), "")
        when = datetime.fromtimestamp(said[-1].at).strftime("%d %b %H:%M")
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(
                f"**{plain(who)}** labelled {len(said):,} texts{f' {way}' if way else ''} · {when}",
                width="content",
            )
            st.button(
                "Take back this judge's labels",
                icon=":material/undo:",
                type="tertiary",
                key=f"judge_back-{place}",
                help="They stay on record, and can be brought back until you leave the page.",
                on_click=_take_back,
                args=(office, run_id, who),
            )
    taken = st.session_state.get(_TAKEN)
    if taken is not None and taken[0] == run_id and taken[1] not in by_judge:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(
                f"Taken back: {len(taken[2]):,} labels by {plain(taken[1])}.", width="content"
            )
            st.button(
                "Bring them back",
                icon=":material/redo:",
                type="tertiary",
                key="judge_again",
                on_click=_bring_back,
                args=(office, run_id),
            )


def _take_back(office: Office, run_id: str, who: str) -> None:
    try:
        taken: list[Verdict] = take_back_machine(office.db, run_id, who=who)
    except WidesetError as error:
        note(error)
        return
    st.session_state[_TAKEN] = (run_id, who, taken)
    forget_sitting()


def _bring_back(office: Office, run_id: str) -> None:
    _, who, verdicts = st.session_state.pop(_TAKEN)
    try:
        bring_back(office.db, run_id, verdicts, who=who, session=uuid4().hex)
    except WidesetError as error:
        note(error)
        return
    forget_sitting()
