"""Running one claimed job: whatever its handler does, the job comes to rest in the store."""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from core.domain.errors import Pausing, StoreBusy, StoreFull, StoreUnusable, WidesetError
from core.domain.progress import JobProgress
from core.domain.settings import Home
from core.jobs import claims
from core.jobs.context import Handler, JobContext
from core.jobs.lease import BEAT_SECONDS, LEASE_SECONDS, Heartbeat, new_owner, release, renew, take
from core.jobs.questions import Answerer, answer_all
from core.jobs.queue import Job, get_job
from core.jobs.registry import JobHandlers
from core.models.devices import give_memory_back
from core.services.progress import Stopped
from core.store.database import Clock, Database, open_database

SETTLE_ATTEMPTS = 60
SETTLE_SECONDS = 1.0

log = logging.getLogger("wideset.worker")


def execute(
    context: JobContext,
    handlers: Mapping[str, Handler],
    *,
    log_file: Path,
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Run a claimed job and store how it ended.

    A full or locked store pauses it, and so does `Pausing`; any other WidesetError fails it, with
    its sentences; any other exception fails it in plain words, with the traceback in the log only.
    If it was asked to stop it is cancelled, if the worker was told to end it is paused, else it is
    done.

    Args:
        context: the job.
        handlers: by kind of job.
        log_file: where people find the details of an error.
        sleep: waits so many seconds, between attempts to store the end.

    Returns:
        False if the end could not be stored within a minute: the caller gives up the lease, which
        makes the job read as interrupted.
    """
    job = context.job
    log.info("Job %s (%s) begins", job.id, job.kind)
    problem: WidesetError | None = None
    try:
        handler = handlers.get(job.kind)
        if handler is None:
            raise WidesetError(f"This version can't run jobs of the kind '{job.kind}'.")
        with suppress(Stopped):
            handler(context)
        context.report_end()
    except WidesetError as error:
        problem = error
    except Exception:
        log.exception("Job %s failed", job.id)
        problem = WidesetError(
            "The job stopped because of an error in Wideset.",
            f"What it made so far is kept; {log_file} has the details.",
        )
    log.info("Job %s ends: %s", job.id, problem or context.stop_reason or "done")
    for attempt in range(SETTLE_ATTEMPTS):
        if context.lost.is_set() or context.stop_reason == "lost":
            return True  # not ours to change any more
        if attempt:
            sleep(SETTLE_SECONDS)
        try:
            _bring_to_rest(context, problem)
            return True
        except (StoreBusy, StoreFull) as error:
            log.warning("The end of job %s is not stored yet: %s", job.id, error)
    return False


def _bring_to_rest(context: JobContext, problem: WidesetError | None) -> None:
    state: claims.EndState = "done"
    if problem is not None:
        state = "paused" if isinstance(problem, StoreFull | StoreBusy | Pausing) else "failed"
    elif context.stop_reason == "cancel":
        state = "cancelled"
    elif context.stop_reason == "shutdown":
        state = "paused"
        problem = WidesetError("The worker was told to end.", "Resume goes on where it stopped.")
    claims.settle(
        context.db, context.job.id, context.owner, state, problem, progress=context.progress
    )


IDLE_SECONDS = 1800.0
POLL_SECONDS = 0.05
RETRY_SECONDS = 1.0


class WorkerBusy(WidesetError):
    """Another process is the worker."""


class Worker:
    """Runs jobs in this process, while it holds the lease.

    Args:
        home: where the store lies.
        handlers: who runs which kind of job.
        clock: the store's clock.
        idle_seconds: `run_forever` ends after so long with nothing to do.
        answerers: who answers which kind of question, also while no job runs.
        lease_seconds: how long the lease holds after a sign of life.
        beat_seconds: seconds between two signs of life.
        sleep: waits so many seconds, between attempts to store a job's end.
    """

    def __init__(
        self,
        home: Home,
        handlers: Mapping[str, Handler],
        clock: Clock = time.time,
        idle_seconds: float = IDLE_SECONDS,
        *,
        answerers: Mapping[str, Answerer] | None = None,
        lease_seconds: float = LEASE_SECONDS,
        beat_seconds: float = BEAT_SECONDS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        # Nine parameters: clock, sleep and limits are handed in for tests.
        self._home = home
        self._handlers = handlers
        self._clock = clock
        self._idle_seconds = idle_seconds
        self._answerers = dict(answerers or {})
        self._lease_seconds = lease_seconds
        self._beat_seconds = beat_seconds
        self._sleep = sleep
        self._shutdown = threading.Event()

    def stop(self) -> None:
        """Ask the worker to end; its job is paused and can be resumed. As SIGTERM does."""
        self._shutdown.set()

    def run_forever(self) -> bool:
        """Run what is queued until told to end, idle for too long, or robbed of the lease.

        Returns:
            False if another worker was there first, and nothing was done.

        Raises:
            HomeUnusable, StoreUnusable: there is no store to work on.
        """
        with self._leased() as held:
            if held is not None:
                self._loop(*held)
        return held is not None

    def run_job(self, job_id: str, *, listen: Callable[[JobProgress], None] | None = None) -> Job:
        """Run one queued job in this process, for the command line.

        SIGINT and SIGTERM pause the job; the second one ends the process.

        Args:
            job_id: the job.
            listen: called with each report.

        Returns:
            The job as it came to rest, or as it is if somebody else took it.

        Raises:
            WorkerBusy: another process is the worker; it will run the job.
            BadInput: there is no such job.
        """
        with self._leased() as held:
            if held is None:
                raise WorkerBusy(
                    "Another process is working on this home folder.",
                    "It will run the job; follow it there.",
                )
            db, owner, lost = held
            job = claims.claim(db, owner, job_id=job_id)
            if job is not None:
                self._run(db, job, owner, lost, listen)
            return get_job(db, job_id)

    def _loop(self, db: Database, owner: str, lost: threading.Event) -> None:
        seen: int | None = None
        idle_since = time.monotonic()
        while not self._shutdown.is_set() and not lost.is_set():
            try:
                version = db.data_version()
                if version != seen:
                    if answer_all(db, self._answerers):
                        idle_since = time.monotonic()
                    job = claims.claim(db, owner)
                    if job is not None:
                        if not self._run(db, job, owner, lost, None):
                            return
                        renew(db, owner, note="idle", seconds=self._lease_seconds)
                        seen, idle_since = None, time.monotonic()
                        continue
                    seen = version
                if time.monotonic() - idle_since >= self._idle_seconds:
                    if release(db, owner, only_if_idle=True):
                        return
                    seen = None
            except (StoreBusy, StoreFull) as error:
                log.warning("%s", error)
                self._shutdown.wait(RETRY_SECONDS)
            self._shutdown.wait(POLL_SECONDS)

    def _run(
        self,
        db: Database,
        job: Job,
        owner: str,
        lost: threading.Event,
        listen: Callable[[JobProgress], None] | None,
    ) -> bool:
        """Run a claimed job to rest; False if its end could not be stored."""
        context = JobContext(
            db,
            job,
            owner,
            shutdown=self._shutdown,
            lost=lost,
            answerers=self._answerers,
            listen=listen,
        )
        try:
            return execute(
                context, self._handlers, log_file=self._home.worker_log, sleep=self._sleep
            )
        finally:
            give_memory_back()

    @contextmanager
    def _leased(self) -> Iterator[tuple[Database, str, threading.Event] | None]:
        """Be the worker: the store, the owner's name and the event of a lost lease."""
        db = open_database(self._home, clock=self._clock)
        try:
            owner = new_owner(db)
            if not take(db, owner, os.getpid(), seconds=self._lease_seconds):
                log.info("Another worker lives")
                yield None
                return
            log.info("Worker %s begins", owner)
            beat = Heartbeat(db, owner, seconds=self._lease_seconds, every=self._beat_seconds)
            try:
                with self._signals(), beat:
                    yield db, owner, beat.lost
            finally:
                self._let_go(db, owner)
                log.info("Worker %s ends", owner)
        finally:
            db.close()

    @contextmanager
    def _signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield  # Python delivers signals to the main thread only
            return
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

        def ask_to_end(number: int, _: FrameType | None) -> None:
            self._shutdown.set()
            signal.signal(number, before[signal.Signals(number)])  # the second one is not asked

        for number in before:
            signal.signal(number, ask_to_end)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _let_go(self, db: Database, owner: str) -> None:
        try:
            release(db, owner)
        except (StoreBusy, StoreFull, StoreUnusable) as error:
            log.warning("The lease runs out by itself: %s", error)


def work(home: Home, *, idle_seconds: float = IDLE_SECONDS) -> bool:
    """Be the worker process of `python -m core worker`; its log goes to standard error.

    Returns:
        False if another worker was there first.

    Raises:
        HomeUnusable, StoreUnusable: there is no store to work on.
    """
    from core.diversity.map.warming import compile_in_background

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    jobs = JobHandlers(home)
    compile_in_background(home.models / "numba")
    worker = Worker(home, jobs.handlers(), idle_seconds=idle_seconds, answerers=jobs.answerers())
    return worker.run_forever()
