"""What only the worker does to jobs: claim one, report on it, bring it to rest."""

import json
from typing import Literal

from core.domain.errors import WidesetError
from core.domain.progress import JobProgress
from core.domain.serialization import to_json
from core.jobs.queue import Job, get_job
from core.store.database import Database

EndState = Literal["done", "failed", "paused", "cancelled"]


def claim(db: Database, owner: str, *, job_id: str | None = None) -> Job | None:
    """Take the job that has been queued longest, or that one; None if there is none to take.

    Only the holder of a living lease gets one, and of two claimers one.

    Args:
        db: the store.
        owner: the claimer, as in the lease.
        job_id: take only this job.
    """
    with db.read() as connection:  # an idle worker looks often and must not lock for it
        if not connection.execute("SELECT 1 FROM jobs WHERE state = 'queued' LIMIT 1").fetchone():
            return None
    now = db.now()
    with db.write() as connection:
        row = connection.execute(
            "SELECT jobs.id FROM jobs, lease WHERE state = 'queued' AND (? IS NULL OR jobs.id = ?)"
            " AND lease.owner = ? AND lease.until > ? ORDER BY queued_at, jobs.rowid LIMIT 1",
            (job_id, job_id, owner, now),
        ).fetchone()
        if row is None:
            return None
        connection.execute(
            "UPDATE jobs SET state = 'running', owner = ?, started_at = ?, heartbeat = ?"
            " WHERE id = ?",
            (owner, now, now, row["id"]),
        )
        connection.execute("UPDATE lease SET note = ?", (f"busy {row['id']}",))
        return get_job(db, row["id"])


def report(db: Database, job_id: str, owner: str, progress: JobProgress) -> bool:
    """Store a running job's progress; False if it is no longer this owner's."""
    with db.write() as connection:
        return bool(
            connection.execute(
                "UPDATE jobs SET progress = ?, heartbeat = ?"
                " WHERE id = ? AND owner = ? AND state = 'running'",
                (json.dumps(to_json(progress)), db.now(), job_id, owner),
            ).rowcount
        )


def settle(
    db: Database,
    job_id: str,
    owner: str,
    state: EndState,
    error: WidesetError | None = None,
    *,
    progress: JobProgress | None = None,
) -> bool:
    """Bring a running job to rest; False if it is no longer this owner's.

    Args:
        db: the store.
        job_id: the job.
        owner: who ran it.
        state: how it ended; a paused one waits until somebody resumes it.
        error: why it failed or is paused.
        progress: its last report; None keeps the one that was stored.
    """
    what, remedy = ("", "") if error is None else (error.what, error.remedy)
    report = None if progress is None else json.dumps(to_json(progress))
    now = db.now()
    with db.write() as connection:
        return bool(
            connection.execute(
                "UPDATE jobs SET state = ?, message = ?, remedy = ?, cancel_requested = 0,"
                " progress = coalesce(?, progress), finished_at = ?, heartbeat = ?"
                " WHERE id = ? AND owner = ? AND state = 'running'",
                (state, what, remedy, report, now, now, job_id, owner),
            ).rowcount
        )
