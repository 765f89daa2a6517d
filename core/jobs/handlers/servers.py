"""Server health: tests of connections, and the last contact with each server."""

from dataclasses import dataclass, replace
from typing import Literal

from core.domain.connections import checked_url
from core.jobs.context import JobContext
from core.jobs.lease import living
from core.jobs.queue import Job, State, get_job, state_of, submit
from core.jobs.registry import job
from core.jobs.tools import WorkerTools
from core.services.servers.served_models import ProbeProgress, probe_connection
from core.store.connections import find_connection, get_connection, save_connection
from core.store.database import Database


def start_connection_test(db: Database, base_url: str, model: str, *, token: str) -> Job:
    """Queue the test of a connection; call `core.jobs.launch.ensure_worker` afterwards.

    Args:
        db: the store.
        base_url: of the connection.
        model: to probe; empty has the server's listed, and its only one probed.
        token: a second call with the same one (a double click) is the same test.
    """
    spec = {"base_url": checked_url(base_url), "model": model.strip()}
    return submit(db, "probe", spec, token=token)


def latest_connection_test(db: Database, base_url: str) -> tuple[Job, State] | None:
    """The test of a connection that was queued last, and how it reads; None without any."""
    with db.read() as connection:
        row = connection.execute(
            "SELECT id FROM jobs WHERE kind = 'probe' AND json_extract(spec, '$.base_url') = ?"
            " ORDER BY queued_at DESC, rowid DESC LIMIT 1",
            (checked_url(base_url),),
        ).fetchone()
        if row is None:
            return None
        job, lease = get_job(db, row["id"]), living(db)
    return job, state_of(job, lease)


@dataclass(frozen=True, slots=True)
class _ProbeSpec:
    """The spec of a connection's test; `model` is empty where the server's are to be listed."""

    base_url: str
    model: str = ""


@job("probe", title="Connection test", activity="Testing a connection", progress=ProbeProgress)
def probe_job(context: JobContext, tools: WorkerTools) -> None:
    """Probe a model of a server, which becomes the connection's model if that names none.

    Raises:
        BadInput: there is no such connection, or its key is missing or refused.
        BackendFailed: the server does not answer, or lists no models where none is chosen.
    """
    db = context.db
    spec = context.job.spec_as(_ProbeSpec)
    connection = get_connection(db, spec.base_url)
    result = probe_connection(
        db, connection, spec.model.strip(), find_key=tools.find_key, progress=context
    )
    stored = find_connection(db, connection.base_url)  # it may be deleted meanwhile
    if result.model and stored is not None and not stored.model:
        save_connection(db, replace(stored, model=result.model))


By = Literal["test", "run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerContact:
    """One time that a server was asked.

    Args:
        by: a test of the connection, or a run.
        well: whether it answered.
        model: the one that was asked for; empty where the test only lists them.
        run: the run's name; empty for a test.
        at: seconds since 1970, UTC.
        why: what went wrong; empty where all was well.
    """

    by: By
    well: bool
    model: str
    run: str = ""
    at: float
    why: str = ""

    @property
    def summary(self) -> str:
        """In two words: `test passed`, `test failed`, `run answered` or `run failed`."""
        well = {"test": "passed", "run": "answered"}[self.by]
        return f"{self.by} {well if self.well else 'failed'}"


def last_contacts(db: Database) -> dict[str, ServerContact]:
    """The latest contact with each server that was ever asked, by its base URL.

    A run that is paused by its own spending limit, or stopped, says nothing about its server; one
    that failed does, and so does one that is paused after a request went wrong.
    """
    with db.read() as sql:
        rows = sql.execute(_CONTACTS).fetchall()
    # The latest of each server comes last.
    return {
        row["base_url"]: ServerContact(
            by=row["by"],
            well=bool(row["well"]),
            model=row["model"],
            run=row["run"],
            at=row["at"],
            why=row["why"],
        )
        for row in rows
    }


# Tests that found out what a model can do, and tests that ended; the last request of each run, if
# its end is known; and generations that failed or are paused, where that speaks of the server. At
# the same moment, the end of a run says more than its last request.
_CONTACTS = """
WITH served AS (
    SELECT id, name, json_extract(spec, '$.model.base_url') AS base_url,
        json_extract(spec, '$.model.model') AS model
    FROM runs WHERE json_extract(spec, '$.model.backend') = 'openai'
), latest AS (
    SELECT served.*, (
        SELECT number FROM attempts
        WHERE run_id = served.id AND outcome <> 'cancelled' ORDER BY number DESC LIMIT 1
    ) AS number FROM served
)
SELECT 1 AS rank, base_url, 'test' AS by, 1 AS well, model, '' AS run, created_at AS at, '' AS why
FROM capabilities
UNION ALL
SELECT 2, json_extract(spec, '$.base_url'), 'test', state = 'done',
    coalesce(json_extract(spec, '$.model'), ''), '', finished_at, message
FROM jobs WHERE kind = 'probe' AND state IN ('done', 'failed')
UNION ALL
SELECT 3, base_url, 'run', outcome = 'ok', model, name, at,
    CASE outcome WHEN 'ok' THEN '' ELSE message END
FROM latest JOIN attempts USING (number)
UNION ALL
SELECT 4, base_url, 'run', 0, model, name, jobs.finished_at, jobs.message
FROM latest LEFT JOIN attempts USING (number) JOIN jobs ON jobs.run_id = latest.id
WHERE jobs.kind = 'generate' AND jobs.finished_at IS NOT NULL
    AND (jobs.state = 'failed' OR jobs.state = 'paused' AND attempts.outcome <> 'ok')
ORDER BY at, rank
"""
