"""Child processes: real ones, and what becomes of a trial when one dies."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from core.sweeps.execution.processes import Processes, default_workers
from tests.sweeps.execution.fake_tools import FakeTools, Heard, make_trial, no_reference, wanted

ROOT = Path(__file__).parents[3]


@pytest.fixture
def made() -> Iterator[list[Processes]]:
    """Executors that are closed in the end; none may leave a child."""
    executors: list[Processes] = []
    yield executors
    pids = [pid for executor in executors for pid in executor.pids]
    for executor in executors:
        executor.close()
        executor.close()
    assert not [pid for pid in pids if psutil.pid_exists(pid)]


def test_two_children_make_what_one_process_makes(tmp_path: Path, made: list[Processes]) -> None:
    tools = FakeTools(tmp_path, delay=0.01)
    executor = Processes(2, tools, no_reference())
    made.append(executor)
    assert executor.room == 1  # the first begins alone
    trials = [make_trial(index) for index in range(4)]
    before = dict(os.environ)
    heard = Heard(executor, trials).run()
    assert dict(os.environ) == before
    assert [heard.facts(trial.index) for trial in trials] == [wanted(trial) for trial in trials]
    assert (heard.most, heard.lost) == (2, [])
    assert set(tools.opened) == set(executor.pids)
    assert len(executor.pids) == 2
    assert os.getpid() not in executor.pids
    loaded = [told.metadata for told in heard.told if told.metadata is not None]
    assert [metadata.threads for metadata in loaded] == [1] * 4


def test_a_child_that_is_killed_loses_its_trial_and_another_goes_on_with_it(
    tmp_path: Path, made: list[Processes]
) -> None:
    executor = Processes(2, FakeTools(tmp_path, deaths=2, delay=0.01), no_reference())
    made.append(executor)
    trials = [make_trial(index, per_label=9) for index in range(3)]
    heard = Heard(executor, trials).run()
    assert len(heard.lost) == 2
    assert [heard.facts(trial.index) for trial in trials] == [wanted(trial) for trial in trials]
    assert all(end.assessment is not None for end in heard.ends.values())


def test_a_child_that_is_killed_as_it_appears_does_not_block_its_parent(
    tmp_path: Path, made: list[Processes]
) -> None:
    # More than a pipe holds: the parent must not wait for a dead child to read it.
    vectors = np.zeros((4000, 16), dtype=np.float32)
    real = replace(no_reference(), train_vectors=vectors)
    killed: list[int] = []
    executor = Processes(1, FakeTools(tmp_path), real)
    made.append(executor)
    heard = Heard(executor, [make_trial(0)])
    killer = threading.Thread(target=_kill_first_child, args=(killed,), daemon=True)
    running = threading.Thread(target=heard.run, daemon=True)  # a fault would block it for good
    killer.start()
    running.start()
    running.join(timeout=25)
    assert not running.is_alive()
    assert len(heard.lost) == len(killed) == 1
    assert heard.facts(0) == wanted(make_trial(0))


def _kill_first_child(killed: list[int]) -> None:
    """Kill the first child of this process as soon as it is there."""
    while not killed:
        for child in _children():
            child.kill()
            killed.append(child.pid)


def _children() -> list[psutil.Process]:
    found = []
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):
            if "--multiprocessing-fork" in child.cmdline():
                found.append(child)
    return found


def test_children_are_deaf_to_interrupts_and_one_is_dropped(
    tmp_path: Path, made: list[Processes]
) -> None:
    executor = Processes(2, FakeTools(tmp_path, delay=0.02), no_reference())
    made.append(executor)
    heard = Heard(executor, [make_trial(0), make_trial(1, per_label=500), make_trial(2)])
    interrupted = set()

    def between() -> None:
        for pid in executor.pids:
            if heard.told and pid not in interrupted:
                interrupted.add(pid)
                os.kill(pid, signal.SIGINT)
        if heard.samples(1):
            executor.drop(1)

    heard.run(between)
    assert interrupted
    assert heard.lost == []
    assert (heard.ends[1].assessment, heard.ends[1].error) == (None, None)
    assert heard.facts(0) == wanted(make_trial(0))
    assert heard.facts(2) == wanted(make_trial(2))


def test_children_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-m", "tests.sweeps.execution.orphaning", str(tmp_path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert parent.stdout is not None
        pids = [int(word) for word in parent.stdout.readline().split()]
        assert len(pids) == 2
        assert all(psutil.pid_exists(pid) for pid in pids)
    finally:
        parent.kill()
        parent.communicate()
    end = time.monotonic() + 5
    while any(_lives(pid) for pid in pids):
        assert time.monotonic() < end, "a child outlives its parent"
        time.sleep(0.02)


def test_as_many_as_cores() -> None:
    assert 1 <= default_workers() <= (os.cpu_count() or 1)


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
