"""Turns: who runs beside whom, and that one who waits to be alone is not kept waiting."""

import fcntl
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.turns import Turns


class Worker:
    """Takes turns, each time with files of its own, as another process would, and tells."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.inside: list[str] = []

    def take(self, kind: str, name: str, until: threading.Event) -> threading.Thread:
        def run() -> None:
            turns = Turns(self.folder)
            with getattr(turns, kind)():
                self.inside.append(name)
                assert until.wait(10)
                self.inside.remove(name)
            turns.close()

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def gate_is_held(self) -> bool:
        with (self.folder / "gate").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False


def wait_for(true: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(1000):
        if true():
            return
        pause.wait(0.01)
    raise AssertionError("waited in vain")


def test_those_beside_share_and_one_alone_comes_between(tmp_path: Path) -> None:
    worker, ends = Worker(tmp_path), [threading.Event() for _ in range(4)]
    threads = [worker.take("beside", f"beside {n}", ends[n]) for n in (0, 1)]
    wait_for(lambda: sorted(worker.inside) == ["beside 0", "beside 1"])
    threads.append(worker.take("alone", "alone", ends[2]))
    wait_for(worker.gate_is_held)
    threads.append(worker.take("beside", "late", ends[3]))
    ends[0].set()
    wait_for(lambda: worker.inside == ["beside 1"])  # one of two is not enough
    threads[3].join(0.1)
    assert worker.inside == ["beside 1"]  # nor does the late one go first
    ends[1].set()
    wait_for(lambda: worker.inside == ["alone"])
    threads[3].join(0.1)
    assert worker.inside == ["alone"]
    ends[2].set()
    wait_for(lambda: worker.inside == ["late"])
    ends[3].set()
    for thread in threads:
        thread.join(10)
    assert not worker.inside


@pytest.mark.parametrize("kind", ["beside", "alone"])
def test_a_turn_ends_with_what_is_raised_in_it(tmp_path: Path, kind: str) -> None:
    failed, other = Turns(tmp_path), Turns(tmp_path)
    with pytest.raises(KeyboardInterrupt), getattr(failed, kind)():
        raise KeyboardInterrupt
    with other.alone():
        pass
    failed.close()
    other.close()
