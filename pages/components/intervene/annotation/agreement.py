"""The models whose labels of a run are in effect, each with a way to take them back."""

from collections.abc import Sequence
from datetime import datetime
from uuid import uuid4

import pandas as pd
import streamlit as st

from core.domain.datasets import Dataset
from core.domain.errors import WidesetError
from core.domain.runs import ModelChoice, model_and_server
from core.domain.spending import SpendingLimit
from core.interventions.annotation.agreement import agreements, differences, said_by
from core.interventions.annotation.bulk import bring_back, take_back_machine
from core.interventions.annotation.judged import MACHINES
from core.jobs.handlers.judge import LEAST, judge_name, judging, model_of, start_llm_judge
from core.jobs.launch import ensure_worker
from core.jobs.queue import LIVE, Job, State, resume
from core.store.generation.runs import RunRecord
from core.store.interventions.judgements import Judgement, Verdict, judgements_of
from pages.components.asked_model import (
    choose_asked_model,
    choose_asking_cap,
    estimate_asked,
    estimate_words,
    took_words,
)
from pages.components.intervene.annotation.state import forget_sitting, note, noted
from pages.components.jobs import stop_button
from pages.components.shell import AppContext, escape_markdown

_TAKEN = "annotation_judge_taken"  # what was taken back last in this session
_WAYS = {
    "likeliest tokens": "by the odds of a letter for each label",
    "forced answers": "by answers forced to a letter",
    "answers": "by what it answers",
}


