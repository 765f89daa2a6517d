"""The trials of a sweep as its coordinator keeps them: handed out, stored, brought to rest.

Each run that is generated has a job of kind "generate", held by the worker that runs the sweep and
never queued: so it reads on its page, in lists and after a kill as any other, and can be stopped
and resumed by itself.
"""

import json
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from core.diversity.embedding.encoder import EncoderChoice
from core.diversity.measures.live import Encoders, LiveClique
from core.diversity.measures.remote_clique import no_pause
from core.domain.errors import Pausing, StoreBusy, StoreFull, WidesetError
from core.domain.progress import JobProgress
from core.domain.runs import ModelChoice
from core.domain.serialization import to_json
from core.jobs import claims
from core.jobs.context import JobContext
from core.jobs.queue import job_of_run, submit
from core.services.progress import Stopped
from core.services.sweep.plan import PlannedTrial, find_finished_work
from core.services.sweep.progress import RunningTrial, SweepMeter
from core.services.sweep.spending import SweepSpending, run_tracker
from core.services.sweep.stored_trial import (
    keep_assessment,
    keep_vectors,
    place_trial,
    store_update,
    trial_of,
)
from core.store.database import Database
from core.store.generation.runs import set_job
from core.store.generation.samples import samples_of
from core.store.sweeps import set_trial
from core.sweeps.assessment.recipe import Recipe
from core.sweeps.execution.executors import Executor
from core.sweeps.execution.trial import RealTexts, TrialEnd, TrialUpdate

REPORT_SECONDS = 0.5


