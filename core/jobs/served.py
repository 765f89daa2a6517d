"""A generation's way to a model behind a server: opened by the store, put on record, capped."""

from collections.abc import Callable, Sequence

from core.errors import BadInput
from core.generation.served.attempts import Attempt, Record
from core.generation.served.backend import ServedBackend, ServedRun
from core.generation.served.capabilities import capabilities_from_dict
from core.generation.served.opening import Probe, open_served
from core.generation.served.pace import Pace
from core.jobs.context import JobContext
from core.ledger import Ledger
from core.runs import ModelChoice
from core.spending import Spent, cap_from_dict
from core.store.attempts import StoredAttempt, add_attempt, totals
from core.store.connections import find_capabilities, find_connection, save_capabilities
from core.store.database import Database
from core.store.runs import RunRecord


class Servers:
    """Opens served models by what the store knows of their connections.

    Args:
        open_store: opens the store anew; closed after each use.
        probe: finds out what a model can do that was never probed; what it finds is stored.
    """

    def __init__(self, open_store: Callable[[], Database], *, probe: Probe) -> None:
        self._open_store = open_store
        self._probe = probe
        self._paces: dict[tuple[str, str], Pace] = {}

    def open(self, choice: ModelChoice) -> ServedBackend:
        """See `open_served`.

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
            pace = self._paces.get((choice.base_url, choice.model))
            if pace is not None and pace.most != connection.requests_at_once:
                pace = None
            backend = open_served(
                connection,
                choice.model,
                known=None if probed is None else capabilities_from_dict(probed.result),
                probe=self._probe,
                pace=pace,
            )
            self._paces[choice.base_url, choice.model] = backend.line.pace
            if probed is None:
                found = backend.capabilities.to_dict()
                save_capabilities(db, choice.base_url, choice.model, found)
            return backend
        finally:
            db.close()


def bound(context: JobContext, run: RunRecord, backend: ServedBackend) -> tuple[ServedRun, Ledger]:
    """A served backend as the job's run uses it, and the ledger that keeps the job's cap."""
    spent = spent_by(context.db, run.id)
    cap = cap_from_dict(context.spec.get("cap"))
    ledger = Ledger(cap, prices=backend.connection.prices, spent=spent)
    served = backend.for_run(run.spec.condition, record=_recorder(context, run), purse=ledger)
    return served, ledger


def spent_by(db: Database, run_id: str) -> Spent:
    """What a run took so far, over all its resumptions."""
    known = totals(db, run_id)
    return Spent(
        requests=known.requests,
        tokens_in=known.tokens_in,
        tokens_out=known.tokens_out,
        unreported=known.unreported,
    )


def as_stored(attempt: Attempt, label_names: Sequence[str] = ()) -> StoredAttempt:
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


def _recorder(context: JobContext, run: RunRecord) -> Record:
    names = run.spec.task.label_names

    def record(attempt: Attempt) -> None:
        stored = as_stored(attempt, names)
        add_attempt(context.db, stored, run_id=run.id, job_id=context.job.id)

    return record
