"""Testing a connection: listing a server's models and probing one of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from core.domain.connections import Connection
from core.domain.progress import JobProgress
from core.domain.registries.capabilities import Capabilities
from core.generation.servers.backend import Probe
from core.generation.servers.http_client import HttpClient, HttpResponse, ServerClient
from core.generation.servers.keys import Key, key_of
from core.generation.servers.probing.probe import probe as probe_server
from core.generation.servers.probing.questions import list_models
from core.services.progress import NO_PROGRESS, Progress
from core.store.connections import save_capabilities
from core.store.database import Database

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
    probe: Probe = probe_server,
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
        self, path: str, body: Mapping[str, Any] | None = None, *, root: bool = False
    ) -> HttpResponse:
        self._progress.checkpoint()
        response = self._client.ask(path, body, root=root)
        self._asked += path.endswith("/completions")  # questions about tokens cost nothing
        self.report(self._now.phase, self._now.model, self._now.models)
        return response
