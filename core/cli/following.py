"""Seeing a job through: by the worker that lives, else by one of this process's own."""

import logging
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from core.cli.progress import ProgressLine
from core.domain.settings import Home
from core.jobs.context import Handler
from core.jobs.lease import living
from core.jobs.queue import Job, State, request_cancel, resume, status
from core.jobs.registry import Desk
from core.jobs.worker import Worker, WorkerBusy
from core.store.database import Database

POLL_SECONDS = 0.1


def see_through(
    home: Home,
    db: Database,
    job_id: str,
    *,
    handlers: Mapping[str, Handler] | None,
    progress: ProgressLine,
) -> tuple[Job, State]:
    """Wait until a job comes to rest, showing its progress.

    The first Ctrl-C (or SIGTERM) asks the job to stop and waits for that; the second one leaves
    at once. What arrived is in the store either way. A job whose worker died is taken over.

    Returns:
        The job and how it reads: done, failed, paused, cancelled or interrupted.

    Raises:
        KeyboardInterrupt: on the second Ctrl-C.
        WidesetError: this process could not work on it.
    """
    own: _OwnWorker | None = None
    stopping = taken_over = False
    with _logged(home), _sigterm_as_interrupt(), progress:
        while True:
            try:
                job, state = status(db, job_id)
                idle = own is None or own.over
                lease = living(db)
                if state == "queued" and idle and lease is None:
                    own = _OwnWorker(home, job_id, handlers)
                elif state == "interrupted" and own is None and not stopping and not taken_over:
                    # Once only: a job that kills its workers must not kill one after the other.
                    taken_over = True
                    progress.note("The worker that ran it is gone; it goes on here.")
                    resume(db, job_id)
                elif state not in ("queued", "running") and idle:
                    return job, state
                if own is not None:
                    own.check()
                if state == "running" and not stopping:
                    progress.show(job.progress)
                elif state == "queued" and lease and lease.note not in ("idle", f"busy {job_id}"):
                    progress.note("Waiting for the worker, which has another job.")
                time.sleep(POLL_SECONDS)
            except KeyboardInterrupt:
                if stopping:
                    raise
                stopping = True
                progress.note("Stopping; what arrived is kept. Ctrl-C again leaves at once.")
                request_cancel(db, job_id)


class _OwnWorker:
    """A thread that runs one job, so that this one can follow it and hear Ctrl-C."""

    def __init__(self, home: Home, job_id: str, handlers: Mapping[str, Handler] | None) -> None:
        self._home = home
        self._handlers = handlers
        self._job_id = job_id
        self._problem: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)
        self._thread.start()

    @property
    def over(self) -> bool:
        return not self._thread.is_alive()

    def check(self) -> None:
        """Raise what ended the thread, if anything did."""
        if self._problem is not None:
            raise self._problem

    def _run(self) -> None:
        try:
            if self._handlers is None:
                desk = Desk(self._home)
                worker = Worker(self._home, desk.handlers(), answerers=desk.answerers())
            else:
                worker = Worker(self._home, self._handlers)
            worker.run_job(self._job_id)
        except WorkerBusy:
            pass  # somebody else was quicker; we follow
        except Exception as error:
            self._problem = error


@contextmanager
def _logged(home: Home) -> Iterator[None]:
    """Let the worker's log go where the messages say it is, not onto the terminal."""
    handler = logging.FileHandler(home.worker_log, encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log = logging.getLogger("wideset")
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
        handler.close()


@contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # Python delivers signals to the main thread only
        return

    def interrupt(_: int, __: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
