"""How a service tells its caller how far it is, and how the caller stops it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from core.domain.progress import Epoch, JobProgress
from core.domain.spending import SpendingProgress


class Stopped(Exception):
    """The caller wants the work to end now; what is stored stays."""


class Progress(Protocol):
    """The caller's side of a service: a job of the worker, or a command."""

    def report(self, progress: JobProgress, *, at_once: bool = False) -> None:
        """Take note of how far the work is; cheap to call often.

        Args:
            progress: replaces the last report.
            at_once: it must be seen now; a new phase always is.
        """

    def checkpoint(self) -> None:
        """Let the caller do what can't wait; called between steps, every tenth of a second or so.

        Raises:
            Stopped: the work is to end.
        """


class _NoProgress:
    """Shows nothing and never stops."""

    def report(self, progress: JobProgress, *, at_once: bool = False) -> None:
        """Do nothing."""

    def checkpoint(self) -> None:
        """Do nothing."""


NO_PROGRESS: Progress = _NoProgress()


class Countdown:
    """Seconds left by the rate since the first call, so that parts done before do not count.

    Args:
        timer: monotonic seconds.
    """

    def __init__(self, timer: Callable[[], float] = time.monotonic) -> None:
        self._timer = timer
        self._first: tuple[int, int, float] | None = None  # done, total, when

    def seconds_left(self, done: int, total: int) -> float | None:
        """The seconds left; None while unknown. Fewer parts, or another total, begin anew."""
        now = self._timer()
        if self._first is None or self._first[1] != total or done < self._first[0]:
            self._first = (done, total, now)
        known, _, start = self._first
        return (now - start) / (done - known) * (total - done) if done > known else None


def countdown(
    progress: Progress, phase: str, *, timer: Callable[[], float] = time.monotonic
) -> Callable[[int, int], None]:
    """A callback (done, total) that reports a phase with the seconds left.

    Args:
        progress: whom it reports to.
        phase: the phase.
        timer: monotonic seconds.
    """
    clock = Countdown(timer)

    def report(done: int, total: int) -> None:
        left = clock.seconds_left(done, total)
        progress.report(JobProgress(phase=phase, done=done, total=total, seconds_left=left))

    return report


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingProgress(JobProgress):
    """The progress of a training; `done` and `total` are texts embedded or asked about.

    Args:
        seed: of the repeat under way.
        seeds: repeats in all.
        seeds_done: repeats that are done.
        epoch: of this repeat, from 1.
        epochs: of a repeat at most; None for what has none.
        loss: of the last step.
        accuracy: on the validation texts, 0 to 1.
        warnings: sentences on the texts.
        history: epochs of this repeat that ended.
        spending: of a server's model.
    """

    seed: int | None = None
    seeds: int = 1
    seeds_done: int = 0
    epoch: int | None = None
    epochs: int | None = None
    loss: float | None = None
    accuracy: float | None = None
    warnings: Sequence[str] = ()
    history: tuple[Epoch, ...] = ()
    spending: SpendingProgress | None = None

    @property
    def share(self) -> float:
        """How much is done at least, 0 to 1; early stopping may end it sooner."""
        seeds = max(1, self.seeds)
        if self.epoch and self.epochs:
            return min(1.0, (self.seeds_done + min(1.0, len(self.history) / self.epochs)) / seeds)
        if self.total and (self.spending is not None or self.phase == "embedding"):
            most = 1.0 if self.spending is not None else 0.9
            return min(1.0, most * (self.done or 0) / self.total)
        return min(1.0, self.seeds_done / seeds)
