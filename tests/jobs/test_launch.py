import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.domain.settings import Home
from core.jobs.launch import COMMAND, MAX_LOG_BYTES, ensure_worker, spawn_worker
from core.jobs.lease import take
from core.store.database import Database, open_database
from tests.store.making import FakeClock

# The parent never waits for the worker: that is what Popen warns of.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def test_one_worker_is_started_and_again_only_after_a_while(
    db: Database, home: Home, clock: FakeClock
) -> None:
    started: list[Home] = []
    assert ensure_worker(home, db, spawn=started.append)
    assert not ensure_worker(home, db, spawn=started.append)
    clock.forward(4)
    assert not ensure_worker(home, db, spawn=started.append)
    clock.forward(1.5)  # it did not come up
    assert ensure_worker(home, db, spawn=started.append)
    assert started == [home, home]


def test_none_is_started_beside_a_living_one(db: Database, home: Home, clock: FakeClock) -> None:
    started: list[Home] = []
    take(db, "a", 1)
    assert not ensure_worker(home, db, spawn=started.append)
    clock.forward(11)  # it was killed
    assert ensure_worker(home, db, spawn=started.append)


def test_a_clock_set_back_does_not_forbid_workers(
    db: Database, home: Home, clock: FakeClock
) -> None:
    started: list[Home] = []
    ensure_worker(home, db, spawn=started.append)
    clock.forward(-3600)
    assert ensure_worker(home, db, spawn=started.append)


def test_many_pages_at_once_start_one(home: Home) -> None:
    started: list[Home] = []
    open_database(home).close()

    def page(_: int) -> bool:
        # A clock that stands: the mark of who starts it must not run out on a busy machine.
        database = open_database(home, clock=lambda: 1_000.0)
        try:
            return ensure_worker(home, database, spawn=started.append)
        finally:
            database.close()

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(page, range(8))) == [False] * 7 + [True]
    assert started == [home]


@pytest.mark.alone
def test_the_process_is_detached_and_knows_its_home(home: Home) -> None:
    home.prepare()
    script = (
        "import os, sys; print(os.environ['WIDESET_HOME'], os.getsid(0) == os.getpid(),"
        " sys.stdin.read() == '', os.getcwd(), flush=True)"
    )
    started = time.monotonic()
    spawn_worker(home, command=(sys.executable, "-c", script))
    assert time.monotonic() - started < 0.5
    end = time.monotonic() + 10
    while not home.worker_log.read_text():
        assert time.monotonic() < end
        time.sleep(0.01)
    root = Path(__file__).parent.parent.parent
    assert home.worker_log.read_text() == f"{home.folder} True True {root}\n"


def test_a_long_log_is_put_aside(home: Home) -> None:
    home.prepare()
    home.worker_log.write_bytes(b"x" * (MAX_LOG_BYTES + 1))
    spawn_worker(home, command=(sys.executable, "-c", ""))
    assert home.worker_log.stat().st_size == 0
    assert (home.folder / "worker.log.1").stat().st_size == MAX_LOG_BYTES + 1


def test_the_command_is_ours() -> None:
    assert (sys.executable, "-m", "core", "worker") == COMMAND
    assert os.access(COMMAND[0], os.X_OK)
