"""The jobs that preview interventions, and what a page asks of them.

Their spec: `{"dataset": key, "request": the request as JSON}`; what comes of it is stored as a
preview of the dataset.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic

from core.domain.serialization import from_json
from core.interventions.previews import (
    BudgetRequest,
    EffectRequest,
    FilterRequest,
    JudgeRequest,
    P,
    PreviewRequest,
    RelabelRequest,
)
from core.jobs.context import JobContext
from core.jobs.lease import living
from core.jobs.queue import Work, find_submitted, once, state_of
from core.jobs.registry import job
from core.jobs.tools import WorkerTools
from core.services.previews import (
    preview_budget,
    preview_filter,
    preview_filter_effect,
    preview_relabelling,
)
from core.services.training.judge import judge_by_oracle
from core.store.database import Database
from core.store.interventions.previews import find_preview


def _register(
    request_type: type[PreviewRequest[P]], preview: Callable[..., P], title: str, activity: str
) -> None:
    """Register a service that answers a request about a dataset as a kind of job."""

    @job(request_type.kind, title=title, activity=activity)
    def run(context: JobContext, tools: WorkerTools) -> None:
        request = from_json(request_type, context.spec["request"])
        dataset = context.spec["dataset"]
        preview(context.db, dataset, request, encoders=tools.encoders, progress=context)


_register(JudgeRequest, judge_by_oracle, "Oracle", "Letting the oracle judge")
_register(RelabelRequest, preview_relabelling, "Preview", "Previewing label replacement")
_register(FilterRequest, preview_filter, "Filter", "Previewing the filter")
_register(
    EffectRequest,
    preview_filter_effect,
    "What a classifier makes of it",
    "Testing what a classifier makes of the filter",
)
_register(BudgetRequest, preview_budget, "Budget curve", "Drawing a budget curve")


@dataclass(frozen=True, slots=True)
class PreviewState(Generic[P]):
    """What there is of a request.

    Args:
        result: of the job; None while it is missing.
        fresh: whether the result knows all that people judged so far; always so without people.
        work: the job that was queued for it last; None if none was.
    """

    result: P | None
    fresh: bool
    work: Work | None


def preview_state(
    db: Database, dataset: str, request: PreviewRequest[P], *, seen: int = 0
) -> PreviewState[P]:
    """What there is; queues nothing.

    Args:
        db: the store.
        dataset: key of the dataset that the request is of.
        request: what is asked for.
        seen: number of the latest judgement, where the answer depends on judgements; else 0.
    """
    with db.read():
        stored = find_preview(db, request.kind, dataset, request)
        job = find_submitted(db, request.kind, _spec(dataset, request), seen)
        work = None if job is None else Work(job, state_of(job, living(db)))
    if stored is None:
        return PreviewState(None, False, work)
    result: P = from_json(request.answer, stored.result)
    return PreviewState(result, result.seen >= seen, work)


def request_preview(
    db: Database, dataset: str, request: PreviewRequest[P], *, seen: int = 0
) -> Work:
    """Queue the job, once for equal arguments (those of `preview_state`)."""
    return once(db, request.kind, _spec(dataset, request), seen)


def _spec(dataset: str, request: PreviewRequest[P]) -> dict[str, object]:
    return {"dataset": dataset, "request": request}
