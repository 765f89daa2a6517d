"""Child processes of this machine, each with one thread and a model of its own, side by side.

Two such children write about twice the tokens of one process with two threads, whose threads meet
at every step and wait for the longest text at every cycle's end. All messages go through a pipe
that only they and their parent hold.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from core.diversity.measures.remote_clique import no_pause
from core.sweeps.execution.executors import Between, Ended, Tools, run_safely
from core.sweeps.execution.trial import RealTexts, Sink, Trial, TrialEnd, TrialUpdate

WAIT_SECONDS = 0.02
"""How long `work` waits for a message: as long as a page's question may wait for an answer."""

CHILD_BYTES = 2_000_000_000
"""Memory of a child with the embedded models at most; 1.4 GB were measured."""

_ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_READY = "ready"


def default_workers() -> int:
    """One child per core that this process may use, fewer where memory is short."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(cores or 1, _free_bytes() // CHILD_BYTES))


class Processes:
    """Runs trials in child processes, which are started when they are first needed.

    The first trial begins alone: what a model's arithmetic is measured to be on this machine, and
    its conversion, are then there for the others. The children ignore Ctrl-C, which their
    parent handles, and end with their parent however it ends.

    Args:
        workers: how many, at least 1.
        tools: opens models; sent to each child.
        real: the reference; likewise.
    """

    def __init__(self, workers: int, tools: Tools, real: RealTexts) -> None:
        self.workers, self._tools, self._real = workers, tools, real
        self._children: list[_Child] = []
        self._settled = False

    @property
    def room(self) -> int:
        """How many more trials it takes now."""
        busy = sum(child.trial is not None for child in self._children)
        return (self.workers if self._settled else 1) - busy

    @property
    def pids(self) -> list[int]:
        """The children that live."""
        return [child.pid for child in self._children]

    def submit(self, trial: Trial) -> None:
        """Take a trial."""
        idle = next((child for child in self._children if child.trial is None), None)
        if idle is None:
            idle = _Child(self._tools, self._real)
            self._children.append(idle)
        idle.take(trial)

    def work(self, send: Sink, end: Ended, between: Between) -> None:
        """Pass on the children's messages, for a moment."""
        between()
        listening: dict[Any, _Child] = {child.pipe: child for child in self._children}
        for pipe in wait(list(listening), WAIT_SECONDS):
            child = listening[pipe]
            if child in self._children:  # not dropped meanwhile
                self._receive(child, send, end)
            between()

    def drop(self, index: int) -> None:
        """End the process of a trial."""
        for child in self._children:
            if child.trial is not None and child.trial.index == index:
                child.dropped = True
                child.kill()  # noticed as the end of its pipe

    def close(self) -> None:
        """End the children at once; what they did not send yet is generated again."""
        for child in self._children:
            child.kill()
        for child in self._children:
            child.join()
        self._children.clear()

    def _receive(self, child: "_Child", send: Sink, end: Ended) -> None:
        try:
            message = child.receive()
        except (EOFError, OSError):
            self._children.remove(child)
            child.kill()
            child.join()
            if child.trial is not None:
                end(TrialEnd(child.trial.index, lost=not child.dropped))
            return
        if isinstance(message, TrialUpdate):
            self._settled |= message.metadata is not None or message.phase in (
                "generating",
                "assessing",
            )
            send(message)
        elif isinstance(message, TrialEnd):
            self._settled = True
            child.trial = None
            end(message)


class _Child:
    """One child process and the parent's end of its pipe."""

    def __init__(self, tools: Tools, real: RealTexts) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        # The pipe alone: what is passed to `start` is written to a pipe that this process could
        # read, too, so that more than fits in it would block for good if the child died first.
        self._process = context.Process(target=_work, args=(theirs,), daemon=True)
        with _one_thread(), _interrupts_blocked():
            self._process.start()
        theirs.close()  # so that its death ends the pipe
        self._given = (tools, real)
        self._ready = False
        self.trial: Trial | None = None
        self.dropped = False

    @property
    def pid(self) -> int:
        return self._process.pid or 0

    def take(self, trial: Trial) -> None:
        self.trial = trial
        if self._ready:
            self._send(trial)

    def receive(self) -> Any:
        message = self.pipe.recv()
        if message == _READY:
            # Only now: one that still starts would not read, and a long history fills the pipe.
            self._ready = True
            self._send(self._given)
            if self.trial is not None:
                self._send(self.trial)
        return message

    def _send(self, message: object) -> None:
        with suppress(OSError):  # it died: noticed as the end of its pipe
            self.pipe.send(message)

    def kill(self) -> None:
        self._process.kill()

    def join(self) -> None:
        self._process.join()
        self.pipe.close()


def _work(pipe: Connection) -> None:
    """The main function of a child."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(EOFError, OSError):  # the parent let go
        pipe.send(_READY)
        tools, real = pipe.recv()
        while True:
            trial = pipe.recv()
            pipe.send(run_safely(trial, tools, real, send=pipe.send, between=no_pause))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Processes started within have one thread; libraries read this when they are loaded."""
    before = {name: os.environ.get(name) for name in _ONE_THREAD}
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Processes started within ignore Ctrl-C from their first moment."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _free_bytes() -> int:
    """Available memory, caches included; more than enough where it is unknown."""
    with suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text("ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return 1 << 62
