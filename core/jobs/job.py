"""Job: a piece of work for the worker, and how it reads.

A job is queued -> running -> done, failed, paused or cancelled. Nobody writes "interrupted": it is
what a running job reads as once its worker's lease ran out.
"""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from core.jobs.lease import Lease

StoredState = Literal["queued", "running", "done", "failed", "paused", "cancelled"]
State = Literal["queued", "running", "done", "failed", "paused", "cancelled", "interrupted"]

LIVE: tuple[State, ...] = ("queued", "running")
RESUMABLE: tuple[State, ...] = ("interrupted", "paused", "cancelled", "failed")


@dataclass(frozen=True, slots=True)
class Job:
    """A job as stored; ask `state_of` how it reads.

    Args:
        id: made by us, only a-z and 0-9.
        kind: which handler runs it.
        run_id: the run it works on, if any.
        spec: what the handler needs to know (JSON-ready).
        token: what made its submission idempotent, if anything.
        state: as stored.
        progress: what the handler last reported (JSON-ready).
        message: what happened, for people; empty while all is well.
        remedy: what to do about it; may be empty.
        cancel_requested: somebody pressed Stop.
        owner: the worker that runs it or ran it last.
        created_at: seconds since 1970, UTC, as all of these.
        queued_at: when it was last submitted or resumed.
        started_at: when it was last claimed.
        finished_at: when it last came to rest.
        heartbeat: when its worker last reported.
    """

    id: str
    kind: str
    run_id: str | None
    spec: Mapping[str, Any]
    token: str | None
    state: StoredState
    progress: Mapping[str, Any]
    message: str
    remedy: str
    cancel_requested: bool
    owner: str | None
    created_at: float
    queued_at: float
    started_at: float | None
    finished_at: float | None
    heartbeat: float | None


def state_of(job: Job, lease: Lease | None, now: float) -> State:
    """How a job reads: a running one without a living worker of its own is interrupted.

    Args:
        job: the job.
        lease: from `core.jobs.lease.living`.
        now: seconds since 1970, UTC.
    """
    if job.state != "running":
        return job.state
    alive = lease is not None and lease.owner == job.owner and lease.until > now
    return "running" if alive else "interrupted"


def job_from_row(row: sqlite3.Row) -> Job:
    """A job out of its row in the table `jobs`."""
    values = dict(row)
    values["spec"] = json.loads(values["spec"])
    values["progress"] = json.loads(values["progress"])
    values["cancel_requested"] = bool(values["cancel_requested"])
    return Job(**values)
