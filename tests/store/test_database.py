import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.domain.errors import StoreBusy, StoreFull, StoreUnusable
from core.domain.settings import Home
from core.store.database import Database, journal_mode, open_database
from core.store.generation.runs import create_run, list_runs
from tests.store.making import make_spec

HOLD = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute(sys.argv[3])
connection.execute("SELECT * FROM runs").fetchall()
print("held", flush=True)
time.sleep(float(sys.argv[2]))
connection.execute("COMMIT")
"""


@pytest.mark.parametrize(
    ("version", "mode"),
    [
        ((3, 40, 1), "TRUNCATE"),
        ((3, 44, 5), "TRUNCATE"),
        ((3, 44, 6), "WAL"),
        ((3, 44, 9), "WAL"),
        ((3, 45, 0), "TRUNCATE"),
        ((3, 49, 2), "TRUNCATE"),
        ((3, 50, 6), "TRUNCATE"),
        ((3, 50, 7), "WAL"),
        ((3, 51, 0), "TRUNCATE"),
        ((3, 51, 2), "TRUNCATE"),
        ((3, 51, 3), "WAL"),
        ((3, 52, 0), "WAL"),
        ((4, 0, 0), "WAL"),
    ],
)
def test_journal_mode(version: tuple[int, int, int], mode: str) -> None:
    assert journal_mode(version) == mode


def test_every_connection_has_the_safe_settings(db: Database) -> None:
    def setting(name: str) -> object:
        return db.connection().execute(f"PRAGMA {name}").fetchone()[0]

    assert setting("foreign_keys") == 1
    assert setting("synchronous") == 2  # FULL
    assert setting("busy_timeout") == 5000
    assert setting("journal_mode") == journal_mode(sqlite3.sqlite_version_info).lower()


def test_each_thread_has_a_connection_of_its_own(db: Database) -> None:
    create_run(db, make_spec())
    mine = db.connection()
    seen = []

    def look() -> None:
        seen.append((db.connection() is mine, len(list_runs(db))))
        db.close()

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [(False, 1)]


def test_a_write_that_fails_leaves_nothing(db: Database) -> None:
    def fail_halfway() -> None:
        with db.write():
            create_run(db, make_spec())
            raise KeyError

    with pytest.raises(KeyError):
        fail_halfway()
    assert list_runs(db) == []
    create_run(db, make_spec())
    assert len(list_runs(db)) == 1


def test_a_write_inside_a_read_is_a_mistake(db: Database) -> None:
    with pytest.raises(RuntimeError, match="inside a read"), db.read(), db.write():
        pass


def test_a_full_disk_rolls_back(db: Database) -> None:
    create_run(db, make_spec(), name="kept")
    connection = db.connection()
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")

    def make_many() -> None:
        with db.write():
            for _ in range(500):
                create_run(db, make_spec())

    with pytest.raises(StoreFull):
        make_many()
    assert not connection.in_transaction
    assert [summary.run.name for summary in list_runs(db)] == ["kept"]
    connection.execute("PRAGMA max_page_count = 1000000")
    create_run(db, make_spec())
    assert len(list_runs(db)) == 2


@pytest.mark.parametrize("begin", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE", "BEGIN DEFERRED"])
def test_a_lock_longer_than_the_timeout_is_outlasted(home: Home, begin: str) -> None:
    # DEFERRED with a SELECT is a reader, which lets us begin and holds up our COMMIT.
    db = open_database(home, lock_seconds=0.2, attempts=10)
    with holding(home, 0.7, begin) as other:
        started = time.monotonic()
        create_run(db, make_spec())
        took = time.monotonic() - started
        other.wait()
    assert 0.3 < took < 2.5
    assert len(list_runs(db)) == 1
    db.close()


def test_a_read_outlasts_a_lock_too(home: Home) -> None:
    db = open_database(home, lock_seconds=0.2, attempts=10)
    with holding(home, 0.7, "BEGIN EXCLUSIVE") as other:
        assert list_runs(db) == []
        other.wait()
    db.close()


def test_a_lock_without_end_is_reported_and_harmless(home: Home) -> None:
    db = open_database(home, lock_seconds=0.1, attempts=2)
    with holding(home, 1.0, "BEGIN IMMEDIATE") as other:
        with pytest.raises(StoreBusy, match="locked"):
            create_run(db, make_spec())
        assert list_runs(db) == []  # reading goes on beside a writer
        other.wait()
    create_run(db, make_spec())
    assert len(list_runs(db)) == 1
    db.close()


def test_a_store_that_vanished_does_not_come_back_empty(db: Database, home: Home) -> None:
    db.close()
    home.store.unlink()
    with pytest.raises(StoreUnusable):
        list_runs(db)
    assert not home.store.exists()


def test_data_version_changes_with_others_writes_only(db: Database, home: Home) -> None:
    before = db.data_version()
    create_run(db, make_spec())
    assert db.data_version() == before
    other = Database(home.store)
    create_run(other, make_spec())
    other.close()
    assert db.data_version() != before


def holding(home: Home, seconds: float, begin: str) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(home.store), str(seconds), begin],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_threads_that_open_a_new_home_at_once_all_get_it(home: Home) -> None:
    def start(_: int) -> int:
        for _ in range(25):
            home.prepare()
        database = open_database(home)
        try:
            return len(list_runs(database))
        finally:
            database.close()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(start, range(16))) == [0] * 16
