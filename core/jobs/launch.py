"""Starting the worker process, detached, so that it outlives the page that wanted it."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from core.domain.settings import Home
from core.jobs.lease import living
from core.store.database import Database

SPAWN_SECONDS = 5.0
MAX_LOG_BYTES = 5_000_000
COMMAND = (sys.executable, "-m", "core", "worker")

Spawn = Callable[[Home], None]


def ensure_worker(home: Home, db: Database, *, spawn: Spawn | None = None) -> bool:
    """Start a worker if none lives; takes milliseconds and waits for nothing.

    Call it after every submit or resume, and while a shown job is queued: a worker that was killed
    keeps its lease for up to 10 s, and only after that this starts another.

    Args:
        home: the home folder, passed on as WIDESET_HOME.
        db: its store.
        spawn: starts the process; by default `spawn_worker`.

    Returns:
        Whether one was started. Several callers at once start one; a worker that finds another
        one living ends at once.
    """
    if living(db) is not None:
        return False
    now = db.now()
    with db.write() as connection:
        if living(db) is not None:
            return False
        # The mark bridges the time that a process needs from its start to its lease.
        mine = connection.execute(
            "UPDATE lease SET spawned_at = ?"
            " WHERE spawned_at IS NULL OR spawned_at NOT BETWEEN ? AND ?",
            (now, now - SPAWN_SECONDS, now),
        ).rowcount
    if mine:
        (spawn or spawn_worker)(home)
    return bool(mine)


def spawn_worker(home: Home, *, command: Sequence[str] = COMMAND) -> None:
    """Start the worker process in a session of its own, its output going to `home.worker_log`."""
    log = home.worker_log
    if log.exists() and log.stat().st_size > MAX_LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
    with log.open("ab") as output:
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=Path(__file__).parent.parent.parent,
            env={**os.environ, "WIDESET_HOME": str(home.folder)},
            start_new_session=True,
        )
