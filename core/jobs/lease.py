"""The lease: which process is the worker. It runs out by itself when that process dies.

A worker that can't renew it in time, because the store is locked or the machine busy, is not dead:
while it lives it also locks a file, which the system unlocks when the process ends, however it
ends. So a lease that ran out is respected for another minute while its file is locked.
"""

import logging
import os
import threading
from dataclasses import dataclass

from filelock import FileLock, Timeout

from core.domain.errors import WidesetError
from core.store.database import Database
from core.store.records import new_id

LEASE_SECONDS = 10.0
BEAT_SECONDS = 2.0
GRACE_SECONDS = 60.0
"""How long a living process may fail to renew its lease before it loses it."""
LONGEST_SECONDS = 600.0
"""No lease is given for longer: one with more left was given when the clock was ahead."""

log = logging.getLogger("wideset.lease")


@dataclass(frozen=True, slots=True)
class Lease:
    """A worker's claim to be the only one.

    Args:
        owner: unique for each worker that ever ran.
        pid: its process.
        until: when it runs out unless renewed, in seconds since 1970, UTC.
        started_at: when the worker took it.
        note: what the worker does, `idle` or `busy <job id>`.
    """

    owner: str
    pid: int
    until: float
    started_at: float
    note: str


def new_owner(db: Database) -> str:
    """A name for this worker that no other one ever has."""
    return f"{os.getpid()}-{new_id(db.now())}"


class ProcessLock:
    """The file beside the store that the worker keeps locked while its process lives.

    Where the file system has no locks, it is never held: then the lease alone counts.
    """

    def __init__(self, db: Database) -> None:
        path = db.path.with_name("worker.lock")
        self._file = FileLock(path, thread_local=False, fallback_to_soft=False)

    def hold(self) -> bool:
        """Lock the file unless it is locked; whether this process holds it now."""
        try:
            if not self._file.is_locked:
                self._file.acquire(blocking=False)
            return True
        except (Timeout, OSError, NotImplementedError):
            return False

    def release(self) -> None:
        """Unlock it if this process holds it."""
        self._file.release()

    def held_by_another(self) -> bool:
        """Whether another process, or another lock of this one, holds the file."""
        try:
            with self._file.acquire(blocking=False):
                return False
        except Timeout:
            return True
        except (OSError, NotImplementedError):
            return False


def take(db: Database, owner: str, pid: int, *, seconds: float = LEASE_SECONDS) -> bool:
    """Become the worker, if there is none or its lease ran out. Of two at once one wins.

    Args:
        db: the store.
        owner: from `new_owner`.
        pid: the worker's process.
        seconds: how long the lease holds.
    """
    now = db.now()
    with db.write() as connection:
        lease = living(db)
        if lease is not None and lease.owner != owner:
            return False
        connection.execute(
            "UPDATE lease SET owner = ?, pid = ?, until = ?, started_at = ?, note = 'idle'",
            (owner, pid, now + seconds, now),
        )
    return True


def renew(
    db: Database, owner: str, *, note: str | None = None, seconds: float = LEASE_SECONDS
) -> bool:
    """Hold the lease for `seconds` from now on; False if it is another's now, or nobody's."""
    with db.write() as connection:
        return bool(
            connection.execute(
                "UPDATE lease SET until = ?, note = coalesce(?, note) WHERE owner = ?",
                (db.now() + seconds, note, owner),
            ).rowcount
        )


def release(db: Database, owner: str, *, only_if_idle: bool = False) -> bool:
    """Give the lease back.

    Args:
        db: the store.
        owner: who holds it.
        only_if_idle: keep it if a job is queued. The check and the release are one step, so a job
            submitted before `ensure_worker` is called always finds a worker.

    Returns:
        Whether it was released.
    """
    with db.write() as connection:
        if (
            only_if_idle
            and connection.execute("SELECT 1 FROM jobs WHERE state = 'queued' LIMIT 1").fetchone()
        ):
            return False
        return bool(
            connection.execute(
                "UPDATE lease SET owner = NULL, pid = NULL, until = NULL, started_at = NULL,"
                " note = '', spawned_at = NULL WHERE owner = ?",
                (owner,),
            ).rowcount
        )


def living(db: Database) -> Lease | None:
    """The lease of a living worker, if any."""
    with db.read() as connection:
        row = connection.execute(
            "SELECT owner, pid, until, started_at, note FROM lease WHERE owner IS NOT NULL"
        ).fetchone()
    if row is None:
        return None
    lease = Lease(**dict(row))
    left = lease.until - db.now()
    if 0 < left <= LONGEST_SECONDS:
        return lease
    if left > -GRACE_SECONDS and ProcessLock(db).held_by_another():
        return lease
    return None


class Heartbeat:
    """A thread that renews the lease, by a connection of its own, and holds the `ProcessLock`.

    Args:
        db: the store.
        owner: the holder of the lease.
        seconds: how long each renewal holds.
        every: seconds between two renewals.

    `lost` is set as soon as the lease is found to be another's; the worker must stop then.
    """

    def __init__(
        self,
        db: Database,
        owner: str,
        *,
        seconds: float = LEASE_SECONDS,
        every: float = BEAT_SECONDS,
    ) -> None:
        self.lost = threading.Event()
        self._db = db
        self._owner = owner
        self._seconds = seconds
        self._every = every
        self._end = threading.Event()
        self._lock = ProcessLock(db)
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> "Heartbeat":
        self._lock.hold()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
        self._lock.release()

    def _beat(self) -> None:
        try:
            while not self._end.wait(self._every):
                self._lock.hold()  # it may have been another's, who ends
                try:
                    if not renew(self._db, self._owner, seconds=self._seconds):
                        self.lost.set()
                        return
                except WidesetError as error:
                    # Full or locked: the next beat may succeed, and if not the lease runs out.
                    log.warning("The lease was not renewed: %s", error)
        finally:
            self._db.close()
