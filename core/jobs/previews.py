"""Previews: what a page asks of the worker before an intervention, and what there is of it."""

from dataclasses import dataclass
from typing import Generic

from core.domain.serialization import from_json
from core.interventions.previews import P, PreviewRequest
from core.jobs.lease import living
from core.jobs.queue import Work, find_submitted, once, state_of
from core.store.database import Database
from core.store.interventions.previews import find_preview


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
