"""The job that tests a connection: lists the server's models, and probes one of them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from core.domain.connections import Connection
from core.generation.servers.backend import Probe
from core.generation.servers.http_client import HttpClient, HttpResponse, ServerClient
from core.generation.servers.keys import Key, key_of
from core.generation.servers.probing.models import list_models
from core.generation.servers.probing.probe import probe
from core.jobs.context import JobContext
from core.jobs.server_health import TYPICAL_REQUESTS
from core.store.connections import (
    find_connection,
    get_connection,
    save_capabilities,
    save_connection,
)


class _Stopped(Exception):
    """The job is to end now; nothing was stored."""


class _Watched:
    """Asks the server, and reports between two questions how many there were."""

    def __init__(self, client: ServerClient, context: JobContext) -> None:
        self._client = client
        self._context = context
        self._asked = 0

    def ask(
        self, path: str, body: Mapping[str, Any] | None = None, *, root: bool = False
    ) -> HttpResponse:
        self._context.serve_questions()
        if self._context.should_stop():
            raise _Stopped
        response = self._client.ask(path, body, root=root)
        self._asked += path.endswith("/completions")  # questions about tokens cost nothing
        progress = {"done": self._asked, "total": TYPICAL_REQUESTS}
        self._context.report({**self._context.progress, **progress})
        return response


def probe_job(
    context: JobContext,
    *,
    probe: Probe = probe,
    find_key: Callable[[Connection], Key | None] = key_of,
    open_client: Callable[..., ServerClient] = HttpClient,
) -> None:
    """Test the connection `base_url` with its `model`; with an empty one, the server's only one.

    Reports `phase` (`listing`, `probing`, `done`, `stopped`), `model` (empty where several are
    listed and none is chosen) and `models` (what the server lists, only where none was chosen).
    What probing finds is stored, and the model becomes the connection's if that names none.

    Raises:
        BadInput: there is no such connection, or its key is missing or refused.
        BackendFailed: the server does not answer, or lists no models where none is chosen.
    """
    db = context.db
    connection = get_connection(db, str(context.spec["base_url"]))
    model = str(context.spec.get("model", "")).strip()
    context.report({"phase": "listing", "model": model}, at_once=True)
    client = _Watched(open_client(connection.base_url, key=find_key(connection)), context)
    listed: tuple[str, ...] = ()
    try:
        if not model:
            listed = list_models(connection, client)
            model = listed[0] if len(listed) == 1 else ""
        if model:
            context.report({"phase": "probing", "model": model, "models": listed}, at_once=True)
            capabilities = probe(connection, model, client)
            save_capabilities(db, connection.base_url, model, capabilities.to_dict())
            stored = find_connection(db, connection.base_url)
            if stored is not None and not stored.model:
                save_connection(db, replace(stored, model=model))
    except _Stopped:
        context.report({"phase": "stopped", "model": model}, at_once=True)
        return
    progress = {"phase": "done", "model": model, "models": listed}
    context.report({**context.progress, **progress}, at_once=True)
