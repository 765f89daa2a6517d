"""A job's way to a server's model that is asked for labels: on record, capped, told of."""

from collections.abc import Callable
from typing import Any

from core.classification.served_labels import ServedLabels
from core.errors import BadInput, Pausing
from core.generation.backends import Backend
from core.generation.served.attempts import Attempt
from core.generation.served.backend import ServedBackend
from core.jobs.context import JobContext
from core.jobs.served import as_stored
from core.ledger import CapReached, Ledger
from core.runs import ModelChoice
from core.spending import Spent, cap_from_dict
from core.store.attempts import add_attempt, totals_of_job


class ServedAsking:
    """Opens the model for one job; the job's cap counts all its resumptions.

    Its requests are of no run: neither a run's cap nor what a run took has to do with them.

    Args:
        context: the job; `cap` in its spec is what it may take.
        open_backend: opens a served model.
    """

    def __init__(self, context: JobContext, open_backend: Callable[[ModelChoice], Backend]) -> None:
        self._context, self._open = context, open_backend
        self._backend: ServedBackend | None = None
        self._ledger: Ledger | None = None
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
        self._ledger = Ledger(
            cap_from_dict(self._context.spec.get("cap")),
            prices=backend.connection.prices,
            spent=Spent(
                requests=known.requests,
                tokens_in=known.tokens_in,
                tokens_out=known.tokens_out,
                unreported=known.unreported,
            ),
        )
        return ServedLabels(backend, record=self._record, purse=self._ledger)

    def close(self) -> None:
        """Close the connections."""
        if self._backend is not None:
            self._backend.close()

    @property
    def open_now(self) -> bool:
        """Whether a server's model was opened."""
        return self._ledger is not None

    def told(self, total: int) -> dict[str, Any]:
        """What a job reports of it: `done` (texts answered in this sitting) and `spending` (see
        `core.ledger.Ledger.progress`); {} where no server is asked.

        Args:
            total: texts that are asked about.
        """
        if self._ledger is None:
            return {}
        spending = self._ledger.progress(written=self._answered, target=total)
        return {"done": self._answered, "spending": spending}

    def ended(self, error: CapReached, total: int) -> Pausing:
        """What a reached cap means here, where nothing is kept of a part."""
        return Pausing(
            f"{error.what} {self._answered:,} of {total:,} texts were answered; a part is no "
            "answer, so none is kept.",
            "Ask again with a higher cap, or about fewer texts.",
        )

    def _record(self, attempt: Attempt) -> None:
        self._answered += attempt.texts_returned > 0
        add_attempt(self._context.db, as_stored(attempt), run_id=None, job_id=self._context.job.id)
