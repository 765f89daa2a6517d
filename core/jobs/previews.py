"""Previews: what a page asks of the worker before an intervention, and what there is of it."""

from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar, overload

from core.interventions.requests import (
    BudgetRequest,
    EffectRequest,
    FilterRequest,
    JudgeRequest,
    RelabelRequest,
)
from core.interventions.results import (
    BudgetCurve,
    EffectPreview,
    FilterPreview,
    OracleOpinion,
    Preview,
    RelabelPreview,
)
from core.jobs.cached_measurements import Work, once
from core.jobs.lease import living
from core.jobs.queue import find_submitted, state_of
from core.store.database import Database
from core.store.interventions.previews import find_preview

Kind = Literal["judge", "relabel", "filter", "filter_effect", "budget"]
Request = JudgeRequest | RelabelRequest | FilterRequest | EffectRequest | BudgetRequest
P = TypeVar("P", bound=Preview, covariant=True)

_ANSWERS: dict[type[Request], tuple[Kind, type[Preview]]] = {
    JudgeRequest: ("judge", OracleOpinion),
    RelabelRequest: ("relabel", RelabelPreview),
    FilterRequest: ("filter", FilterPreview),
    EffectRequest: ("filter_effect", EffectPreview),
    BudgetRequest: ("budget", BudgetCurve),
}
"""The kind of job that answers a request, and what it answers."""


@dataclass(frozen=True, slots=True)
class Asked(Generic[P]):
    """What there is of a request.

    Args:
        result: of the job; None while it is missing.
        fresh: whether the result knows all that people judged so far; always so without people.
        work: the job that was queued for it last; None if none was.
    """

    result: P | None
    fresh: bool
    work: Work | None


@overload
def look(
    db: Database, dataset: str, request: JudgeRequest, *, seen: int = 0
) -> Asked[OracleOpinion]: ...
@overload
def look(
    db: Database, dataset: str, request: RelabelRequest, *, seen: int = 0
) -> Asked[RelabelPreview]: ...
@overload
def look(
    db: Database, dataset: str, request: FilterRequest, *, seen: int = 0
) -> Asked[FilterPreview]: ...
@overload
def look(
    db: Database, dataset: str, request: EffectRequest, *, seen: int = 0
) -> Asked[EffectPreview]: ...
@overload
def look(
    db: Database, dataset: str, request: BudgetRequest, *, seen: int = 0
) -> Asked[BudgetCurve]: ...
def look(db: Database, dataset: str, request: Request, *, seen: int = 0) -> Asked[Preview]:
    """What there is; queues nothing.

    Args:
        db: the store.
        dataset: key of the dataset that the request is of.
        request: what is asked for.
        seen: number of the latest judgement, where the answer depends on judgements; else 0.
    """
    kind, preview_type = _answer_to(request)
    with db.read():
        stored = find_preview(db, kind, dataset, request)
        job = find_submitted(db, kind, _spec(dataset, request), seen)
        work = None if job is None else Work(job, state_of(job, living(db)))
    if stored is None:
        return Asked(None, False, work)
    preview = preview_type.from_dict(stored.result)
    return Asked(preview, preview.seen >= seen, work)


def ask(db: Database, dataset: str, request: Request, *, seen: int = 0) -> Work:
    """Queue the job, once for equal arguments (those of `look`)."""
    kind, _ = _answer_to(request)
    return once(db, kind, _spec(dataset, request), seen)


def _answer_to(request: Request) -> tuple[Kind, type[Preview]]:
    return next(answer for kind, answer in _ANSWERS.items() if isinstance(request, kind))


def _spec(dataset: str, request: Request) -> dict[str, Any]:
    return {"dataset": dataset, "request": request}
