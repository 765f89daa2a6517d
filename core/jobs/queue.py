"""Job: a piece of work for the worker, and how it reads.

A job is queued -> running -> done, failed, paused or cancelled. Nobody writes "interrupted": it is
what a running job reads as once its worker's lease ran out.
"""

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

from core.domain.errors import BadInput
from core.domain.progress import JobProgress
from core.domain.runs import RunSpec
from core.domain.serialization import from_json, to_json
from core.domain.settings_key import settings_key, stored_form
from core.domain.spending import SpendingLimit
from core.jobs.lease import Lease, living
from core.services.refusals import check_run
from core.services.servers.cost_estimate import check_model_limit
from core.store.database import Database
from core.store.generation.runs import RunRecord, create_run, get_run, set_job
from core.store.records import new_id

StoredState = Literal["queued", "running", "done", "failed", "paused", "cancelled"]
State = Literal["queued", "running", "done", "failed", "paused", "cancelled", "interrupted"]

S = TypeVar("S")
P = TypeVar("P", bound=JobProgress)

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
        last_report: what the handler last reported (JSON), see `progress_as`; {} before that.
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
    spec: Mapping[str, object]
    token: str | None
    state: StoredState
    last_report: Mapping[str, object]
    message: str
    remedy: str
    cancel_requested: bool
    owner: str | None
    created_at: float
    queued_at: float
    started_at: float | None
    finished_at: float | None
    heartbeat: float | None

    def spec_as(self, kind: type[S]) -> S:
        """The spec, as the handlers of such a job read it."""
        return from_json(kind, self.spec)

    def progress_as(self, kind: type[P]) -> P:
        """The last report, as the work of such a job reports it."""
        return from_json(kind, self.last_report)

    @property
    def progress(self) -> JobProgress:
        """What the reports of all kinds of jobs have."""
        return self.progress_as(JobProgress)

    @property
    def cap(self) -> SpendingLimit:
        """What it may spend over its whole life; limits nothing where none was set."""
        return from_json(SpendingLimit, self.spec.get("cap") or {})


@dataclass(frozen=True, slots=True)
class Work:
    """A job and how it reads."""

    job: Job
    state: State


def state_of(job: Job, lease: Lease | None) -> State:
    """How a job reads: a running one without a living worker of its own is interrupted.

    Args:
        job: the job.
        lease: from `core.jobs.lease.living`.
    """
    if job.state != "running":
        return job.state
    alive = lease is not None and lease.owner == job.owner
    return "running" if alive else "interrupted"


def job_from_row(row: sqlite3.Row) -> Job:
    """A job out of its row in the table `jobs`."""
    values = dict(row)
    values["spec"] = json.loads(values["spec"])
    values["last_report"] = json.loads(values.pop("progress"))
    values["cancel_requested"] = bool(values["cancel_requested"])
    return Job(**values)


def status(db: Database, job_id: str) -> tuple[Job, State]:
    """A job and how it reads at this moment, from one view of the store.

    Raises:
        BadInput: there is no such job.
    """
    with db.read():
        job, lease = get_job(db, job_id), living(db)
    return job, state_of(job, lease)


def states_of_runs(db: Database) -> dict[str, State]:
    """How each run's latest job reads, by run id; a run without a job is missing."""
    with db.read() as connection:
        rows = connection.execute(
            "SELECT * FROM jobs WHERE run_id IS NOT NULL ORDER BY rowid"
        ).fetchall()
        lease = living(db)
    return {row["run_id"]: state_of(job_from_row(row), lease) for row in rows}


def submit(
    db: Database,
    kind: str,
    spec: Mapping[str, object],
    *,
    run_id: str | None = None,
    token: str | None = None,
) -> Job:
    """Queue a job; call `core.jobs.launch.ensure_worker` afterwards.

    Args:
        db: the store.
        kind: which handler runs it.
        spec: what the handler needs (JSON-ready); {} where the run says it all.
        run_id: the run it works on.
        token: any text of the caller's; a second call with the same one (a double click) gives
            back the first call's job.

    Raises:
        sqlite3.IntegrityError: there is no such run.
    """
    now = db.now()
    with db.write() as connection:
        known = _by_token(connection, token)
        if known is not None:
            return known
        job_id = new_id(now)
        connection.execute(
            "INSERT INTO jobs (id, kind, run_id, spec, token, state, progress, message, remedy,"
            " cancel_requested, created_at, queued_at)"
            " VALUES (?, ?, ?, ?, ?, 'queued', '{}', '', '', 0, ?, ?)",
            (job_id, kind, run_id, json.dumps(dict(spec)), token, now, now),
        )
        return get_job(db, job_id)


def submit_once(
    db: Database,
    kind: str,
    spec: Mapping[str, object],
    version: object,
    *,
    run_id: str | None = None,
) -> Job:
    """The job of that kind, spec and version; queued where there is none.

    Args:
        db: the store.
        kind: which handler runs it.
        spec: as of `submit`, but its values may be settings with a `to_dict`: fields of theirs
            that have their defaults don't count when jobs are compared.
        version: which version of its data it is to work on, ready for JSON.
        run_id: see `submit`.
    """
    with db.write():
        known = find_submitted(db, kind, spec, version)
        if known is not None:
            return known
        token = _token_of(kind, spec, version)
        return submit(db, kind, stored_form(spec), run_id=run_id, token=token)


def once(db: Database, kind: str, spec: Mapping[str, object], version: object) -> Work:
    """As `submit_once`, with how the job reads."""
    job = submit_once(db, kind, spec, version)
    return Work(*status(db, job.id))


