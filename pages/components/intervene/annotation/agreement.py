"""Agreement of annotators, and the language model as one of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

import pandas as pd
import streamlit as st

from core.domain.datasets import Dataset
from core.domain.errors import WidesetError
from core.domain.runs import ModelChoice, model_and_server
from core.domain.spending import SpendingLimit
from core.domain.wording import counted
from core.interventions.annotators import (
    disagreements,
    pairwise_agreement,
    verdicts_by_annotator,
)
from core.jobs.handlers.llm_judge import JudgingProgress, judging, model_of, start_llm_judge
from core.jobs.launch import ensure_worker
from core.jobs.queue import LIVE, Job, State, resume
from core.services.training.judge import LEAST, judge_name
from core.store.generation.runs import RunRecord
from core.store.interventions.judgements import (
    MACHINES,
    Judgement,
    Verdict,
    add_judgements,
    judgements_of,
    retract_model_judgements,
)
from pages.components.asked_model import (
    choose_asked_model,
    choose_asking_limit,
    estimate_asked,
    estimate_words,
    used_words,
)
from pages.components.intervene.annotation.state import (
    changing_judgements,
    set_problem,
    show_problem,
)
from pages.components.jobs import stop_button
from pages.components.shell import AppContext, escape_markdown

_RETRACTED = "annotation_judge_taken"
_STARTED = "annotation_judge_changed"
_METHODS = {
    "likeliest tokens": "by the probability of one letter per label",
    "forced answers": "by answers restricted to one letter per label",
    "answers": "by its answers",
}
_MOST_ROWS = 500
_KAPPA_WORDS = (
    (0.81, "almost perfect"),
    (0.61, "substantial"),
    (0.41, "moderate"),
    (0.21, "fair"),
    (0.0, "slight"),
)


@dataclass(frozen=True)
class _Retracted:
    """The labels of a model that were retracted last in this session."""

    run_id: str
    who: str
    verdicts: tuple[Verdict, ...]


def show_agreement(app: AppContext, run: RunRecord, dataset: Dataset) -> None:
    """Draw kappa of every two annotators and where they differ; a model can be asked as well."""
    known = judgements_of(app.db, run.id)
    _show_language_model(app, run, dataset, known)
    _show_pairs(known, dataset)


def kappa_words(kappa: float | None) -> str:
    """Cohen's kappa in words, after Landis and Koch (1977)."""
    if kappa is None:
        return "undefined: both used a single label"
    return next((word for least, word in _KAPPA_WORDS if kappa >= least), "worse than chance")


def _show_language_model(
    app: AppContext, run: RunRecord, dataset: Dataset, known: Sequence[Judgement]
) -> None:
    """Which model is asked, its cost, the job, and how its labels are retracted."""
    if st.session_state.pop(_STARTED, False):
        st.rerun()  # the whole page, which shows the progress above its tabs
    local = run.spec.model if run.spec.model.backend == "local" else ModelChoice()
    jobs = judging(app.db, run.id)
    live = next((job for job, state in jobs if state in LIVE), None)
    texts = dict(zip(dataset.ids, dataset.texts, strict=True))
    judged = list(
        dict.fromkeys(
            judgement.verdict.sample_id
            for judgement in known
            if judgement.why not in MACHINES
            and not judgement.verdict.skipped
            and judgement.verdict.sample_id in texts
        )
    )
    enough = len(judged) >= LEAST
    with st.container(horizontal=True, vertical_alignment="bottom"):
        model = choose_asked_model(app, prefix="judge", local=local, width=260)
        limit = choose_asking_limit(app, model, prefix="judge", requests=len(judged))
        who = None if model is None else judge_name(model)
        answered = {judgement.verdict.sample_id for judgement in known if judgement.who == who}
        missing = not answered.issuperset(judged)
        st.button(
            "Ask language model",
            icon=":material/smart_toy:",
            key="ask_llm",
            disabled=model is None
            or not missing
            or not enough
            or live is not None
            or bool(limit.refusal),
            help=escape_markdown(limit.refusal) or None,
            on_click=_ask,
            args=(app, run, judged, model, limit.limit),
        )
    if not enough:
        st.caption(
            "It labels the texts that people have judged. Judge at least "
            f"{counted(LEAST, 'text')} first."
        )
    elif model is None:
        st.caption("Choose a model, or type the server's name for it.")
    elif not missing:
        name = escape_markdown(model_and_server(model))
        st.caption(f"{name} has labelled all texts that people judged.")
    else:
        _show_estimate(app, run, model, [texts[key] for key in judged])
    if live is not None:
        _show_live(app, live)
    elif jobs:
        _show_end(*jobs[0])
    show_problem(":material/error:")
    _show_models(app, run.id, known, [job for job, state in jobs if state == "done"])


