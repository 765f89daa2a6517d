"""The connection to the store: one a thread, short transactions, errors that people understand."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from core.settings import Home
from core.store import schema
from core.store.failures import is_locked, translated
from core.store.migrations import MIGRATIONS

Clock = Callable[[], float]
"""Returns seconds since 1970, UTC."""

LOCK_SECONDS = 5.0
ATTEMPTS = 3


def journal_mode(version: tuple[int, int, int]) -> str:
    """The journal mode that is safe under that version of SQLite, "WAL" or "TRUNCATE".

    WAL up to 3.51.2 has a race that corrupts the file when a checkpoint meets a log reset; it was
    fixed in 3.51.3 and carried back to 3.50.7 and 3.44.6 (https://sqlite.org/wal.html#walresetbug).
    """
    fixed = (
        version >= (3, 51, 3)
        or (3, 50, 7) <= version < (3, 51, 0)
        or (3, 44, 6) <= version < (3, 45, 0)
    )
    return "WAL" if fixed else "TRUNCATE"


class Database:
    """The store as functions use it; safe to share between threads.

    Args:
        path: the SQLite file.
        clock: what `now` asks.
        lock_seconds: how long one attempt waits for another process's lock.
        attempts: how many attempts before giving up, at least 1.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock = time.time,
        lock_seconds: float = LOCK_SECONDS,
        attempts: int = ATTEMPTS,
    ) -> None:
        self.path = path
        self._clock = clock
        self._lock_seconds = lock_seconds
        self._attempts = attempts
        self._mine = _ThreadState()

    def now(self) -> float:
        """The time in seconds since 1970, UTC."""
        return self._clock()

    def connection(self) -> sqlite3.Connection:
        """This thread's connection; prefer `read` and `write`.

        Raises:
            StoreUnusable: it can't be opened.
        """
        if self._mine.connection is None:
            with translated(self.path):
                self._mine.connection = self._connect()
        return self._mine.connection

    def close(self) -> None:
        """Close this thread's connection; the next use opens another."""
        if self._mine.connection is not None:
            self._mine.connection.close()
            self._mine.connection = None

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A consistent view; keep it short, since it holds back other processes' commits.

        Within an open `read` or `write` of the same thread it is part of that one.

        Raises:
            StoreBusy: the store stayed locked for `attempts` times `lock_seconds`.
            StoreUnusable: it is damaged or gone.
        """
        connection = self.connection()
        if connection.in_transaction:
            yield connection
            return
        with translated(self.path), self._transaction(connection, "BEGIN DEFERRED"):
            # BEGIN alone locks nothing; asking for something now keeps lock errors out of the body.
            self._patiently(connection, "SELECT 1 FROM sqlite_master LIMIT 1")
            yield connection

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction: all of its changes are durable when it ends, or none at all.

        Never call a model or the network inside. Within an open `write` of the same thread it is
        part of that one.

        Raises:
            StoreBusy: the store stayed locked for `attempts` times `lock_seconds`.
            StoreFull: the disk is full.
            StoreUnusable: it is damaged or gone.
            RuntimeError: an open `read` can't turn into a write.
        """
        connection = self.connection()
        if connection.in_transaction:
            if not self._mine.writing:
                raise RuntimeError("a write inside a read")
            yield connection
            return
        with translated(self.path), self._transaction(connection, "BEGIN IMMEDIATE"):
            self._mine.writing = True
            try:
                yield connection
            finally:
                self._mine.writing = False

    def data_version(self) -> int:
        """A number that differs from the last one if another connection changed the store.

        Far cheaper than a query: about 10 microseconds. Compare only within one thread.

        Raises:
            StoreBusy, StoreUnusable: as `read`.
        """
        connection = self.connection()
        with translated(self.path):
            number: int = connection.execute("PRAGMA data_version").fetchone()[0]
        return number

    @contextmanager
    def _transaction(self, connection: sqlite3.Connection, begin: str) -> Iterator[None]:
        self._patiently(connection, begin)
        try:
            yield
            self._patiently(connection, "COMMIT")
        except BaseException:
            if connection.in_transaction:  # SQLite itself rolls back on some errors
                connection.execute("ROLLBACK")
            raise

    def _patiently(self, connection: sqlite3.Connection, statement: str) -> None:
        for attempt in range(1, self._attempts + 1):
            try:
                connection.execute(statement).fetchone()
                return
            except sqlite3.OperationalError as error:
                if not is_locked(error) or attempt == self._attempts:
                    raise

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            # rw: a store that vanished while we run must not come back as an empty one.
            f"{self.path.absolute().as_uri()}?mode=rw",
            uri=True,
            timeout=self._lock_seconds,
            isolation_level=None,
        )
        try:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = FULL")
            self._patiently(
                connection, f"PRAGMA journal_mode = {journal_mode(sqlite3.sqlite_version_info)}"
            )
        except BaseException:
            connection.close()
            raise
        return connection


def open_database(
    home: Home,
    *,
    clock: Clock = time.time,
    lock_seconds: float = LOCK_SECONDS,
    attempts: int = ATTEMPTS,
) -> Database:
    """The home's store, created or migrated if need be.

    Raises:
        HomeUnusable: the home folder can't be written to.
        StoreUnusable: the store is damaged, foreign or newer; it was left untouched.
        StoreBusy, StoreFull: it needed migrating and that could not be written.
    """
    path = home.prepare().store
    with translated(path):
        # Checked before anything that could write, such as setting the journal mode.
        with closing(sqlite3.connect(path, timeout=lock_seconds)) as connection:
            connection.execute("BEGIN")  # one view, should another process migrate just now
            version = schema.check(connection, path)
        database = Database(path, clock=clock, lock_seconds=lock_seconds, attempts=attempts)
        if version < len(MIGRATIONS):
            with database.write() as connection:
                schema.migrate(connection, path)
    return database


class _ThreadState(threading.local):
    connection: sqlite3.Connection | None = None
    writing: bool = False
