"""Served models as jobs use them: opened by the store, on record, within a spending limit."""

from collections.abc import Callable, Sequence
from typing import Any

from core.classification.llm.served_labels import ServedLabels
from core.domain.errors import BadInput, Pausing
from core.domain.runs import ModelChoice
from core.domain.spending import (
    SpendingLimitReached,
    SpendingTracker,
    Spent,
    spending_limit_from_dict,
)
from core.generation.backends import Backend
from core.generation.servers.backend import Probe, ServedBackend, ServedRun, open_served_model
from core.generation.servers.capabilities import capabilities_from_dict
from core.generation.servers.requests import Attempt, RecordAttempt
from core.generation.servers.retries import ConcurrencyLimiter
from core.jobs.context import JobContext
from core.store.connections import find_capabilities, find_connection, save_capabilities
from core.store.database import Database
from core.store.generation.attempts import StoredAttempt, add_attempt, totals, totals_of_job
from core.store.generation.runs import RunRecord


class ServedModels:
    """Opens served models by what the store knows of their connections.

    Args:
        open_store: opens the store anew; closed after each use.
        probe: finds out what a model can do that was never probed; what it finds is stored.
    """

    def __init__(self, open_store: Callable[[], Database], *, probe: Probe) -> None:
        self._open_store = open_store
        self._probe = probe
        self._limiters: dict[tuple[str, str], ConcurrencyLimiter] = {}

    def open(self, choice: ModelChoice) -> ServedBackend:
        """See `open_served_model`.

        Raises:
            BadInput: there is no such connection any more, or its key is missing or refused.
            BackendFailed: the server does not answer.
        """
        db = self._open_store()
        try:
            connection = find_connection(db, choice.base_url)
            if connection is None:
                raise BadInput(
                    f"There is no connection to {choice.base_url} in this store.",
                    "Add it on the page Connection, or with --backend openai --base-url.",
                )
            probed = find_capabilities(db, choice.base_url, choice.model)
            limiter = self._limiters.get((choice.base_url, choice.model))
            if limiter is not None and limiter.maximum != connection.requests_at_once:
                limiter = None
            backend = open_served_model(
                connection,
                choice.model,
                known=None if probed is None else capabilities_from_dict(probed.result),
                probe=self._probe,
                limiter=limiter,
            )
            self._limiters[choice.base_url, choice.model] = backend.endpoint.limiter
            if probed is None:
                found = backend.capabilities.to_dict()
                save_capabilities(db, choice.base_url, choice.model, found)
            return backend
        finally:
            db.close()


def backend_for_run(
    context: JobContext, run: RunRecord, backend: ServedBackend
) -> tuple[ServedRun, SpendingTracker]:
    """A served backend for the job's run, and the tracker that keeps its spending limit."""
    spent = spent_by_run(context.db, run.id)
    cap = spending_limit_from_dict(context.spec.get("cap"))
    tracker = SpendingTracker(cap, prices=backend.connection.prices, spent=spent)
    served = backend.for_run(run.spec.condition, record=_recorder(context, run), tracker=tracker)
    return served, tracker


def spent_by_run(db: Database, run_id: str) -> Spent:
    """What a run took so far, over all its resumptions."""
    known = totals(db, run_id)
    return Spent(
        requests=known.requests,
        tokens_in=known.tokens_in,
        tokens_out=known.tokens_out,
        unreported=known.unreported,
    )


def stored_attempt(attempt: Attempt, label_names: Sequence[str] = ()) -> StoredAttempt:
    """An attempt as the store keeps it.

    Args:
        attempt: as it was told.
        label_names: of the run's task, in its order; of no use outside of a run.
    """
    place = attempt.label_index
    return StoredAttempt(
        cycle=attempt.cycle,
        label=None if place is None else label_names[place],
        texts_asked=attempt.texts_asked,
        texts_returned=attempt.texts_returned,
        attempt=attempt.attempt,
        status=attempt.status,
        outcome=attempt.outcome,
        message=attempt.message,
        seconds=max(0.0, attempt.seconds),
        tokens_in=attempt.tokens_in,
        tokens_out=attempt.tokens_out,
    )


def _recorder(context: JobContext, run: RunRecord) -> RecordAttempt:
    names = run.spec.task.label_names

    def record(attempt: Attempt) -> None:
        stored = stored_attempt(attempt, names)
        add_attempt(context.db, stored, run_id=run.id, job_id=context.job.id)

    return record


class ServedJobModel:
    """Opens the model for one job; the job's cap counts all its resumptions.

    Its requests are of no run: neither a run's cap nor what a run took has to do with them.

    Args:
        context: the job; `cap` in its spec is what it may take.
        open_backend: opens a served model.
    """

    def __init__(self, context: JobContext, open_backend: Callable[[ModelChoice], Backend]) -> None:
        self._context, self._open = context, open_backend
        self._backend: ServedBackend | None = None
        self._tracker: SpendingTracker | None = None
        self._answered = 0

    def open(self, choice: ModelChoice) -> ServedLabels:
        """The model.

        Raises:
            BadInput: there is no such connection, or its key is missing or refused.
            BackendFailed: the server does not answer.
        """
        backend = self._open(choice)
        if not isinstance(backend, ServedBackend):
            raise BadInput("This model is not behind a server.", "Choose another.")
        self._backend = backend
        known = totals_of_job(self._context.db, self._context.job.id)
        self._tracker = SpendingTracker(
            spending_limit_from_dict(self._context.spec.get("cap")),
            prices=backend.connection.prices,
            spent=Spent(
                requests=known.requests,
                tokens_in=known.tokens_in,
                tokens_out=known.tokens_out,
                unreported=known.unreported,
            ),
        )
        return ServedLabels(backend, record=self._record, tracker=self._tracker)

    def close(self) -> None:
        """Close the connections."""
        if self._backend is not None:
            self._backend.close()

    @property
    def open_now(self) -> bool:
        """Whether a server's model was opened."""
        return self._tracker is not None

    def told(self, total: int) -> dict[str, Any]:
        """What a job reports of it: `done` (texts answered in this sitting) and `spending` (see
        `core.domain.spending.SpendingTracker.progress`); {} where no server is asked.

        Args:
            total: texts that are asked about.
        """
        if self._tracker is None:
            return {}
        spending = self._tracker.progress(written=self._answered, target=total)
        return {"done": self._answered, "spending": spending}

    def ended(self, error: SpendingLimitReached, total: int) -> Pausing:
        """What a reached cap means here, where nothing is kept of a part."""
        return Pausing(
            f"{error.what} {self._answered:,} of {total:,} texts were answered; a part is no "
            "answer, so none is kept.",
            "Ask again with a higher cap, or about fewer texts.",
        )

    def _record(self, attempt: Attempt) -> None:
        self._answered += attempt.texts_returned > 0
        add_attempt(
            self._context.db, stored_attempt(attempt), run_id=None, job_id=self._context.job.id
        )
