"""Tests of connections as jobs: queued once, and found again."""

from core.connections import checked_url
from core.jobs.job import Job, State, state_of
from core.jobs.lease import living
from core.jobs.queue import get_job, submit
from core.store.database import Database

USUAL_REQUESTS = 20
"""Requests that generate tokens, as a probe takes them about; for a progress bar."""


def start_test(db: Database, base_url: str, model: str, *, token: str) -> Job:
    """Queue the test of a connection; call `core.jobs.launch.ensure_worker` afterwards.

    Args:
        db: the store.
        base_url: of the connection.
        model: to probe; empty has the server's listed, and its only one probed.
        token: a second call with the same one (a double click) is the same test.
    """
    spec = {"base_url": checked_url(base_url), "model": model.strip()}
    return submit(db, "probe", spec, token=token)


def latest_test(db: Database, base_url: str) -> tuple[Job, State] | None:
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
    return job, state_of(job, lease, db.now())
