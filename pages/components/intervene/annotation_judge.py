"""The language model as one more annotator of what people judged."""

from collections.abc import Sequence

import streamlit as st

from core.errors import WidesetError
from core.interventions.judged import MACHINES
from core.jobs.launch import ensure_worker
from core.jobs.lease import living
from core.jobs.llm_judge import LEAST, judge_name, start_llm_judge
from core.jobs.queue import State, get_job, resume, state_of
from core.runs import ModelChoice
from core.store.judgements import Judgement
from core.store.runs import RunRecord
from pages.components.intervene.annotation_state import note, noted
from pages.components.office import Office
from pages.components.plain import plain
from pages.components.run_header import LIVE

_JOBS = "annotation_judges"  # the job of each run that this session asked for


def ask_the_model(office: Office, run: RunRecord, known: Sequence[Judgement]) -> None:
    """Draw the button and what became of the last question.

    Args:
        office: home and store.
        run: the run.
        known: its judgements in effect.
    """
    model = run.spec.model if run.spec.model.backend == "local" else ModelChoice()
    who = judge_name(model)
    own = {one.verdict.sample_id for one in known if one.who == who}
    wanted = dict.fromkeys(
        one.verdict.sample_id
        for one in known
        if one.why not in MACHINES and not one.verdict.skipped
    )
    missing = sum(key not in own for key in wanted)
    state, message = _state(office, run.id)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Ask the language model",
            icon=":material/smart_toy:",
            key="ask_llm",
            disabled=not missing or len(wanted) < LEAST or state in LIVE,
            on_click=_ask,
            args=(office, run, list(wanted), model),
        )
        if state in LIVE:
            st.button("Look again", icon=":material/refresh:", key="ask_llm_look")
            st.caption("The worker is at it.")
        elif state == "failed":
            st.caption(plain(message))
        elif len(wanted) < LEAST:
            st.caption("It judges what people judged; there is too little of that yet.")
        elif missing:
            st.caption(
                f"{plain(who)} labels the {len(wanted):,} texts that people judged, by the "
                "likelihood of each label's phrase. Nothing of it counts where a person spoke."
            )
        else:
            st.caption(f"{plain(who)} has judged all that people judged.")
    problem = noted()
    if problem:
        st.warning(problem, icon=":material/error:")


def _state(office: Office, run_id: str) -> tuple[State | None, str]:
    job_id = st.session_state.get(_JOBS, {}).get(run_id)
    if job_id is None:
        return None, ""
    with office.db.read():
        job = get_job(office.db, job_id)
        state = state_of(job, living(office.db), office.db.now())
    return state, f"{job.message} {job.remedy}".strip()


def _ask(office: Office, run: RunRecord, ids: list[str], model: ModelChoice) -> None:
    try:
        job = start_llm_judge(office.db, run.id, ids, model)
        if job.state == "failed":  # an earlier try of the same
            resume(office.db, job.id)
        ensure_worker(office.home, office.db)
    except WidesetError as error:
        note(error)
        return
    st.session_state.setdefault(_JOBS, {})[run.id] = job.id
