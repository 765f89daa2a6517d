"""A Ray cluster: each trial in an actor on one of its nodes, with a model of the node's own.

With a node its actors are lost: their trials end as lost and run elsewhere.
"""

import logging
import queue
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from core.diversity.measures.remote_clique import no_pause
from core.domain.errors import BackendFailed, WidesetError
from core.sweeps.execution.executors import Between, Ended, Tools, run_safely
from core.sweeps.execution.trial import RealTexts, Sink, Trial, TrialEnd, TrialUpdate

log = logging.getLogger("wideset.worker")

LOCAL = "local"
"""In place of an address: a temporary cluster on this machine."""

WAIT_SECONDS = 0.02
LISTEN_SECONDS = 0.5
"""How long an actor waits for a message before it answers with none."""

_NOT_BEGUN = WidesetError(
    "A node of the cluster could not begin the run.",
    "See that it has the same packages as this machine; Ray's log there has the details.",
)


class RayCluster:
    """Runs trials on a cluster, one per processor.

    Args:
        address: of the cluster ("host:port"), or "local".
        tools: opens models on a node; sent there.
        real: the reference; likewise.

    Raises:
        BackendFailed: Ray is not installed, or there is no cluster at the address.
    """

    def __init__(self, address: str, tools: Tools, real: RealTexts) -> None:
        self._actors: list[_ActorHandle] = []
        with _signals_kept():
            self._ray = _connected(address)
        # Sent once to each node that needs it, instead of once to each actor.
        self._real: Any = self._ray.put(real)
        self._tools = tools
        options: Any = self._ray.remote(num_cpus=1, max_restarts=0, max_concurrency=2)
        self._kind: Any = options(_Actor)

    @property
    def room(self) -> int:
        """How many more trials it takes now: as many as the cluster has processors."""
        processors = int(self._ray.cluster_resources().get("CPU", 1))
        return max(1, processors) - sum(handle.trial is not None for handle in self._actors)

    def submit(self, trial: Trial) -> None:
        """Take a trial."""
        idle = next((handle for handle in self._actors if handle.trial is None), None)
        if idle is None:
            idle = _ActorHandle(self._kind.remote(self._tools, self._real))
            self._actors.append(idle)
        idle.take(trial)

    def work(self, send: Sink, end: Ended, between: Between) -> None:
        """Pass on the actors' messages, for a moment."""
        between()
        self._reassign_waiting()
        pending = {handle.answer: handle for handle in self._actors if handle.answer is not None}
        ready, _ = self._ray.wait(list(pending), num_returns=1, timeout=WAIT_SECONDS)
        for answer in ready:
            handle = pending[answer]
            if handle in self._actors:  # not dropped meanwhile
                self._receive(handle, send, end)
            between()

    def drop(self, index: int) -> None:
        """End the actor of a trial."""
        for handle in self._actors:
            if handle.trial is not None and handle.trial.index == index:
                handle.dropped = True
                self._ray.kill(handle.actor)  # noticed as a lost actor

    def close(self) -> None:
        """End the actors and leave the cluster; one of our own ends with it."""
        for handle in self._actors:
            with suppress(Exception):  # a node that is gone has none to end
                self._ray.kill(handle.actor)
        self._actors.clear()
        self._ray.shutdown()

    def _receive(self, handle: "_ActorHandle", send: Sink, end: Ended) -> None:
        try:
            messages = self._ray.get(handle.answer)
        except self._ray.exceptions.RayError as error:
            log.warning("An actor is lost: %s", str(error).split("\n")[0])
            self._actors.remove(handle)
            if handle.trial is not None:
                end(TrialEnd(handle.trial.index, lost=not handle.dropped))
            return
        handle.begun = True
        handle.answer = None
        if not messages and handle.trial is not None:
            if handle.silent:  # it was over before this answer, and still there is no end
                messages = [TrialEnd(handle.trial.index, error=_NOT_BEGUN)]
            handle.silent = self._over(handle)
        for message in messages:
            if isinstance(message, TrialEnd):
                handle.trial = None
                end(message)
            else:
                send(message)
        if handle.trial is not None:
            handle.listen()

    def _over(self, handle: "_ActorHandle") -> bool:
        over, _ = self._ray.wait([handle.work], timeout=0)
        return bool(over)

    def _reassign_waiting(self) -> None:
        """Give a trial that waits for a processor to an idle actor that has one.

        A processor that is gone with its node may have been counted when an actor was made.
        """
        waiting = [
            handle for handle in self._actors if handle.trial is not None and not handle.begun
        ]
        idle = [handle for handle in self._actors if handle.trial is None]
        for late, free in zip(waiting, idle, strict=False):
            trial = late.trial
            self._actors.remove(late)
            self._ray.kill(late.actor)
            if trial is not None:
                free.take(trial)


class _ActorHandle:
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
        self.work = self.actor.run.remote(trial)
        self.listen()

    def listen(self) -> None:
        self.answer = self.actor.messages.remote()


class _Actor:
    """An actor on a node: one thread runs the trial, another hands out its messages."""

    def __init__(self, tools: Tools, real: RealTexts) -> None:
        self._tools, self._real = tools, real
        self._messages: queue.Queue[TrialUpdate | TrialEnd] = queue.Queue()

    def run(self, trial: Trial) -> None:
        """Run a trial; its updates and its end are queued."""
        send = self._messages.put
        send(run_safely(trial, self._tools, self._real, send=send, between=no_pause))

    def messages(self) -> list[TrialUpdate | TrialEnd]:
        """The messages since the last call; empty if none comes for a while."""
        messages: list[TrialUpdate | TrialEnd] = []
        with suppress(queue.Empty):
            messages.append(self._messages.get(timeout=LISTEN_SECONDS))
            while True:
                messages.append(self._messages.get_nowait())
        return messages


def _connected(address: str) -> Any:
    try:
        import ray
    except ImportError as error:
        raise BackendFailed(
            "A sweep on a cluster needs the package ray, which is not installed.",
            "Install it: pip install '.[ray]'",
        ) from error
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address == LOCAL:
        options["include_dashboard"] = False
    else:
        # The nodes bring the packages and their models, we bring the very code that runs here.
        options["runtime_env"] = {"py_modules": [str(Path(__file__).parents[2])]}
    try:
        ray.init(address=address, **options)
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        line = str(error).strip().split("\n")[0][:200]
        raise BackendFailed(
            f"There is no Ray cluster at '{address[:100]}' to work on ({line}).",
            "Start one (ray start --head), or use 'local'.",
        ) from error
    return ray


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Keep the worker's signal handlers, which Ray replaces by its own."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