def show_judges(
    app: AppContext, run_id: str, known: Sequence[Judgement], done: Sequence[Job]
) -> None:
    """Draw them.

    Args:
        app: home and store.
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
                f"**{escape_markdown(who)}** labelled {len(said):,} texts"
                f"{f' {way}' if way else ''} · {when}",
                width="content",
            )
            st.button(
                "Take back this judge's labels",
                icon=":material/undo:",
                type="tertiary",
                key=f"judge_back-{place}",
                help="They stay on record, and can be brought back until you leave the page.",
                on_click=_take_back,
                args=(app, run_id, who),
            )
    taken = st.session_state.get(_TAKEN)
    if taken is not None and taken[0] == run_id and taken[1] not in by_judge:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(
                f"Taken back: {len(taken[2]):,} labels by {escape_markdown(taken[1])}.",
                width="content",
            )
            st.button(
                "Bring them back",
                icon=":material/redo:",
                type="tertiary",
                key="judge_again",
                on_click=_bring_back,
                args=(app, run_id),
            )


def _take_back(app: AppContext, run_id: str, who: str) -> None:
    try:
        taken: list[Verdict] = take_back_machine(app.db, run_id, who=who)
    except WidesetError as error:
        note(error)
        return
    st.session_state[_TAKEN] = (run_id, who, taken)
    forget_sitting()


def _bring_back(app: AppContext, run_id: str) -> None:
    _, who, verdicts = st.session_state.pop(_TAKEN)
    try:
        bring_back(app.db, run_id, verdicts, who=who, session=uuid4().hex)
    except WidesetError as error:
        note(error)
        return
    forget_sitting()


_CHANGED = "annotation_judge_changed"  # a job of ours began


def ask_the_model(
    app: AppContext, run: RunRecord, dataset: Dataset, known: Sequence[Judgement]
) -> None:
    """Draw who is asked and what that takes, what became of it, and how it is taken back.

    Args:
        app: home and store.
        run: the run.
        dataset: its texts.
        known: its judgements in effect.
    """
    if st.session_state.pop(_CHANGED, False):
        st.rerun()  # the whole page, which follows the job above its tabs
    local = run.spec.model if run.spec.model.backend == "local" else ModelChoice()
    jobs = judging(app.db, run.id)
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
        model = choose_asked_model(app, prefix="judge", local=local, width=260)
        cap, why_not = choose_asking_cap(app, model, prefix="judge", requests=len(wanted))
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
            help=escape_markdown(why_not) or None,
            on_click=_ask,
            args=(app, run, wanted, model, cap),
        )
    if not enough:
        st.caption("It judges what people judged; there is too little of that yet.")
    elif model is None:
        st.caption("Choose a model, or type the server's name for it.")
    elif not missing:
        st.caption(f"{escape_markdown(judge_name(model))} has judged all that people judged.")
    else:
        _say_what_it_takes(app, run, model, [texts[key] for key in wanted])
    if live is not None:
        _show_live(app, live)
    elif jobs:
        _show_end(*jobs[0])
    problem = noted()
    if problem:
        st.warning(problem, icon=":material/error:")
    show_judges(app, run.id, known, [job for job, state in jobs if state == "done"])


def _say_what_it_takes(
    app: AppContext, run: RunRecord, model: ModelChoice, texts: Sequence[str]
) -> None:
    counts = "Nothing of it counts where a person spoke."
    if model.backend == "local":
        st.caption(
            f"{escape_markdown(judge_name(model))} labels the {len(texts):,} texts that people "
            f"judged, by the likelihood of each label's phrase. {counts}"
        )
        return
    ahead = estimate_asked(app, model, texts, run.spec.task, run.spec.seed_examples)
    st.caption(
        f"It labels the {len(texts):,} texts that people judged; they and the labels' phrases are "
        f"sent to the server. {counts}"
    )
    st.caption(estimate_words(app, model, ahead))


def _show_live(app: AppContext, job: Job) -> None:
    who = escape_markdown(model_and_server(model_of(job)))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            f":material/smart_toy: {who} is asked. How far it is stands above the tabs.",
            width="content",
        )
        stop_button(app, job, key="ask_llm_stop", told="Nothing of it is stored then.")


def _show_end(job: Job, state: State) -> None:
    """What became of the last question, where it came to no good end or answers were lost."""
    spending, facts = job.progress.get("spending"), job.progress.get("facts") or {}
    lost = facts.get("not_parsed") or 0
    who = escape_markdown(model_and_server(model_of(job)))
    took = f" It took {took_words(spending)}." if spending else ""
    if state != "done":
        ends = {"cancelled": "Stopped by hand.", "interrupted": "Its worker ended without a word."}
        said = f"{job.message} {job.remedy}".strip() or ends.get(state, "It did not end.")
        st.warning(f"{who}: {escape_markdown(said)}{took}", icon=":material/info:")
    elif spending or lost:
        unread = f" {lost:,} answers name no label and count for nothing." if lost else ""
        st.caption(
            f":material/smart_toy: {who} labelled {job.progress.get('labelled', 0):,} texts."
            f"{unread}{took}"
        )


def _ask(
    app: AppContext,
    run: RunRecord,
    ids: list[str],
    model: ModelChoice,
    cap: SpendingLimit | None,
) -> None:
    try:
        job = start_llm_judge(app.db, run.id, ids, model, cap=cap)
        if job.state != "done":  # maybe an earlier try of the same
            resume(app.db, job.id)
        ensure_worker(app.home, app.db)
        st.session_state[_CHANGED] = True
    except WidesetError as error:
        note(error)


_SHOWN = 500
_SCALE = (
    (0.81, "almost perfect"),
    (0.61, "substantial"),
    (0.41, "moderate"),
    (0.21, "fair"),
    (0.0, "slight"),
)


def in_words(kappa: float | None) -> str:
    """Kappa as Landis and Koch (1977) read it."""
    if kappa is None:
        return "undefined: both gave one label throughout"
    return next((word for least, word in _SCALE if kappa >= least), "worse than chance")


def show_agreement(app: AppContext, run: RunRecord, dataset: Dataset) -> None:
    """Draw kappa of every two annotators and where they differ; a model can be asked as well."""
    known = judgements_of(app.db, run.id)
    ask_the_model(app, run, dataset, known)
    _show_pairs(known, dataset)


def _show_pairs(known: list[Judgement], dataset: Dataset) -> None:
    people = said_by(known)
    if len(people) < 2:
        st.info(
            "Agreement needs two annotators. Another person gives a name above and takes the same "
            "audit set, or the order “Second opinion”; the language model is one, too.",
            icon=":material/group:",
        )
        return
    pairs = [pair for pair in agreements(known) if pair.n]
    if not pairs:
        st.info(
            f"{len(people)} annotators judged texts, but no two of them the same one.",
            icon=":material/group:",
        )
        return
    st.dataframe(
        pd.DataFrame(
            {
                "one": [pair.one for pair in pairs],
                "other": [pair.other for pair in pairs],
                "n": [pair.n for pair in pairs],
                "same": [pair.same / pair.n for pair in pairs],
                "kappa": [pair.kappa for pair in pairs],
                "words": [in_words(pair.kappa) for pair in pairs],
            }
        ),
        column_config={
            "one": st.column_config.TextColumn("Annotator"),
            "other": st.column_config.TextColumn("and"),
            "n": st.column_config.NumberColumn("Texts", help="Texts that both judged."),
            "same": st.column_config.ProgressColumn(
                "Same", format="percent", min_value=0.0, max_value=1.0
            ),
            "kappa": st.column_config.NumberColumn(
                "Cohen's kappa",
                format="%.2f",
                help="Agreement beyond chance: 0 is chance, 1 full agreement.",
            ),
            "words": st.column_config.TextColumn("In words (Landis and Koch 1977)"),
        },
        hide_index=True,
        alt="Agreement of every two annotators",
    )
    _show_differences(known, dataset, list(people))


def _show_differences(known: list[Judgement], dataset: Dataset, people: list[str]) -> None:
    found = differences(known)
    if not found:
        st.caption("No text is judged differently.")
        return
    row = {key: place for place, key in enumerate(dataset.ids)}
    shown = [one for one in found if one.id in row][:_SHOWN]
    st.markdown(f"**{len(found):,} texts judged differently**")
    st.dataframe(
        pd.DataFrame(
            {
                "text": [dataset.texts[row[one.id]] for one in shown],
                "specified": [dataset.labels[row[one.id]] for one in shown],
                **{f"by {who}": [one.said.get(who, "") for one in shown] for who in people},
            }
        ),
        column_config={
            "text": st.column_config.TextColumn("Text", width=560),
            "specified": st.column_config.TextColumn("Generated as"),
            **{f"by {who}": st.column_config.TextColumn(who) for who in people},
        },
        hide_index=True,
        alt="Texts on which annotators differ",
    )
