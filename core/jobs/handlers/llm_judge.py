"""The job that lets a language model judge texts of a run."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from core.classification.llm.cost_estimate import check_enough
from core.classification.llm.llm import LabelModel
from core.classification.tools import StoreTools
from core.domain.progress import JobProgress
from core.domain.runs import ModelChoice
from core.domain.spending import SpendingLimit, SpendingLimitReached, SpendingProgress
from core.jobs.context import JobContext
from core.jobs.queue import Job, State, status, submit_once
from core.jobs.registry import job
from core.jobs.tools import WorkerTools
from core.services.servers.cost_estimate import check_model_limit
from core.services.servers.served_models import ServedLabelModel
from core.services.training.judge import check_enough_texts, judge_by_model, judge_name
from core.store.database import Database
from core.store.interventions.judgements import last_number, standing_of

KIND = "llm_judge"


@dataclass(frozen=True, slots=True)
class _JudgeSpec:
    """The spec of a job: who judges which texts of a run; of a server's model also `cap`."""

    run: str
    texts: tuple[str, ...]
    model: ModelChoice


def start_llm_judge(
    db: Database,
    run_id: str,
    ids: Sequence[str],
    model: ModelChoice,
    *,
    cap: SpendingLimit | None = None,
) -> Job:
    """Queue the job, once for the same texts and model as long as nothing else is judged.

    Args:
        db: the store.
        run_id: the texts' run.
        ids: the texts'.
        model: who judges.
        cap: what a server's model may take, all resumptions included; None is no cap.

    Raises:
        BadInput: the texts are too few, or the cap can't be kept or does not reach for them.
    """
    check_enough_texts(ids)
    cap = cap or SpendingLimit()
    check_model_limit(db, model, cap)
    if model.backend != "local":
        check_enough(cap, len(ids))
    spec = {"run": run_id, "texts": list(ids), "model": model}
    if cap.on:
        spec["cap"] = cap
    # After its labels were taken back the same question is another one.
    return submit_once(db, KIND, spec, last_number(db, run_id))


def judging(db: Database, run_id: str) -> list[tuple[Job, State]]:
    """A run's jobs of this kind and how they read, the newest first."""
    with db.read() as connection:
        rows = connection.execute(
            "SELECT id FROM jobs WHERE kind = ? AND json_extract(spec, '$.run') = ?"
            " ORDER BY rowid DESC",
            (KIND, run_id),
        ).fetchall()
        return [status(db, row["id"]) for row in rows]


def model_of(job: Job) -> ModelChoice:
    """Who judges in a job of this kind."""
    return job.spec_as(_JudgeSpec).model


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgingProgress(JobProgress):
    """The progress of a language model's judging; `done` and `total` are texts.

    Args:
        spending: of a server's model.
        labelled: texts that got a label, known at the end.
        facts: of the model and how it was asked, known at the end.
    """

    spending: SpendingProgress | None = None
    labelled: int | None = None
    facts: Mapping[str, Any] | None = None


@job(
    KIND,
    title="Language model",
    activity="Letting the language model judge",
    progress=JudgingProgress,
)
def llm_judge_job(context: JobContext, tools: WorkerTools) -> None:
    """Judge the texts of a job; see `judge_by_model`. Nothing is stored of a part."""
    with closing(tools.label_model_session(context)) as session:
        store_tools = StoreTools(context.db, tools.encoders, tools.home.models, served=session.open)
        judge_texts(context, store_tools.label_model, session=session)


def judge_texts(
    context: JobContext,
    label_model: Callable[[ModelChoice], LabelModel],
    *,
    session: ServedLabelModel | None = None,
) -> None:
    """Judge the texts of a job.

    Args:
        context: the job.
        label_model: loads the model.
        session: opened it, if it is a server's.

    Raises as `judge_by_model`; `Pausing` also where the spending limit is reached.
    """
    spec = context.job.spec_as(_JudgeSpec)
    model = spec.model
    run_id, ids = spec.run, spec.texts

    def report(phase: str, **more: Any) -> None:
        if session is not None and session.tracker is not None:
            more |= {"done": session.answered, "spending": session.spending(len(ids))}
        context.report(JudgingProgress(phase=phase, total=len(ids), **more))

    who = judge_name(model)
    judgements = standing_of(context.db, run_id, who=who)
    if any(judgement.session == context.job.id for judgement in judgements):
        return  # the job ended before, after all was stored
    report("loading")
    context.checkpoint()
    try:
        judged = judge_by_model(
            context.db,
            run_id,
            ids,
            model,
            label_model=label_model,
            session=context.job.id,
            progress=context if session is None else _WhileAsking(context, session, report),
            begin=lambda: report("judging"),
        )
    except SpendingLimitReached as error:
        if session is None:
            raise
        raise session.limit_reached(error, len(ids)) from error
    report("done", labelled=judged.labelled, facts=judged.facts)


class _WhileAsking:
    """Reports what a server's model took with every checkpoint."""

    def __init__(
        self, context: JobContext, session: ServedLabelModel, report: Callable[[str], None]
    ) -> None:
        self._context, self._session, self._report = context, session, report

    def report(self, progress: JobProgress, *, at_once: bool = False) -> None:
        self._context.report(progress, at_once=at_once)

    def checkpoint(self) -> None:
        self._context.checkpoint()
        if self._session.tracker is not None:
            self._report("judging")
