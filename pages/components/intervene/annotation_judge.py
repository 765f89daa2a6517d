"""A language model as one more annotator of what people judged."""

from collections.abc import Sequence

import streamlit as st

from core.datasets import Dataset
from core.errors import WidesetError
from core.interventions.judged import MACHINES
from core.jobs.job import LIVE, Job, State
from core.jobs.launch import ensure_worker
from core.jobs.llm_judge import LEAST, judge_name, judging, model_of, start_llm_judge
from core.jobs.queue import resume
from core.runs import ModelChoice, model_and_server
from core.spending import SpendingLimit
from core.store.judgements import Judgement
from core.store.runs import RunRecord
from pages.components.asked_model import (
    choose_asked_model,
    choose_asking_cap,
    estimate_asked,
    estimate_words,
    took_words,
)
from pages.components.intervene.annotation_judges import show_judges
from pages.components.intervene.annotation_state import note, noted
from pages.components.office import Office
from pages.components.plain import plain
from pages.components.stop_and_go import stop_button

_CHANGED = "annotation_judge_changed"  # a job of ours began


def ask_the_model(
    office: Office, run: RunRecord, dataset: Dataset, known: Sequence[Judgement]
) -> None:
    """Draw who is asked and what that takes, what became of it, and how it is taken back.

    Args:
        office: home and store.
        run: the run.
        dataset: its texts.
        known: its judgements in effect.
    """
    if st.session_state.pop(_CHANGED, False):
        st.rerun()  # the whole page, which follows the job above its tabs
    local = run.spec.model if run.spec.model.backend == "local" else ModelChoice()
    jobs = judging(office.db, run.id)
    live = next((job for job, state in jobs if state in LIVE), None)
    texts = dict(zip(dataset.ids, dataset.texts, strict=True))
    wanted = list(
        dict.fromkeys(
            one.verdict.sample_id
            for one in known
            if one.why not in MACHINES and not one.verdict.skipped
            if one.verdict.sample_id in texts
        )
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        model = choose_asked_model(office, prefix="judge", local=local, width=260)
        cap, why_not = choose_asking_cap(office, model, prefix="judge", requests=len(wanted))
        own = {one.verdict.sample_id for one in known if model and one.who == judge_name(model)}
        missing = sum(key not in own for key in wanted)
        enough = len(wanted) >= LEAST
        st.button(
            "Ask the language model",
            icon=":material/smart_toy:",
            key="ask_llm",
            disabled=model is None
            or not missing
            or not enough
            or live is not None
            or bool(why_not),
            help=plain(why_not) or None,
            on_click=_ask,
            args=(office, run, wanted, model, cap),
        )
    if not enough:
        st.caption("It judges what people judged; there is too little of that yet.")
    elif model is None:
        st.caption("Choose a model, or type the server's name for it.")
    elif not missing:
        st.caption(f"{plain(judge_name(model))} has judged all that people judged.")
    else:
        _say_what_it_takes(office, run, model, [texts[key] for key in wanted])
    if live is not None:
        _show_live(office, live)
    elif jobs:
        _show_end(*jobs[0])
    problem = noted()
    if problem:
        st.warning(problem, icon=":material/error:")
    show_judges(office, run.id, known, [job for job, state in jobs if state == "done"])


def _say_what_it_takes(
    office: Office, run: RunRecord, model: ModelChoice, texts: Sequence[str]
) -> None:
    counts = "Nothing of it counts where a person spoke."
    if model.backend == "local":
        st.caption(
            f"{plain(judge_name(model))} labels the {len(texts):,} texts that people judged, by "
            f"the likelihood of each label's phrase. {counts}"
        )
        return
    ahead = estimate_asked(office, model, texts, run.spec.task, run.spec.seed_examples)
    st.caption(
        f"It labels the {len(texts):,} texts that people judged; they and the labels' phrases are "
        f"sent to the server. {counts}"
    )
    st.caption(estimate_words(office, model, ahead))


def _show_live(office: Office, job: Job) -> None:
    who = plain(model_and_server(model_of(job)))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            f":material/smart_toy: {who} is asked. How far it is stands above the tabs.",
            width="content",
        )
        stop_button(office, job, key="ask_llm_stop", told="Nothing of it is stored then.")


def _show_end(job: Job, state: State) -> None:
    """What became of the last question, where it came to no good end or answers were lost."""
    spending, facts = job.progress.get("spending"), job.progress.get("facts") or {}
    lost = facts.get("not_parsed") or 0
    who = plain(model_and_server(model_of(job)))
    took = f" It took {took_words(spending)}." if spending else ""
    if state != "done":
        ends = {"cancelled": "Stopped by hand.", "interrupted": "Its worker ended without a word."}
        said = f"{job.message} {job.remedy}".strip() or ends.get(state, "It did not end.")
        st.warning(f"{who}: {plain(said)}{took}", icon=":material/info:")
    elif spending or lost:
        unread = f" {lost:,} answers name no label and count for nothing." if lost else ""
        st.caption(
            f":material/smart_toy: {who} labelled {job.progress.get('labelled', 0):,} texts."
            f"{unread}{took}"
        )


def _ask(
    office: Office, run: RunRecord, ids: list[str], model: ModelChoice, cap: SpendingLimit | None
) -> None:
    try:
        job = start_llm_judge(office.db, run.id, ids, model, cap=cap)
        if job.state != "done":  # maybe an earlier try of the same
            resume(office.db, job.id)
        ensure_worker(office.home, office.db)
        st.session_state[_CHANGED] = True
    except WidesetError as error:
        note(error)
