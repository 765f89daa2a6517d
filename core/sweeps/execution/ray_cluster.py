"""A Ray cluster: each trial in an actor on one of its nodes, with a model of the node's own.

A node that goes takes its actors along: their trials end as lost, and are given to others.
"""

import logging
import queue
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from core.domain.errors import BackendFailed
from core.sweeps.execution.executors import Between, Ended, Tools, carried_out
from core.sweeps.execution.trial import RealTexts, Sink, Told, Trial, TrialEnd

log = logging.getLogger("wideset.worker")

LOCAL = "local"
"""In place of an address: a cluster on this machine, for the time being."""

WAIT_SECONDS = 0.02
LISTEN_SECONDS = 0.5
"""How long an actor waits for something to tell before it answers that there is nothing."""

_NOT_BEGUN = (
    "A node of the cluster could not begin the run.",
    "See that it has the same packages as this machine; Ray's log there has the details.",
)


class RayCluster:
    """Carries out trials on a cluster, one a processor.

    Args:
        address: of the cluster ("host:port"), or "local".
        tools: opens models on a node; sent there.
        real: the reference; likewise.
        settings: what else `ray.init` is told.

    Raises:
        BackendFailed: Ray is not installed, or there is no cluster at the address.
    """

    def __init__(
        self, address: str, tools: Tools, real: RealTexts, *, settings: dict[str, Any] | None = None
    ) -> None:
        self._actors: list[_Seat] = []
        with _signals_kept():
            self._ray = _connected(address, settings or {})
        # Sent once to each node that needs it, instead of once to each actor.
        self._real: Any = self._ray.put(real)
        self._tools = tools
        options: Any = self._ray.remote(num_cpus=1, max_restarts=0, max_concurrency=2)
        self._kind: Any = options(_Actor)

    @property
    def room(self) -> int:
        """How many more trials it takes now: as many as the cluster has processors."""
        processors = int(self._ray.cluster_resources().get("CPU", 1))
        return max(1, processors) - sum(seat.trial is not None for seat in self._actors)

    def submit(self, trial: Trial) -> None:
        """Take a trial."""
        idle = next((seat for seat in self._actors if seat.trial is None), None)
        if idle is None:
            idle = _Seat(self._kind.remote(self._tools, self._real))
            self._actors.append(idle)
        idle.take(trial)

    def work(self, tell: Sink, end: Ended, between: Between) -> None:
        """Hand on what the actors say, for a moment."""
        between()
        self._mend()
        heard = {seat.answer: seat for seat in self._actors if seat.answer is not None}
        ready, _ = self._ray.wait(list(heard), num_returns=1, timeout=WAIT_SECONDS)
        for answer in ready:
            seat = heard[answer]
            if seat in self._actors:  # not dropped meanwhile
                self._hear(seat, tell, end)
            between()

    def drop(self, index: int) -> None:
        """End the actor of a trial."""
        for seat in self._actors:
            if seat.trial is not None and seat.trial.index == index:
                seat.dropped = True
                self._ray.kill(seat.actor)  # its end is heard as any other

    def close(self) -> None:
        """End the actors and leave the cluster; one of our own ends with it."""
        for seat in self._actors:
            with suppress(Exception):  # a node that is gone has none to end
                self._ray.kill(seat.actor)
        self._actors.clear()
        self._ray.shutdown()

    def _hear(self, seat: "_Seat", tell: Sink, end: Ended) -> None:
        try:
            said = self._ray.get(seat.answer)
        except self._ray.exceptions.RayError as error:
            log.warning("An actor is lost: %s", str(error).split("\n")[0])
            self._actors.remove(seat)
            if seat.trial is not None:
                end(TrialEnd(seat.trial.index, lost=not seat.dropped))
            return
        seat.begun = True
        seat.answer = None
        if not said and seat.trial is not None:
            if seat.silent:  # it was over before this answer, and still there is no end
                said = [TrialEnd(seat.trial.index, error=_NOT_BEGUN)]
            seat.silent = self._over(seat)
        for one in said:
            if isinstance(one, TrialEnd):
                seat.trial = None
                end(one)
            else:
                tell(one)
        if seat.trial is not None:
            seat.listen()

    def _over(self, seat: "_Seat") -> bool:
        over, _ = self._ray.wait([seat.work], timeout=0)
        return bool(over)

    def _mend(self) -> None:
        """Give what waits for a processor to an actor that has one and nothing to do.

        A processor that is gone with its node may have been counted when an actor was made.
        """
        waiting = [seat for seat in self._actors if seat.trial is not None and not seat.begun]
        idle = [seat for seat in self._actors if seat.trial is None]
        for late, free in zip(waiting, idle, strict=False):
            trial = late.trial
            self._actors.remove(late)
            self._ray.kill(late.actor)
            if trial is not None:
                free.take(trial)


class _Seat:
    """An actor, and what it does."""

    def __init__(self, actor: Any) -> None:
        self.actor = actor
        self.trial: Trial | None = None
        self.work: Any = None
        self.answer: Any = None
        self.begun = False
        self.silent = False
        self.dropped = False

    def take(self, trial: Trial) -> None:
        self.trial = trial
        self.silent = False
        self.work = self.actor.carry_out.remote(trial)
        self.listen()

    def listen(self) -> None:
        self.answer = self.actor.heard.remote()


class _Actor:
    """What lives on a node: one thread carries out, another is asked for what was told."""

    def __init__(self, tools: Tools, real: RealTexts) -> None:
        self._tools, self._real = tools, real
        self._told: queue.Queue[Told | TrialEnd] = queue.Queue()

    def carry_out(self, trial: Trial) -> None:
        """Carry a trial out; what it tells and how it ends is there to be heard."""
        tell = self._told.put
        tell(carried_out(trial, self._tools, self._real, tell=tell, between=_nothing))

    def heard(self) -> list[Told | TrialEnd]:
        """What was told since the last call; empty after a while of silence."""
        said: list[Told | TrialEnd] = []
        with suppress(queue.Empty):
            said.append(self._told.get(timeout=LISTEN_SECONDS))
            while True:
                said.append(self._told.get_nowait())
        return said


def _connected(address: str, settings: dict[str, Any]) -> Any:
    try:
        import ray
    except ImportError as error:
        raise BackendFailed(
            "A sweep on a cluster needs the package ray, which is not installed.",
            "Install it: pip install '.[ray]'",
        ) from error
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address == LOCAL:
        quiet["include_dashboard"] = False
    else:
        # The nodes bring the packages and their models, we bring the very code that runs here.
        quiet["runtime_env"] = {"py_modules": [str(Path(__file__).parents[2])]}
    try:
        ray.init(address=address, **{**quiet, **settings})
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        line = str(error).strip().split("\n")[0][:200]
        raise BackendFailed(
            f"There is no Ray cluster at '{address[:100]}' to work on ({line}).",
            "Start one (ray start --head), or use 'local'.",
        ) from error
    return ray


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Ray puts handlers of its own in place of the worker's, by which it is told to end."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    kept = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for one, handler in kept.items():
            signal.signal(one, handler)


def _nothing() -> None:
    pass
