"""How a service tells its caller how far it is, and how the caller stops it."""

import time
from collections.abc import Callable
from typing import Protocol

from core.domain.progress import JobProgress


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


def countdown(
    progress: Progress, phase: str, *, timer: Callable[[], float] = time.monotonic
) -> Callable[[int, int], None]:
    """A callback (done, total) that reports a phase with the seconds left.

    The rate is that of the parts done since the first call, so that parts that were there before
    do not count.

    Args:
        progress: whom it reports to.
        phase: the phase.
        timer: monotonic seconds.
    """
    first: tuple[int, float] | None = None

    def report(done: int, total: int) -> None:
        nonlocal first
        now = timer()
        first = first or (done, now)
        known, start = first
        left = (now - start) / (done - known) * (total - done) if done > known else None
        progress.report(JobProgress(phase=phase, done=done, total=total, seconds_left=left))

    return report
