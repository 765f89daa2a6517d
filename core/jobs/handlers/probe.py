"""The job that tests a connection; its spec: `{"base_url": ..., "model": name or ""}`."""

from dataclasses import replace

from core.jobs.context import JobContext
from core.jobs.registry import job
from core.jobs.tools import WorkerTools
from core.services.servers.probe import ProbeProgress, probe_connection
from core.store.connections import find_connection, get_connection, save_connection


@job("probe", title="Connection test", activity="Testing a connection", progress=ProbeProgress)
def probe_job(context: JobContext, tools: WorkerTools) -> None:
    """Probe a model of a server, which becomes the connection's model if that names none.

    Raises:
        BadInput: there is no such connection, or its key is missing or refused.
        BackendFailed: the server does not answer, or lists no models where none is chosen.
    """
    db = context.db
    connection = get_connection(db, str(context.spec["base_url"]))
    model = str(context.spec.get("model", "")).strip()
    result = probe_connection(db, connection, model, find_key=tools.find_key, progress=context)
    stored = find_connection(db, connection.base_url)  # it may be deleted meanwhile
    if result.model and stored is not None and not stored.model:
        save_connection(db, replace(stored, model=result.model))
