"""The jobs of runs that a sweep generates: held by the worker that runs the sweep, never queued.

So such a run reads on its page, in lists and after a kill as any other, and can be stopped and
resumed by itself.
"""

import json
import time
from collections.abc import Callable
from contextlib import suppress

from core.diversity.embedding.encoder import EncoderChoice
from core.diversity.measures.live import Encoders, LiveClique
from core.diversity.measures.remote_clique import no_pause
from core.domain.errors import StoreBusy, StoreFull, WidesetError
from core.domain.progress import JobProgress
from core.jobs import claims
from core.jobs.queue import get_job, submit
from core.store.database import Database
from core.store.generation.runs import set_job
from core.store.generation.samples import samples_of

REPORT_SECONDS = 0.5


class RunJobs:
    """The running ones, by the place of their run in the sweep.

    Args:
        db: the store.
        owner: the worker.
        timer: monotonic seconds.
    """

    def __init__(
        self, db: Database, owner: str, *, timer: Callable[[], float] = time.monotonic
    ) -> None:
        self._db, self._owner, self._timer = db, owner, timer
        self._jobs: dict[int, str] = {}
        self._next: dict[int, float] = {}

    def begin(self, position: int, run_id: str) -> None:
        """Make a run's generation a running job; one that it has from before is taken over,
        whatever became of it."""
        with self._db.write() as connection:
            row = connection.execute(
                "SELECT id FROM jobs WHERE run_id = ? AND kind = 'generate'"
                " ORDER BY rowid DESC LIMIT 1",
                (run_id,),
            ).fetchone()
            if row is None:
                job = submit(self._db, "generate", {}, run_id=run_id)
            else:
                job = get_job(self._db, row["id"])
            now = self._db.now()
            connection.execute(
                "UPDATE jobs SET state = 'running', owner = ?, started_at = ?, heartbeat = ?,"
                " message = '', remedy = '', cancel_requested = 0, finished_at = NULL WHERE id = ?",
                (self._owner, now, now, job.id),
            )
            set_job(self._db, run_id, job.id)
        self._jobs[position] = job.id

    def report(self, position: int, progress: Callable[[], JobProgress], *, at_once: bool) -> None:
        """Store how far a run is, at most twice a second unless it is to be at once."""
        job_id, now = self._jobs.get(position), self._timer()
        if job_id is None or (not at_once and now < self._next.get(position, 0.0)):
            return
        self._next[position] = now + REPORT_SECONDS
        with suppress(StoreBusy):  # the next report tells it
            claims.report(self._db, job_id, self._owner, progress())

    def finish(self, position: int, progress: JobProgress) -> bool:
        """All texts of a run are there; False if it has no running job."""
        job_id = self._jobs.pop(position, None)
        if job_id is not None:
            claims.finish(self._db, job_id, self._owner, progress=progress)
        return job_id is not None

    def fail(self, position: int, why: WidesetError, progress: JobProgress) -> None:
        """A run can't go on; without a running job nothing changes."""
        job_id = self._jobs.pop(position, None)
        if job_id is not None:
            claims.fail(self._db, job_id, self._owner, why, progress=progress)

    def pause(self, position: int, why: WidesetError, progress: JobProgress) -> None:
        """A run waits with its sweep; without a running job nothing changes."""
        job_id = self._jobs.pop(position, None)
        if job_id is not None:
            claims.pause(self._db, job_id, self._owner, why, progress=progress)

    def cancel(self, position: int, progress: JobProgress) -> None:
        """A run was stopped by hand; without a running job nothing changes."""
        job_id = self._jobs.pop(position, None)
        if job_id is not None:
            claims.cancel(self._db, job_id, self._owner, progress=progress)

    def let_go(self, progress: Callable[[int], JobProgress], *, by_hand: bool) -> None:
        """Bring all to rest with their sweep.

        Args:
            progress: the last one of the run at a place.
            by_hand: whether a person stopped the sweep.
        """
        for position in list(self._jobs):
            with suppress(StoreBusy, StoreFull):  # it reads interrupted once this worker is gone
                if by_hand:
                    self.cancel(position, progress(position))
                else:
                    why = WidesetError(
                        "Its sweep was stopped.", "Resume the sweep to go on with all of it."
                    )
                    self.pause(position, why, progress(position))

    def asked_to_stop(self) -> list[int]:
        """The places whose runs somebody wants stopped."""
        if not self._jobs:
            return []
        with self._db.read() as connection:
            rows = connection.execute(
                "SELECT id FROM jobs WHERE state = 'running' AND owner = ? AND cancel_requested",
                (self._owner,),
            ).fetchall()
        asked = {row["id"] for row in rows}
        return [position for position, job_id in self._jobs.items() if job_id in asked]


def report_diversity(db: Database, run_id: str, encoders: Encoders, choice: EncoderChoice) -> None:
    """Add the curve of Remote-Clique to what a run's job told, as a generation of its own does.

    Args:
        db: the store; it has the vectors of the run's usable texts.
        run_id: the run.
        encoders: opens the encoder.
        choice: a recipe's.
    """
    live = LiveClique(db, encoders, choice)
    live.add([sample.text for sample in samples_of(db, run_id, outcome="usable")])
    live.catch_up(between=no_pause, at_once=True)
    diversity = json.dumps(live.progress())
    with db.write() as connection:
        connection.execute(
            "UPDATE jobs SET progress = json_set(progress, '$.diversity', json(?))"
            " WHERE id = (SELECT job_id FROM runs WHERE id = ?) AND kind = 'generate'",
            (diversity, run_id),
        )
