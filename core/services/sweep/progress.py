"""How far a sweep is, and how long it still takes."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from core.domain.progress import JobProgress
from core.domain.runs import Attempt
from core.domain.spending import SpendingProgress, SpendingTracker
from core.generation.progress import GenerationProgress, Meter
from core.sweeps.execution.trial import Trial

GENERATING = 0.75
"""The share of a trial's time that its generation takes, for the time left; the assessment takes
the rest."""


@dataclass(frozen=True, slots=True)
class TrialProgress:
    """How far a trial under way is.

    Args:
        name: of its run.
        run: id of its run.
        phase: what is being done.
        texts: that count towards its target.
        target: texts wanted.
    """

    name: str
    run: str
    phase: str
    texts: int
    target: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepProgress(JobProgress):
    """The progress of a sweep; `done` and `total` are trials.

    Its phases are planning, loading, embedding, running, stopped and done.

    Args:
        failed: trials that failed.
        reused: trials whose run was there before, whether or not assessed again.
        running: the trials under way.
        texts: made in this sitting, as `tokens`.
        seconds: of this sitting.
        spending: of servers' models; None where all are on this machine.
    """

    failed: int = 0
    reused: int = 0
    running: Sequence[TrialProgress] = ()
    texts: int = 0
    tokens: int = 0
    seconds: float = 0.0
    spending: SpendingProgress | None = None

    @property
    def share(self) -> float:
        """How much is done, 0 to 1, parts of trials included."""
        parts = sum(min(1.0, run.texts / run.target) for run in self.running if run.target)
        ended = (self.done or 0) + self.failed
        return min(1.0, (ended + GENERATING * parts) / self.total) if self.total else 0.0


class RunningTrial:
    """A trial under way.

    Args:
        name: of its run.
        trial: what is carried out.
        timer: monotonic seconds.
        tracker: counts what it takes, where its model is behind a server.
        sweep_tracker: the sweep's, which knows what is in flight; one such trial goes on at a time.
    """

    def __init__(
        self,
        name: str,
        trial: Trial,
        *,
        timer: Callable[[], float],
        tracker: SpendingTracker | None = None,
        sweep_tracker: SpendingTracker | None = None,
    ) -> None:
        self._tracker, self._sweep_tracker = tracker, sweep_tracker
        self.name, self.run_id, self.generates = name, trial.run_id, trial.generate
        self.target = trial.spec.target
        self.meter = Meter(trial.spec, history=trial.history, timer=timer)
        self.phase = "waiting"
        self.shortfall: Mapping[str, int] = {}
        self._before = self.part

    @property
    def accepted(self) -> int:
        """Texts that count towards its target."""
        return self.meter.accepted

    @property
    def part(self) -> float:
        """How much of its generation is done, 0 to 1."""
        return min(1.0, self.accepted / self.target) if self.target else 1.0

    def sent(self, attempt: Attempt) -> None:
        """Count a request to the server."""
        if self._tracker is None:
            return
        self._tracker.spent = self._tracker.spent.after(
            answered=attempt.texts_returned > 0,
            tokens_in=attempt.tokens_in,
            tokens_out=attempt.tokens_out,
        )

    def progress(
        self, phase: str, *, shortfall: Mapping[str, int] | None = None
    ) -> GenerationProgress:
        """What the run's own job reports, as `core.services.generate` does."""
        now = self.meter.progress(phase, shortfall=shortfall)
        if self._tracker is None:
            return now
        spending = self._tracker.progress(written=now.accepted, target=now.target)
        if self._sweep_tracker is not None:
            spending = replace(spending, traffic=self._sweep_tracker.traffic)
        return replace(now, spending=spending)

    @property
    def worth(self) -> float:
        """What the whole trial counts towards the time."""
        return GENERATING * (1 - self._before) * self.generates + (1 - GENERATING)

    @property
    def gained(self) -> float:
        """What of that is done."""
        return GENERATING * (self.part - self._before) * self.generates

    def summary(self) -> TrialProgress:
        """For the report."""
        return TrialProgress(self.name, self.run_id, self.phase, self.accepted, self.target)


class SweepMeter:
    """Counts a sweep's trials, texts and time.

    Args:
        total: trials in all.
        timer: monotonic seconds.
    """

    def __init__(self, total: int, *, timer: Callable[[], float] = time.monotonic) -> None:
        self.total, self.done, self.failed, self.reused = total, 0, 0, 0
        self.texts = self.tokens = 0
        self.to_generate = self.to_assess = 0
        self.going: dict[int, RunningTrial] = {}
        self._timer = timer
        self._start: float | None = None
        self._gained = 0.0

    def begin(self) -> None:
        """The trials begin: the time that the rest is reckoned by starts now."""
        self._start = self._timer()

    def ended(self, position: int, *, failed: bool) -> None:
        """A trial under way came to its end."""
        self._gained += self.going.pop(position).worth
        self.failed += failed
        self.done += not failed

    def progress(self, phase: str) -> SweepProgress:
        """The state of the sweep."""
        seconds = 0.0 if self._start is None else self._timer() - self._start
        gained = self._gained + sum(trial.gained for trial in self.going.values())
        left = self.to_generate + (1 - GENERATING) * self.to_assess
        left += sum(trial.worth - trial.gained for trial in self.going.values())
        # A tenth of a trial says something of the speed, and loading the first model is over.
        known = gained >= 0.1 and seconds > 0
        return SweepProgress(
            phase=phase,
            done=self.done,
            total=self.total,
            seconds_left=0.0 if left == 0 else left * seconds / gained if known else None,
            failed=self.failed,
            reused=self.reused,
            running=tuple(trial.summary() for _, trial in sorted(self.going.items())),
            texts=self.texts,
            tokens=self.tokens,
            seconds=seconds,
        )
