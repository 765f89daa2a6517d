"""What a handler sees of the job that it runs."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from threading import Event
from typing import Literal

from core.domain.errors import StoreBusy, StoreFull
from core.domain.progress import JobProgress
from core.jobs import claims
from core.jobs.questions import Answerer, answer_all
from core.jobs.queue import Job
from core.services.progress import Stopped
from core.store.database import Database

STOP_SECONDS = 0.2
QUESTION_SECONDS = 0.02
REPORT_SECONDS = 0.25

StopReason = Literal["cancel", "shutdown", "lost"]
Handler = Callable[["JobContext"], None]

log = logging.getLogger("wideset.worker")


class JobContext:
    """The worker's side of one job, which services see as their `Progress`.

    Used by the handler's thread only.

    Args:
        db: the store.
        job: the job, claimed by `owner`.
        owner: the worker.
        shutdown: set when the worker has been told to end.
        lost: set when the lease is another's.
        answerers: who answers which kind of question while the job runs; a handler may add to it.
        listen: called with every report, for a command line that shows progress.
        timer: monotonic seconds.

    Attributes:
        progress: the last report; None before the first.
        stop_reason: why it is to end; None while it is not.
    """

    def __init__(
        self,
        db: Database,
        job: Job,
        owner: str,
        *,
        shutdown: Event,
        lost: Event,
        answerers: Mapping[str, Answerer] | None = None,
        listen: Callable[[JobProgress], None] | None = None,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        # Nine parameters: what the worker hands to a handler.
        self.db = db
        self.job = job
        self.spec = job.spec
        self.answerers: dict[str, Answerer] = dict(answerers or {})
        self.progress: JobProgress | None = None
        self.stop_reason: StopReason | None = None
        self.owner = owner
        self._shutdown = shutdown
        self.lost = lost
        self._listen = listen
        self._timer = timer
        self._next_stop_look = 0.0
        self._next_question_look = 0.0
        self._next_report = 0.0
        self._stop_version: int | None = None
        self._question_version: int | None = None

    def report(self, progress: JobProgress, *, at_once: bool = False) -> None:
        """Say how far the job is; replaces the last report.

        Cheap to call often: the store gets at most four reports per second, and always the last.

        Args:
            progress: what pages and the command line show.
            at_once: store it now; a new phase always is.

        Raises:
            StoreFull: it was due to be stored and the disk is full.
        """
        new_phase = self.progress is None or progress.phase != self.progress.phase
        due = at_once or new_phase or self._timer() >= self._next_report
        self.progress = progress
        if self._listen is not None:
            self._listen(progress)
        if not due:
            return
        try:
            still_ours = claims.report(self.db, self.job.id, self.owner, progress)
        except StoreBusy:
            return  # the next report is stored
        self._next_report = self._timer() + REPORT_SECONDS
        if not still_ours:
            self.stop_reason = "lost"

    def checkpoint(self) -> None:
        """Answer questions, and end the job if it is to end; see `Progress.checkpoint`.

        Raises:
            Stopped: `should_stop` says so.
        """
        self.serve_questions()
        if self.should_stop():
            raise Stopped

    def report_end(self) -> None:
        """Report the phase "done" or "stopped" where the handler did not.

        Raises:
            StoreFull: as `report`.
        """
        last, phase = self.progress, "done" if self.stop_reason is None else "stopped"
        if last is not None and last.phase != phase:
            self.report(replace(last, phase=phase, seconds_left=None))

    def should_stop(self) -> bool:
        """Whether to end now: Stop was pressed, the worker is told to end, or the job is lost.

        Call it between requests or decode steps, then return normally; what is stored stays. It
        asks the store at most every 0.2 s. Once True it stays True.
        """
        if self.stop_reason is None and self.lost.is_set():
            self.stop_reason = "lost"
        if self.stop_reason is None and self._timer() >= self._next_stop_look:
            self._next_stop_look = self._timer() + STOP_SECONDS
            self._look_for_cancel()
        if self.stop_reason is None and self._shutdown.is_set():
            self.stop_reason = "shutdown"
        return self.stop_reason is not None

    def serve_questions(self) -> int:
        """Answer the pages' open questions; how many there were.

        Call it between decode steps: it looks at most every 20 ms, and at no cost worth mentioning
        when nobody changed the store. A store that is locked or full leaves them for later.
        """
        if self._timer() < self._next_question_look:
            return 0
        self._next_question_look = self._timer() + QUESTION_SECONDS
        try:
            version = self.db.data_version()
            if version == self._question_version:
                return 0
            served = answer_all(self.db, self.answerers)
        except (StoreBusy, StoreFull) as error:
            log.warning("Questions wait: %s", error)
            return 0
        self._question_version = version
        return served

    def _look_for_cancel(self) -> None:
        try:
            version = self.db.data_version()
            if version == self._stop_version:
                return
            with self.db.read() as connection:
                row = connection.execute(
                    "SELECT cancel_requested, owner, state FROM jobs WHERE id = ?", (self.job.id,)
                ).fetchone()
        except StoreBusy:
            return  # the next look tells
        self._stop_version = version
        if row is None or row["owner"] != self.owner or row["state"] != "running":
            self.stop_reason = "lost"
        elif row["cancel_requested"]:
            self.stop_reason = "cancel"