def _show_estimate(
    app: AppContext, run: RunRecord, model: ModelChoice, texts: Sequence[str]
) -> None:
    name, count = escape_markdown(model_and_server(model)), counted(len(texts), "text")
    if model.backend == "local":
        st.caption(
            f"{name} labels the {count} that people judged, by the likelihood of each label's "
            "phrase. Human labels take precedence."
        )
        return
    estimate = estimate_asked(app, model, texts, run.spec.task, run.spec.seed_examples)
    st.caption(
        f"It labels the {count} that people judged; the texts and the labels' phrases are sent to "
        "the server. Human labels take precedence."
    )
    st.caption(estimate_words(app, model, estimate))


def _show_live(app: AppContext, job: Job) -> None:
    name = escape_markdown(model_and_server(model_of(job)))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            f":material/smart_toy: Asking {name}. Its progress is shown above the tabs.",
            width="content",
        )
        stop_button(app, job, key="ask_llm_stop", help="No labels are stored then.")


def _show_end(job: Job, state: State) -> None:
    """How the last job ended, if it failed, cost something, or some answers were unusable."""
    progress = job.progress_as(JudgingProgress)
    spending = progress.spending
    unusable = (progress.facts or {}).get("not_parsed") or 0
    name = escape_markdown(model_and_server(model_of(job)))
    cost = f" Used: {used_words(spending)}." if spending else ""
    if state != "done":
        ends = {"cancelled": "Stopped.", "interrupted": "The worker stopped unexpectedly."}
        message = f"{job.message} {job.remedy}".strip() or ends.get(state, "It did not finish.")
        st.warning(f"{name}: {escape_markdown(message)}{cost}", icon=":material/info:")
    elif spending or unusable:
        skipped = f" {counted(unusable, 'answer')} named no label." if unusable else ""
        labelled = counted(progress.labelled or 0, "text")
        st.caption(f":material/smart_toy: {name} labelled {labelled}.{skipped}{cost}")


def _ask(
    app: AppContext, run: RunRecord, ids: list[str], model: ModelChoice, cap: SpendingLimit | None
) -> None:
    try:
        job = start_llm_judge(app.db, run.id, ids, model, cap=cap)
        if job.state != "done":  # an earlier attempt at the same
            resume(app.db, job.id)
        ensure_worker(app.home, app.db)
        st.session_state[_STARTED] = True
    except WidesetError as error:
        set_problem(error)


def _show_models(
    app: AppContext, run_id: str, known: Sequence[Judgement], done: Sequence[Job]
) -> None:
    """The models whose labels are in effect, each with a button to retract them.

    Args:
        app: home and store.
        run_id: the run.
        known: its judgements in effect.
        done: finished jobs, for how the models were asked.
    """
    by_model: dict[str, list[Judgement]] = {}
    for judgement in known:
        if judgement.why == "judge":
            by_model.setdefault(judgement.who, []).append(judgement)
    jobs = {job.id: job for job in done}
    for place, (who, judgements) in enumerate(by_model.items()):
        job = jobs.get(judgements[-1].session)
        facts = (job.progress_as(JudgingProgress).facts if job else None) or {}
        method = _METHODS.get(str(facts.get("scores")), "")
        when = datetime.fromtimestamp(judgements[-1].at).strftime("%d %b %H:%M")
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(
                f"**{escape_markdown(who)}** labelled {counted(len(judgements), 'text')}"
                f"{f' {method}' if method else ''} · {when}",
                width="content",
            )
            st.button(
                "Retract its labels",
                icon=":material/undo:",
                type="tertiary",
                key=f"judge_back-{place}",
                help="They stay on record, and can be restored until you leave the page.",
                on_click=_retract,
                args=(app, run_id, who),
            )
    retracted: _Retracted | None = st.session_state.get(_RETRACTED)
    if retracted is None or retracted.run_id != run_id or retracted.who in by_model:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        count = counted(len(retracted.verdicts), "label")
        st.caption(f"Retracted: {count} by {escape_markdown(retracted.who)}.", width="content")
        st.button(
            "Restore",
            icon=":material/redo:",
            type="tertiary",
            key="judge_again",
            on_click=_restore,
            args=(app,),
        )


