"""Models behind servers: probed, opened by what the store knows, on record, within a limit."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from core.domain.connections import Connection
from core.domain.errors import BadInput, Pausing
from core.domain.progress import JobProgress
from core.domain.registries.capabilities import Capabilities
from core.domain.runs import Attempt, ModelChoice
from core.domain.serialization import Json
from core.domain.spending import (
    SpendingLimit,
    SpendingLimitReached,
    SpendingProgress,
    SpendingTracker,
)
from core.generation.backends import Backend
from core.generation.servers.backend import ServedBackend, ServedRun
from core.generation.servers.http_client import HttpClient, HttpResponse, ServerClient
from core.generation.servers.keys import Key, key_of
from core.generation.servers.probing.probe import probe as probe_server
from core.generation.servers.probing.questions import list_models
from core.generation.servers.retries import ConcurrencyLimiter
from core.generation.servers.tokenizers import find_tokenizer
from core.services.progress import NO_PROGRESS, Progress
from core.store.connections import find_capabilities, find_connection, save_capabilities
from core.store.database import Database
from core.store.generation.rounds import (
    add_attempt,
    totals,
    totals_of_job,
)
from core.store.generation.runs import RunRecord

if TYPE_CHECKING:
    from core.classification.llm.served_labels import ServedLabels


ProbeModel = Callable[[Connection, str, ServerClient], Capabilities]
"""Finds out what a model can do, as `core.generation.servers.probing.probe.probe`."""


class ServedModels:
    """Opens served models by what the store knows of their connections.

    Args:
        open_store: opens the store anew; closed after each use.
        probe: finds out what a model can do that was never probed; what it finds is stored.
    """

    def __init__(self, open_store: Callable[[], Database], *, probe: ProbeModel) -> None:
        self._open_store = open_store
        self._probe = probe
        self._limiters: dict[tuple[str, str], ConcurrencyLimiter] = {}

    def open(self, choice: ModelChoice) -> ServedBackend:
        """A served model, ready to write.

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
            key = key_of(connection)
            client = HttpClient(connection.base_url, key=key)
            capabilities = (
                self._probe(connection, choice.model, client)
                if probed is None
                else probed.capabilities
            )
            tokenizer = None
            if connection.tokenizer != "none" or capabilities.tokenizer:  # else probing found none
                tokenizer = find_tokenizer(connection, choice.model, client).tokenizer
            backend = ServedBackend(
                connection,
                choice.model,
                key=key,
                tokenizer=tokenizer,
                capabilities=capabilities,
                limiter=limiter,
            )
            self._limiters[choice.base_url, choice.model] = backend.endpoint.limiter
            if probed is None:
                save_capabilities(db, backend.capabilities)
            return backend
        finally:
            db.close()


TYPICAL_REQUESTS = 20
"""About how many requests that generate tokens a probe takes; for a progress bar."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeProgress(JobProgress):
    """The progress of a test; `done` counts requests, `total` is about how many there will be.

    Args:
        model: that is probed; empty where several are listed and none is chosen.
        models: what the server lists, where none was chosen.
    """

    model: str = ""
    models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What a test found.

    Args:
        model: that was probed; empty where several are listed and none is chosen.
        models: what the server lists; empty where one was chosen.
        capabilities: of the model, as they are stored; None where none was probed.
    """

    model: str
    models: tuple[str, ...]
    capabilities: Capabilities | None


def probe_connection(
    db: Database,
    connection: Connection,
    model: str,
    *,
    probe: ProbeModel = probe_server,
    find_key: Callable[[Connection], Key | None] = key_of,
    open_client: Callable[..., ServerClient] = HttpClient,
    progress: Progress = NO_PROGRESS,
) -> ProbeResult:
    """Find out what a server's model can do, and store it.

    Reports the phases listing, probing and done of `ProbeProgress`.

    Args:
        db: the store.
        connection: the server.
        model: as the server names it; empty is the server's only one.
        probe: asks the server.
        find_key: finds the connection's key.
        open_client: opens the connection.
        progress: follows the work.

    Raises:
        BadInput: the key is missing or refused.
        BackendFailed: the server does not answer, or lists no models where none is chosen.
        Stopped: the work is to end; nothing was stored.
    """
    client = _CountingClient(open_client(connection.base_url, key=find_key(connection)), progress)
    client.report("listing", model)
    listed: tuple[str, ...] = ()
    if not model:
        listed = list_models(connection, client)
        model = listed[0] if len(listed) == 1 else ""
    capabilities = None
    if model:
        client.report("probing", model, listed)
        capabilities = save_capabilities(db, probe(connection, model, client))
    client.report("done", model, listed)
    return ProbeResult(model, listed, capabilities)


class _CountingClient:
    """Asks the server, and reports between two questions how many there were."""

    def __init__(self, client: ServerClient, progress: Progress) -> None:
        self._client, self._progress = client, progress
        self._asked = 0
        self._now = ProbeProgress(phase="listing")

    def report(self, phase: str, model: str, models: tuple[str, ...] = ()) -> None:
        done, total = (self._asked, TYPICAL_REQUESTS) if self._asked else (None, None)
        self._now = ProbeProgress(phase=phase, model=model, models=models, done=done, total=total)
        self._progress.report(self._now)

    def ask(
        self, path: str, body: Mapping[str, Json] | None = None, *, root: bool = False
    ) -> HttpResponse:
        self._progress.checkpoint()
        response = self._client.ask(path, body, root=root)
        self._asked += path.endswith("/completions")  # questions about tokens cost nothing
        self.report(self._now.phase, self._now.model, self._now.models)
        return response


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
    spent = totals(db, run.id)
    tracker = SpendingTracker(limit, prices=backend.connection.prices, spent=spent)
    record = partial(add_attempt, db, run_id=run.id, job_id=job_id)
    served = backend.for_run(run.spec, record=record, tracker=tracker, before=run.metadata)
    return served, tracker


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
        spent = None if self._job_id is None else totals_of_job(self._db, self._job_id)
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
        add_attempt(self._db, attempt, run_id=None, job_id=self._job_id)
