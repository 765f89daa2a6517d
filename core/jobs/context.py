"""What a handler sees of the job that it runs."""

import logging
import time
from collections.abc import Callable, Mapping
from threading import Event
from typing import Any, Literal

from core.domain.errors import StoreBusy, StoreFull
from core.jobs import claims
from core.jobs.questions import Answerer, answer_all
from core.jobs.queue import Job
from core.store.database import Database

STOP_SECONDS = 0.2
QUESTION_SECONDS = 0.02
REPORT_SECONDS = 0.25

StopReason = Literal["cancel", "shutdown", "lost"]
Handler = Callable[["JobContext"], None]

log = logging.getLogger("wideset.worker")


class JobContext:
    """The worker's side of one job; used by the handler's thread only.

    Args:
        db: the store.
        job: the job, claimed by `owner`.
        owner: the worker.
        shutdown: set when the worker has been told to end.
        lost: set when the lease is another's.
        answerers: who answers which kind of question while the job runs; a handler may add to it.
        listen: called with every report, for a command line that shows progress.
        timer: seconds that only grow.
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
        listen: Callable[[Mapping[str, Any]], None] | None = None,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self.db = db
        self.job = job
        self.spec = job.spec
        self.answerers: dict[str, Answerer] = dict(answerers or {})
        self.progress: dict[str, Any] = dict(job.progress)
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

    def report(self, progress: Mapping[str, Any], *, at_once: bool = False) -> None:
        """Say how far the job is (JSON-ready; replaces the last report).

        Cheap to call often: the store gets at most four a second, and always the last one.

        Args:
            progress: what pages and the command line show.
            at_once: store it now.

        Raises:
            StoreFull: it was due to be stored and the disk is full.
        """
        self.progress = dict(progress)
        if self._listen is not None:
            self._listen(self.progress)
        if not at_once and self._timer() < self._next_report:
            return
        try:
            mine = claims.report(self.db, self.job.id, self.owner, self.progress)
        except StoreBusy:
            return  # the next report tells it
        self._next_report = self._timer() + REPORT_SECONDS
        if not mine:
            self.stop_reason = "lost"

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
