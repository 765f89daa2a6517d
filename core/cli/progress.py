"""How far work is, on stderr, and waiting for a job of the worker's or of this process's own."""

import logging
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn, TextIO

from core.cli.app import Session
from core.cli.output import one_line
from core.domain.progress import JobProgress
from core.domain.settings import Home
from core.domain.wording import clock
from core.generation.progress import GenerationProgress
from core.jobs.lease import living
from core.jobs.queue import Job, State, request_cancel, resume, status
from core.jobs.registry import JobHandlers, job_progress
from core.jobs.worker import Worker, WorkerBusy
from core.services.progress import TrainingProgress

LINE_SECONDS = 10.0
BAR_CELLS = 24
POLL_SECONDS = 0.1


class ProgressLine:
    """One line that is drawn over itself on a terminal; elsewhere a line every ten seconds.

    Args:
        stream: where to.
        timer: monotonic seconds.
    """

    def __init__(self, stream: TextIO, *, timer: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._timer = timer
        self._terminal = stream.isatty()
        self._shown = ""
        self._next_line = 0.0
        self._last_note = ""
        self._warnings: set[str] = set()

    def __enter__(self) -> "ProgressLine":
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def show(self, progress: JobProgress) -> None:
        """Show how far a job is that generates a run; of others nothing."""
        if isinstance(progress, GenerationProgress):
            line = words_of(progress)
            self._update(line, f"{bar_of(progress)} {line}".strip(), log=progress.usable > 0)

    def note(self, line: str) -> None:
        """Print a line that stays; the same one again is left out."""
        if line == self._last_note:
            return
        self._last_note = line
        self.clear()
        print(line, file=self._stream, flush=True)

    def clear(self) -> None:
        """Take the line off the terminal."""
        if self._shown:
            self._stream.write("\r" + " " * len(self._shown) + "\r")
            self._stream.flush()
            self._shown = ""

    def _update(self, line: str, drawn: str | None = None, *, log: bool) -> None:
        """Draw on a terminal; elsewhere print now and then, if `log`."""
        if self._terminal:
            self._draw(line if drawn is None else drawn)
        elif log and (now := self._timer()) >= self._next_line:
            self._next_line = now + LINE_SECONDS
            print(line, file=self._stream, flush=True)

    def _draw(self, line: str) -> None:
        line = line[: shutil.get_terminal_size().columns - 1]
        if self._terminal and line != self._shown:
            self._stream.write("\r" + line.ljust(len(self._shown)))
            self._stream.flush()
            self._shown = line


_PHASES = {
    "loading": "Loading the encoder",
    "measuring": "Measuring",
    "checking": "Checking the texts",
    "training": "Training the oracle",
    "learning": "Learning from the judged texts",
}


class WorkProgress(ProgressLine):
    """How far a service is that runs in this process; its `core.services.progress.Progress`."""

    def __enter__(self) -> "WorkProgress":
        return self

    def report(self, progress: JobProgress, *, at_once: bool = False) -> None:
        """Show how far it is: embedding now and then, other phases on a terminal only."""
        if progress.phase == "embedding":
            line = f"Embedding: {progress.done:,} of {progress.total:,} texts"
            if progress.seconds_left:
                line += f", {clock(progress.seconds_left)} left"
            self._update(line, log=progress.seconds_left is not None)
        elif isinstance(progress, TrainingProgress) and progress.seed is not None:
            self._update(_repeat_words(progress), log=progress.phase == "testing")
        elif progress.phase in _PHASES:
            self._draw(_PHASES[progress.phase])
        if isinstance(progress, TrainingProgress):
            for warning in progress.warnings:
                if warning not in self._warnings:
                    self._warnings.add(warning)
                    self.note(one_line(warning))

    def checkpoint(self) -> None:
        """Go on: Ctrl-C ends the process."""


def _repeat_words(progress: TrainingProgress) -> str:
    repeat = f"Repeat {progress.seeds_done + 1} of {progress.seeds}"
    if progress.epoch is None:
        return repeat
    parts = [f"{repeat}: epoch {progress.epoch}"]
    if progress.loss is not None:
        parts.append(f"loss {progress.loss:.3f}")
    if progress.accuracy is not None:
        parts.append(f"validation accuracy {progress.accuracy:.3f}")
    if progress.seconds_left is not None:
        parts.append(f"at most {clock(progress.seconds_left)} left")
    return ", ".join(parts)


def words_of(progress: GenerationProgress) -> str:
    """Progress in words: texts, texts/s, tokens/s and time left."""
    if progress.phase == "loading":
        return "loading the model"
    if not progress.target:
        return ""
    parts = [f"{progress.usable} of {progress.target} texts"]
    if progress.texts_per_second:
        parts.append(f"{progress.texts_per_second:.1f} texts/s")
    if progress.tokens_per_second:
        parts.append(f"{progress.tokens_per_second:.0f} tokens/s")
    if progress.seconds_left is not None and progress.phase != "done":
        parts.append(f"{clock(progress.seconds_left)} left")
    return ", ".join(parts)


def bar_of(progress: GenerationProgress) -> str:
    """The share of texts done as a bar of 24 cells; empty while the target is unknown."""
    if not progress.target:
        return ""
    filled = min(BAR_CELLS, BAR_CELLS * progress.usable // progress.target)
    return "[" + "#" * filled + "-" * (BAR_CELLS - filled) + "]"


def wait_for_job(session: Session, job_id: str, progress: ProgressLine) -> tuple[Job, State]:
    """Wait until a job ends, showing its progress; run it here if no worker lives.

    The first Ctrl-C (or SIGTERM) asks the job to stop and waits for that; the second one leaves
    at once. What arrived is in the store either way. A job whose worker died is taken over.

    Returns:
        The job and its state: done, failed, paused, cancelled or interrupted.

    Raises:
        KeyboardInterrupt: on the second Ctrl-C.
        WidesetError: this process could not work on it.
    """
    db = session.db
    own: _OwnWorker | None = None
    stopping = taken_over = False
    with _log_to_file(session.home), _sigterm_as_interrupt(), progress:
        while True:
            try:
                job, state = status(db, job_id)
                idle = own is None or own.over
                lease = living(db)
                if state == "queued" and idle and lease is None:
                    own = _OwnWorker(session, job_id)
                elif state == "interrupted" and own is None and not stopping and not taken_over:
                    # Once only: a job that kills its workers must not kill one after the other.
                    taken_over = True
                    progress.note("The worker that ran it is gone; it continues here.")
                    resume(db, job_id)
                elif state not in ("queued", "running") and idle:
                    return job, state
                if own is not None:
                    own.check()
                if state == "running" and not stopping:
                    progress.show(job_progress(job))
                elif state == "queued" and lease and lease.note not in ("idle", f"busy {job_id}"):
                    progress.note("Waiting for the worker, which is running another job.")
                time.sleep(POLL_SECONDS)
            except KeyboardInterrupt:
                if stopping:
                    raise
                stopping = True
                progress.note("Stopping; what arrived is kept. Ctrl-C again leaves at once.")
                request_cancel(db, job_id)


class _OwnWorker:
    """A thread that runs one job, so that the main thread can follow it and hear Ctrl-C."""

    def __init__(self, session: Session, job_id: str) -> None:
        self._session = session
        self._job_id = job_id
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)
        self._thread.start()

    @property
    def over(self) -> bool:
        return not self._thread.is_alive()

    def check(self) -> None:
        """Raise what ended the thread, if anything did."""
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            home, handlers = self._session.home, self._session.handlers
            if handlers is None:
                jobs = JobHandlers(home)
                worker = Worker(home, jobs.handlers(), answerers=jobs.answerers())
            else:
                worker = Worker(home, handlers)
            worker.run_job(self._job_id)
        except WorkerBusy:
            pass  # another worker was quicker; its progress is followed
        except Exception as error:
            self._error = error


class _LogFile(logging.FileHandler):
    """A log that does without the lines it can't write, as on a full disk."""

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError):  # it is opened here
            super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Print no traceback over what the command says."""

    def close(self) -> None:
        with suppress(OSError):
            super().close()


@contextmanager
def _log_to_file(home: Home) -> Iterator[None]:
    """Let the worker's log go where the messages say it is, not onto the terminal."""
    handler = _LogFile(home.worker_log, encoding="utf-8", delay=True)
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