def find_submitted(
    db: Database, kind: str, spec: Mapping[str, object], version: object
) -> Job | None:
    """The job that `submit_once` queued for equal arguments; None if there is none."""
    tokens = (_token_of(kind, spec, version), *_earlier_tokens(kind, spec, version))
    with db.read() as connection:
        jobs = (_by_token(connection, token) for token in tokens)
        return next((job for job in jobs if job is not None), None)


def start_run(
    db: Database,
    spec: RunSpec,
    *,
    name: str = "",
    token: str | None = None,
    cap: SpendingLimit | None = None,
) -> tuple[RunRecord, Job]:
    """Make a run and queue its generation in one step; with a token, a double click is one run.

    Args:
        db: the store.
        spec: what is asked for.
        name: see `create_run`.
        token: see `submit`.
        cap: what it may spend; the job carries it as `cap` in its spec.

    Raises:
        BadInput: the cap can't be kept, or the run is known to fail.
    """
    check_run(db, spec)
    if cap is not None:
        check_model_limit(db, spec.model, cap)
    asked = {"cap": to_json(cap)} if cap is not None and cap.on else {}
    with db.write() as connection:
        known = _by_token(connection, token)
        if known is not None and known.run_id is not None:
            return get_run(db, known.run_id), known
        run = create_run(db, spec, name=name)
        job = submit(db, "generate", asked, run_id=run.id, token=token)
        set_job(db, run.id, job.id)
        return get_run(db, run.id), job


def get_job(db: Database, job_id: str) -> Job:
    """A job.

    Raises:
        BadInput: there is none of that id.
    """
    with db.read() as connection:
        row = connection.execute("SELECT * FROM jobs WHERE id = ?", (job_id,)).fetchone()
    if row is None:
        raise BadInput("There is no such job in this store.", "Choose a run from the list.")
    return job_from_row(row)


def job_of_run(db: Database, run_id: str) -> Job | None:
    """The latest job that works on a run."""
    with db.read() as connection:
        row = connection.execute(
            "SELECT * FROM jobs WHERE run_id = ? ORDER BY rowid DESC LIMIT 1",
            (run_id,),
        ).fetchone()
    return None if row is None else job_from_row(row)


def job_of_token(db: Database, token: str) -> Job | None:
    """The job that was submitted with a token."""
    with db.read() as connection:
        return _by_token(connection, token)


def list_jobs(db: Database, *, state: StoredState | None = None, limit: int = 100) -> list[Job]:
    """Jobs, the newest first; of one stored state if asked for."""
    with db.read() as connection:
        rows = connection.execute(
            "SELECT * FROM jobs WHERE ? IS NULL OR state = ? ORDER BY rowid DESC LIMIT ?",
            (state, state, limit),
        ).fetchall()
    return [job_from_row(row) for row in rows]


def request_cancel(db: Database, job_id: str) -> Job:
    """Stop a job: a running one within one request, one that nobody runs at once.

    Raises:
        BadInput: there is no such job.
    """
    with db.write() as connection:
        job, state = status(db, job_id)
        if state == "running":
            connection.execute("UPDATE jobs SET cancel_requested = 1 WHERE id = ?", (job_id,))
        elif state in ("queued", "interrupted", "paused"):
            connection.execute(
                "UPDATE jobs SET state = 'cancelled', message = '', remedy = '', finished_at = ?"
                " WHERE id = ?",
                (db.now(), job_id),
            )
        else:
            return job
        return get_job(db, job_id)


def resume(db: Database, job_id: str, *, cap: SpendingLimit | None = None) -> Job:
    """Queue a job again that was interrupted, paused, cancelled or failed.

    A job that is queued or running already is given back as it is (a double click).

    Args:
        db: the store.
        job_id: the job.
        cap: takes the place of its cap, `Cap()` lifts it; None leaves it as it is. Either counts
            what was spent before.

    Raises:
        BadInput: it is done, there is no such job, or the cap can't be kept.
    """
    with db.write() as connection:
        job, state = status(db, job_id)
        if state == "done":
            raise BadInput("This job is done; there is nothing to resume.", "Start another.")
        if state not in RESUMABLE:
            return job
        if cap is not None:
            if job.run_id is not None:
                check_model_limit(db, get_run(db, job.run_id).spec.model, cap)
            asked = {key: value for key, value in job.spec.items() if key != "cap"}
            if cap.on:
                asked["cap"] = to_json(cap)
            connection.execute("UPDATE jobs SET spec = ? WHERE id = ?", (json.dumps(asked), job_id))
        connection.execute(
            "UPDATE jobs SET state = 'queued', owner = NULL, cancel_requested = 0, message = '',"
            " remedy = '', finished_at = NULL, queued_at = ? WHERE id = ?",
            (db.now(), job_id),
        )
        return get_job(db, job_id)


def _by_token(connection: sqlite3.Connection, token: str | None) -> Job | None:
    if token is None:
        return None
    row = connection.execute("SELECT * FROM jobs WHERE token = ?", (token,)).fetchone()
    return None if row is None else job_from_row(row)


def _token_of(kind: str, spec: Mapping[str, object], version: object) -> str:
    return f"{kind} {settings_key([kind, spec, version])}"


def _earlier_tokens(kind: str, spec: Mapping[str, object], version: object) -> list[str]:
    """Tokens up to version 6 of the store, from JSON text; the version in them is stored nowhere
    else, so that no migration could replace them."""
    stored = stored_form(spec)
    texts = [
        json.dumps(parts, sort_keys=True) for parts in ([kind, stored, version], [stored, version])
    ]
    return [f"{kind} {hashlib.sha256(text.encode()).hexdigest()[:24]}" for text in texts]