class RunJobs:
    """The running jobs of runs, by the place of the run in the sweep.

    Args:
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
            job = job_of_run(self._db, run_id) or submit(self._db, "generate", {}, run_id=run_id)
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

    def settle(
        self,
        position: int,
        state: claims.EndState,
        progress: JobProgress | None,
        error: WidesetError | None = None,
    ) -> bool:
        """Bring a run's job to rest; False if it has no running job, and nothing changes."""
        job_id = self._jobs.pop(position, None)
        if job_id is not None:
            claims.settle(self._db, job_id, self._owner, state, error, progress=progress)
        return job_id is not None

    def let_go(self, progress: Callable[[int], JobProgress | None], *, by_hand: bool) -> None:
        """Bring all to rest with their sweep.

        Args:
            progress: the last one of the run at a place; None leaves what was reported.
            by_hand: whether a person stopped the sweep.
        """
        for position in list(self._jobs):
            with suppress(StoreBusy, StoreFull):  # it reads interrupted once this worker is gone
                if by_hand:
                    self.settle(position, "cancelled", progress(position))
                else:
                    why = WidesetError(
                        "Its sweep was stopped.", "Resume the sweep to go on with all of it."
                    )
                    self.settle(position, "paused", progress(position), why)

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
        encoders: opens the encoder.
        choice: a recipe's.
    """
    live = LiveClique(db, encoders, choice)
    live.add([sample.text for sample in samples_of(db, run_id, outcome="usable")])
    live.catch_up(between=no_pause, at_once=True)
    diversity = json.dumps(to_json(live.progress()))
    with db.write() as connection:
        connection.execute(
            "UPDATE jobs SET progress = json_set(progress, '$.diversity', json(?))"
            " WHERE id = (SELECT job_id FROM runs WHERE id = ?) AND kind = 'generate'",
            (diversity, run_id),
        )


MAX_LOSSES = 2
"""How often a trial that was lost with its process or node is begun again."""

LOOK_SECONDS = 0.5

_LOST = WidesetError(
    "The process that made this run was killed three times, most likely for want of memory.",
    "Use fewer workers, or look at the worker's log; then start the sweep again.",
)
_DROPPED = WidesetError(
    "The run was stopped by hand.", "Resume it on its own page, or the sweep as a whole."
)
_DELETED = WidesetError("The run was deleted.", "Restore it and start the sweep again.")


class SweepTrials:
    """The coordinator's side of a sweep's trials; the only one that writes.

    Args:
        context: the sweep's job.
        recipe: what is done with each run.
        wanted: all places of the sweep.
        encoders: open the encoder, to read what it made off the store.
        timer: monotonic seconds.

    Attributes:
        spending: what its runs behind servers take; None without such.
    """

    def __init__(
        self,
        context: JobContext,
        sweep_id: str,
        recipe: Recipe,
        wanted: Sequence[PlannedTrial],
        encoders: Encoders,
        *,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self.db = context.db
        self._context, self._sweep_id, self._recipe = context, sweep_id, recipe
        self._encoders = encoders
        self._wanted = {trial.position: trial for trial in wanted}
        self._timer = timer
        self._progress = SweepMeter(len(wanted), timer=timer)
        self._phase = ""
        self._queue: deque[PlannedTrial] = deque()
        self._losses: dict[int, int] = {}
        self._jobs = RunJobs(context.db, context.owner, timer=timer)
        self._runs: dict[int, str] = {}
        self._executor: Executor | None = None
        self._next_look = 0.0
        self.spending: SweepSpending | None = None

    @property
    def left(self) -> int:
        """Trials that are still to be carried out."""
        return len(self._queue)

    @property
    def models(self) -> set[ModelChoice]:
        """The language models that they need."""
        return {trial.spec.model for trial in self._queue if trial.run_id is None}

    def report(self, phase: str) -> None:
        """Say how far the sweep is; a new phase is stored at once."""
        at_once, self._phase = phase != self._phase, phase
        progress = self._progress.progress(phase)
        if self.spending is not None:
            progress = replace(progress, spending=self.spending.progress())
        self._context.report(progress, at_once=at_once)

    def between(self) -> None:
        """Answer questions, and look whether to stop the sweep or one of its runs.

        Raises:
            Stopped: the sweep is to end.
        """
        self._context.serve_questions()
        if self._context.should_stop():
            raise Stopped
        if self._executor is not None and self._timer() >= self._next_look:
            self._next_look = self._timer() + LOOK_SECONDS
            self.report(self._phase)
            for position in self._jobs.asked_to_stop():
                self._executor.drop(position)

    def settle(self) -> None:
        """Find what is there already, and count what is left."""
        self.report("planning")
        places = self._wanted.values()
        finished = find_finished_work(
            self.db, self._sweep_id, self._recipe, places, between=self.between
        )
        self._queue, self._runs = finished.queue, finished.runs
        progress = self._progress
        progress.done, progress.reused = finished.done, finished.reused
        progress.to_generate = sum(trial.run_id is None for trial in self._queue)
        progress.to_assess = self.left - progress.to_generate

    def run(self, executor: Executor, real: RealTexts) -> None:
        """Have all that is left carried out.

        Raises:
            Stopped: the sweep is to end.
            Pausing: a server is not to be had now, or the cap is reached.
            StoreFull, StoreBusy: something could not be stored.
        """
        self._executor = executor
        self._progress.begin()
        self.report("running")
        while self._queue or self._progress.going:
            while self._queue and executor.room > 0:
                self._submit(executor, self._queue.popleft())
            executor.work(self._store, lambda end: self._end(end, real), self.between)
            self.report("running")

    def finish(self) -> None:
        """Say that all came to an end."""
        self.report("done")

    def let_go(self) -> None:
        """Bring the jobs of runs to rest that are still going, with the sweep's own."""

        def progress(position: int) -> JobProgress | None:
            going = self._progress.going.get(position)  # a lost trial waits in the queue
            return None if going is None else going.progress("stopped")

        self._jobs.let_go(progress, by_hand=self._context.stop_reason == "cancel")

    def _submit(self, executor: Executor, wanted: PlannedTrial) -> None:
        position, generates = wanted.position, wanted.run_id is None
        run_id = wanted.run_id or self._runs.get(position)
        with self.db.write():
            run = place_trial(self.db, self._sweep_id, wanted, run_id)
            if generates and run.deleted_at is None:
                self._jobs.begin(position, run.id)
        self._runs[position] = run.id
        trial = trial_of(self.db, wanted, run, self._recipe)
        self._progress.to_generate -= generates
        self._progress.to_assess -= not generates
        self._progress.going[position] = RunningTrial(
            run.name,
            trial,
            timer=self._timer,
            tracker=run_tracker(self.db, run.id, run.spec.model) if generates else None,
            sweep_tracker=None if self.spending is None else self.spending.tracker,
        )
        if run.deleted_at is not None:
            self._fail(position, _DELETED)
            return
        executor.submit(trial)

    def _store(self, update: TrialUpdate) -> None:
        position = update.index
        going, run_id = self._progress.going[position], self._runs[position]
        store_update(self.db, run_id, update, job_id=self._context.job.id)
        if update.attempt is not None:
            going.sent(update.attempt)
        if update.samples:
            going.meter.add(update.samples)
            self._progress.texts += len(update.samples)
            if self.spending is not None:
                self.spending.note_written(position, going.accepted)
            self._progress.tokens += sum(len(sample.token_ids) for sample in update.samples)
        if update.shortfall is not None:
            going.shortfall = update.shortfall
        if update.phase is not None:
            going.phase = update.phase
            if update.phase == "generating":
                going.meter.begin()
            if update.phase == "assessing":
                self._generated(position)
        self._jobs.report(
            position, lambda: going.progress(going.phase), at_once=update.phase is not None
        )

    def _generated(self, position: int) -> None:
        """All texts of a run are there: its own job is done, whatever comes of its assessment."""
        going = self._progress.going[position]
        with self.db.write():
            ended = going.progress("done", shortfall=going.shortfall)
            if self._jobs.settle(position, "done", ended):
                set_trial(self.db, self._sweep_id, position, "generated")

    def _end(self, end: TrialEnd, real: RealTexts) -> None:
        position = end.index
        if end.lost:
            self._losses[position] = self._losses.get(position, 0) + 1
            if self._losses[position] > MAX_LOSSES:
                self._fail(position, _LOST)
            else:
                self._again(position)
            return
        if isinstance(end.error, Pausing):
            progress = self._progress.going[position].progress("stopped")
            self._jobs.settle(position, "paused", progress, end.error)
            raise end.error
        if end.error is not None or end.assessment is None:
            self._fail(position, end.error or _DROPPED)
            return
        self._generated(position)
        keep_vectors(self.db, end, real.encoder)
        run_id, going = self._runs[position], self._progress.going[position]
        if going.generates:
            report_diversity(self.db, run_id, self._encoders, self._recipe.encoder)
        keep_assessment(self.db, self._sweep_id, run_id, end, self._recipe)
        self._progress.ended(position, failed=False)

    def _again(self, position: int) -> None:
        """Put a lost trial first in the queue; it goes on from what is stored."""
        going = self._progress.going.pop(position)
        whole = not going.generates or going.phase == "assessing"
        self._queue.appendleft(
            replace(self._wanted[position], run_id=self._runs[position] if whole else None)
        )
        self._progress.to_generate += not whole
        self._progress.to_assess += whole

    def _fail(self, position: int, why: WidesetError) -> None:
        progress = self._progress.going[position].progress("stopped")
        with self.db.write():
            set_trial(
                self.db, self._sweep_id, position, "failed", message=why.what, remedy=why.remedy
            )
            if why is _DROPPED:
                self._jobs.settle(position, "cancelled", progress)
            else:
                self._jobs.settle(position, "failed", progress, why)
        self._progress.ended(position, failed=True)
