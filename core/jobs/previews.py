"""Previews: what a page asks of the worker before an intervention, and what is there of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from core.interventions.requests import (
    BudgetRequest,
    EffectRequest,
    FilterRequest,
    JudgeRequest,
    RelabelRequest,
)
from core.jobs.cached_measurements import Work, once
from core.jobs.lease import living
from core.jobs.queue import find_submitted, state_of
from core.store.database import Database
from core.store.interventions.previews import find_preview

Kind = Literal["judge", "relabel", "filter", "filter_effect", "budget"]
Request = JudgeRequest | RelabelRequest | FilterRequest | EffectRequest | BudgetRequest


@dataclass(frozen=True, slots=True)
class Asked:
    """What is there of a request.

    Args:
        result: of the job; None while it is missing.
        fresh: whether the result knows all that people judged so far; always so without people.
        work: the job that was queued for it last; None if none was.
    """

    result: Mapping[str, Any] | None
    fresh: bool
    work: Work | None


def look(db: Database, dataset: str, request: Request, *, seen: int = 0) -> Asked:
    """What is there; queues nothing.

    Args:
        db: the store.
        dataset: key of the dataset that the request is of.
        request: what is asked for.
        seen: number of the latest judgement, where the answer depends on judgements; else 0.
    """
    kind = kind_of(request)
    spec = _spec(dataset, request)
    with db.read():
        found = find_preview(db, kind, dataset, request)
        job = find_submitted(db, kind, spec, seen)
        work = None if job is None else Work(job, state_of(job, living(db), db.now()))
    if found is None:
        return Asked(None, False, work)
    return Asked(found.result, int(found.result.get("seen", 0)) >= seen, work)


def ask(db: Database, dataset: str, request: Request, *, seen: int = 0) -> Work:
    """Queue the job, once for equal arguments (those of `look`)."""
    return once(db, kind_of(request), _spec(dataset, request), seen)


def kind_of(request: Request) -> Kind:
    """The kind of job that answers a request."""
    match request:
        case JudgeRequest():
            return "judge"
        case RelabelRequest():
            return "relabel"
        case FilterRequest():
            return "filter"
        case EffectRequest():
            return "filter_effect"
        case BudgetRequest():
            return "budget"


def _spec(dataset: str, request: Request) -> dict[str, Any]:
    return {"dataset": dataset, "request": request}
