"""Models behind servers: opened by what the store knows, on record, within a spending limit."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from core.domain.errors import BadInput, Pausing
from core.domain.runs import ModelChoice
from core.domain.spending import (
    SpendingLimit,
    SpendingLimitReached,
    SpendingProgress,
    SpendingTracker,
    Spent,
)
from core.generation.backends import Backend
from core.generation.servers.backend import Probe, ServedBackend, ServedRun, open_served_model
from core.generation.servers.requests import Attempt, RecordAttempt
from core.generation.servers.retries import ConcurrencyLimiter
from core.store.connections import find_capabilities, find_connection, save_capabilities
from core.store.database import Database
from core.store.generation.rounds import (
    AttemptTotals,
    StoredAttempt,
    add_attempt,
    totals,
    totals_of_job,
)
from core.store.generation.runs import RunRecord

if TYPE_CHECKING:
    from core.classification.llm.served_labels import ServedLabels


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
                known=None if probed is None else probed.capabilities,
                probe=self._probe,
                limiter=limiter,
            )
            self._limiters[choice.base_url, choice.model] = backend.endpoint.limiter
            if probed is None:
                save_capabilities(db, backend.capabilities)
            return backend
        finally:
            db.close()


def backend_for_run(
    db: Database,
    run: RunRecord,
    backend: ServedBackend,
    *,
    limit: SpendingLimit,
    job_id: str | None = None,
) -> tuple[ServedRun, SpendingTracker]:
    """A served backend for a run, every request on record, and what keeps its spending limit.

    Args:
        db: the store.
        run: the run.
        backend: of its model.
        limit: over all resumptions of the run.
        job_id: that generates it.
    """
    spent = spent_by_run(db, run.id)
    tracker = SpendingTracker(limit, prices=backend.connection.prices, spent=spent)
    names = run.spec.task.label_names
    record = record_attempts(db, label_names=names, run_id=run.id, job_id=job_id)
    return backend.for_run(run.spec.condition, record=record, tracker=tracker), tracker


def spent_by_run(db: Database, run_id: str) -> Spent:
    """What a run took so far, over all its resumptions."""
    return _spent(totals(db, run_id))


def record_attempts(
    db: Database,
    *,
    label_names: Sequence[str] = (),
    run_id: str | None = None,
    job_id: str | None = None,
) -> RecordAttempt:
    """Stores every attempt; arguments as of `stored_attempt` and `add_attempt`."""

    def record(attempt: Attempt) -> None:
        add_attempt(db, stored_attempt(attempt, label_names), run_id=run_id, job_id=job_id)

    return record


def stored_attempt(attempt: Attempt, label_names: Sequence[str] = ()) -> StoredAttempt:
    """An attempt as the store keeps it.

    Args:
        attempt: as it was sent.
        label_names: of the run's task, in its order; of no use outside of a run.
    """
    index = attempt.label_index
    return StoredAttempt(
        cycle=attempt.cycle,
        label=None if index is None else label_names[index],
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


class ServedLabelModel:
    """A served model that is asked for labels, outside of any run: on record, within a limit.

    Args:
        db: the store.
        open_backend: opens a served model.
        limit: what it may take; with a job over all resumptions of that.
        job_id: that asks; None for none.

    Attributes:
        tracker: counts what it takes; None before the model is opened.
        answered: texts that were answered so far.
    """

    def __init__(
        self,
        db: Database,
        open_backend: Callable[[ModelChoice], Backend],
        *,
        limit: SpendingLimit,
        job_id: str | None = None,
    ) -> None:
        self._db, self._open, self._limit, self._job_id = db, open_backend, limit, job_id
        self._backend: ServedBackend | None = None
        self.tracker: SpendingTracker | None = None
        self.answered = 0

    def open(self, choice: ModelChoice) -> "ServedLabels":
        """The model.

        Raises:
            BadInput: there is no such connection, or its key is missing or refused.
            BackendFailed: the server does not answer.
        """
        from core.classification.llm.served_labels import ServedLabels

        backend = self._open(choice)
        if not isinstance(backend, ServedBackend):
            raise BadInput("This model is not behind a server.", "Choose another.")
        self._backend = backend
        spent = None if self._job_id is None else _spent(totals_of_job(self._db, self._job_id))
        self.tracker = SpendingTracker(self._limit, prices=backend.connection.prices, spent=spent)
        return ServedLabels(backend, record=self._record, tracker=self.tracker)

    def close(self) -> None:
        """Close the connections."""
        if self._backend is not None:
            self._backend.close()

    def spending(self, total: int) -> SpendingProgress | None:
        """What it took so far, if it answers so many texts in all; None before it is opened."""
        if self.tracker is None:
            return None
        return self.tracker.progress(written=self.answered, target=total)

    def limit_reached(self, error: SpendingLimitReached, total: int) -> Pausing:
        """What a reached limit means here, where nothing is kept of a part."""
        return Pausing(
            f"{error.what} {self.answered:,} of {total:,} texts were answered; a part is no "
            "answer, so none is kept.",
            "Ask again with a higher cap, or about fewer texts.",
        )

    def _record(self, attempt: Attempt) -> None:
        self.answered += attempt.texts_returned > 0
        add_attempt(self._db, stored_attempt(attempt), run_id=None, job_id=self._job_id)


def _spent(known: AttemptTotals) -> Spent:
    return Spent(
        requests=known.requests,
        tokens_in=known.tokens_in,
        tokens_out=known.tokens_out,
        unreported=known.unreported,
    )
