"""Executor: where the trials of a sweep run. The seam between a sweep and a cluster."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, Protocol

from core.diversity.embedding.encoder import Encoder, EncoderChoice
from core.domain.errors import WidesetError
from core.domain.runs import ModelChoice
from core.domain.spending import SpendingTracker
from core.generation.backends import Backend
from core.sweeps.execution.trial import RealTexts, Sink, Trial, TrialEnd

if TYPE_CHECKING:
    from core.diversity.embedding.loading import EncoderCache
    from core.generation.local.backend import ModelCache

Ended = Callable[[TrialEnd], None]
Between = Callable[[], None]
P = ParamSpec("P")


log = logging.getLogger("wideset.worker")


class Executor(Protocol):
    """Runs trials. It never touches the store: it sends updates, and the coordinator stores them.

    A trial that is lost with its process or node ends as `lost`; the coordinator submits it
    again, with all updates so far as its history.
    """

    @property
    def room(self) -> int:
        """How many more trials it takes now."""

    def submit(self, trial: Trial) -> None:
        """Take a trial; call it only while there is room."""

    def work(self, send: Sink, end: Ended, between: Between) -> None:
        """Continue with the submitted trials, for a moment or until one ends.

        Args:
            send: called with each update, in the caller's thread.
            end: called once per trial, after all of its updates.
            between: called every tenth of a second or more often; what it raises ends the call
                and leaves the executor fit for nothing but `close`.
        """

    def drop(self, index: int) -> None:
        """End one trial, by its index; it ends without an assessment and without an error."""

    def close(self) -> None:
        """End all running trials; idempotent."""


class Tools(Protocol):
    """What a process needs for trials; it must survive being sent to another process."""

    def backend(self, choice: ModelChoice, *, dtype: str | None = None) -> Backend:
        """A loaded language model, kept for the next trial."""

    def encoder(self, choice: EncoderChoice) -> Encoder:
        """A loaded encoder, kept for the next trial."""


@dataclass(frozen=True)
class NodeTools:
    """Models loaded from this machine's own disk.

    Args:
        models: folder of converted models; None takes the one of the machine's own home folder.
    """

    models: Path | None = None

    def backend(self, choice: ModelChoice, *, dtype: str | None = None) -> Backend:
        """A loaded language model, kept for the next trial."""
        return self._models.backend(choice, dtype=dtype)

    def encoder(self, choice: EncoderChoice) -> Encoder:
        """A loaded encoder, kept for the next trial."""
        return self._encoders.encoder(choice)

    @cached_property
    def _folder(self) -> Path:
        from core.domain.settings import home_from

        return self.models or home_from().models

    @cached_property
    def _models(self) -> "ModelCache":
        from core.generation.local.backend import ModelCache

        return ModelCache(self._folder)

    @cached_property
    def _encoders(self) -> "EncoderCache":
        from core.diversity.embedding.loading import EncoderCache

        return EncoderCache(self._folder)


def run_safely(
    trial: Trial,
    tools: Tools,
    real: RealTexts,
    *,
    send: Sink,
    between: Between,
    timer: Callable[[], float] = time.monotonic,
    tracker: SpendingTracker | None = None,
) -> TrialEnd:
    """Run a trial; an error in it becomes its end.

    Raises:
        Whatever `send` and `between` raise: these are not errors of the trial.
    """
    try:
        from core.sweeps.execution.run_trial import (
            run_trial,  # late: who only queues sweeps needs none
        )

        return run_trial(
            trial,
            open_backend=tools.backend,
            encoder=tools.encoder(trial.recipe.encoder),
            real=real,
            sink=_passing(send),
            between=_passing(between),
            timer=timer,
            tracker=tracker,
        )
    except _Outside as outside:
        raise outside.error from None
    except WidesetError as error:
        return TrialEnd(trial.index, error=WidesetError(error.what, error.remedy))
    except Exception:
        log.exception("A trial of run %s failed", trial.run_id)
        unforeseen = WidesetError(
            "The run stopped because of an error in Wideset.", "The worker's log has the details."
        )
        return TrialEnd(trial.index, error=unforeseen)


class _Outside(BaseException):
    """Carries an error of the caller's through code that handles a trial's own errors."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error


def _passing(call: Callable[P, None]) -> Callable[P, None]:
    def called(*values: P.args, **named: P.kwargs) -> None:
        try:
            call(*values, **named)
        except BaseException as error:
            raise _Outside(error) from error

    return called


class _Dropped(Exception):
    """One trial is to end, and the others go on."""


class InProcess:
    """Runs one trial after the other in this process.

    For models on a GPU or behind a server, which do many texts at once by themselves.

    Args:
        tools: opens models.
        real: the reference.
        timer: monotonic seconds.
        tracker: asked before every request to a server; None is no limit.
    """

    def __init__(
        self,
        tools: Tools,
        real: RealTexts,
        *,
        timer: Callable[[], float] = time.monotonic,
        tracker: SpendingTracker | None = None,
    ) -> None:
        self._tools, self._real, self._timer, self._tracker = tools, real, timer, tracker
        self._trial: Trial | None = None
        self._dropped = False

    @property
    def room(self) -> int:
        """1 while nothing is submitted."""
        return int(self._trial is None)

    def submit(self, trial: Trial) -> None:
        """Take a trial."""
        self._trial, self._dropped = trial, False

    def work(self, send: Sink, end: Ended, between: Between) -> None:
        """Run the trial to its end."""
        trial = self._trial
        if trial is None:
            return

        def check_dropped() -> None:
            between()
            if self._dropped:
                raise _Dropped

        try:
            ended = run_safely(
                trial,
                self._tools,
                self._real,
                send=send,
                between=check_dropped,
                timer=self._timer,
                tracker=self._tracker,
            )
        except _Dropped:
            ended = TrialEnd(trial.index)
        self._trial = None
        end(ended)

    def drop(self, index: int) -> None:
        """End the trial at its next step."""
        self._dropped = self._trial is not None and self._trial.index == index

    def close(self) -> None:
        """Nothing goes on outside of `work`."""
        self._trial = None