def _retract(app: AppContext, run_id: str, who: str) -> None:
    with changing_judgements():
        verdicts = retract_model_judgements(app.db, run_id, who=who)
        st.session_state[_RETRACTED] = _Retracted(run_id, who, tuple(verdicts))


def _restore(app: AppContext) -> None:
    retracted: _Retracted = st.session_state.pop(_RETRACTED)
    with changing_judgements():
        add_judgements(
            app.db,
            retracted.run_id,
            retracted.verdicts,
            who=retracted.who,
            why="judge",
            session=uuid4().hex,
        )


def _show_pairs(known: list[Judgement], dataset: Dataset) -> None:
    annotators = verdicts_by_annotator(known)
    if len(annotators) < 2:
        st.info(
            "Agreement needs two annotators. Another person enters a name above and judges the "
            "same audit set, or uses the order “Second opinion”; the language model counts, too.",
            icon=":material/group:",
        )
        return
    pairs = [pair for pair in pairwise_agreement(annotators) if pair.n]
    if not pairs:
        st.info(
            f"{len(annotators)} annotators have judged texts, but no two of them the same text.",
            icon=":material/group:",
        )
        return
    text = st.column_config.TextColumn
    st.dataframe(
        pd.DataFrame(
            {
                "one": [pair.one for pair in pairs],
                "other": [pair.other for pair in pairs],
                "n": [pair.n for pair in pairs],
                "same": [pair.same / pair.n for pair in pairs],
                "kappa": [pair.kappa for pair in pairs],
                "words": [kappa_words(pair.kappa) for pair in pairs],
            }
        ),
        column_config={
            "one": text("Annotator"),
            "other": text("Other annotator"),
            "n": st.column_config.NumberColumn("Texts", help="Judged by both."),
            "same": st.column_config.ProgressColumn(
                "Agreement", format="percent", min_value=0.0, max_value=1.0
            ),
            "kappa": st.column_config.NumberColumn(
                "Cohen's kappa",
                format="%.2f",
                help="Agreement beyond chance: 0 is chance, 1 is full agreement.",
            ),
            "words": text("Interpretation", help="After Landis and Koch (1977)."),
        },
        hide_index=True,
        placeholder="–",
        alt="Agreement of every two annotators",
    )
    _show_disagreements(annotators, dataset)


def _show_disagreements(annotators: Mapping[str, Mapping[str, str]], dataset: Dataset) -> None:
    differing = disagreements(annotators)
    if not differing:
        st.caption("All texts were judged the same by everyone.")
        return
    row_of = {key: row for row, key in enumerate(dataset.ids)}
    shown = [difference for difference in differing if difference.id in row_of][:_MOST_ROWS]
    st.markdown(f"**Disagreements ({len(differing):,})**")
    text = st.column_config.TextColumn
    st.dataframe(
        pd.DataFrame(
            {
                "text": [dataset.texts[row_of[difference.id]] for difference in shown],
                "specified": [dataset.labels[row_of[difference.id]] for difference in shown],
                **{f"by {who}": [text.said.get(who, "") for text in shown] for who in annotators},
            }
        ),
        column_config={
            "text": text("Text", width=560),
            "specified": text("Generated as"),
            **{f"by {who}": text(who) for who in annotators},
        },
        hide_index=True,
        alt="Texts on which annotators differ",
    )
