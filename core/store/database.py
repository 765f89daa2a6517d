"""The connection to the store: one per thread, short transactions, migrations, clear errors.

A store that an older version wrote is brought up to date when it is opened, after a backup; one
that a newer version wrote, or that is not one of ours, is refused with the file untouched.
"""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from core.domain.errors import StoreBusy, StoreFull, StoreUnusable, WidesetError
from core.domain.settings import Home
from core.store.migrations import MIGRATIONS, Migration

_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_CORRUPT = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_NO_ACCESS = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}


def is_locked(error: sqlite3.Error) -> bool:
    """Whether another connection's lock is the only reason, so that trying again is safe."""
    return _primary_code(error) in _LOCKED


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn SQLite's errors about the file at `path` into ours; others pass.

    Raises:
        StoreBusy: it stayed locked.
        StoreFull: no room for the write.
        StoreUnusable: it is corrupt, no SQLite file, or can't be opened, read or written.
    """
    try:
        yield
    except sqlite3.Error as error:
        ours = _as_ours(error, path)
        if ours is None:
            raise
        raise ours from error


def corrupt(path: Path, detail: str) -> StoreUnusable:
    """The error for a file that is no sound SQLite database; `detail` has no full stop."""
    return StoreUnusable(
        f"The store {path} is damaged or no Wideset store ({detail}). It was left untouched.",
        "Move it away or put a backup in its place, then start again.",
    )


def _as_ours(error: sqlite3.Error, path: Path) -> WidesetError | None:
    code = _primary_code(error)
    if code in _LOCKED:
        return StoreBusy(
            "Another process kept the store locked for too long.", "Wait a moment and try again."
        )
    if code == sqlite3.SQLITE_FULL:
        return StoreFull(
            "The disk that holds the store is full; the last write was undone.",
            "Free some space and resume.",
        )
    if code in _CORRUPT:
        return corrupt(path, str(error))
    if code in _NO_ACCESS:
        return StoreUnusable(
            f"The store {path} can't be opened or written ({error}).",
            "Check the permissions of the file and of its folder.",
        )
    if code == sqlite3.SQLITE_IOERR:
        return StoreUnusable(
            f"Reading or writing the store {path} failed ({error}).", "Check the disk."
        )
    return None


def _primary_code(error: sqlite3.Error) -> int | None:
    # Errors that the Python module raises itself carry no code.
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF  # the upper bits only refine


APPLICATION_ID = 0x57445354  # "WDST": tells our files from other programs' SQLite files
CHECK_BYTES = 100_000_000


def check(connection: sqlite3.Connection, path: Path, *, latest: int = len(MIGRATIONS)) -> int:
    """The version of the store behind a connection, which only reads; 0 is a new, empty file.

    Files up to 100 MB are also checked for damage; that takes about a second a gigabyte at most.

    Raises:
        StoreUnusable: it is damaged, another program's, or from a newer Wideset.
        sqlite3.Error: it can't be read.
    """
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    application: int = connection.execute("PRAGMA application_id").fetchone()[0]
    tables: int = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    size = path.stat().st_size
    if tables == 0 and 0 < size < 512:  # SQLite takes less than a page for an empty file
        raise corrupt(path, "file is not a database")
    if application != APPLICATION_ID and (version, application, tables) != (0, 0, 0):
        raise corrupt(path, "it belongs to another program")
    if version > latest:
        raise StoreUnusable(
            f"The store {path} was written by a newer version of Wideset (store version {version},"
            f" this one knows {latest}). It was left untouched.",
            "Update Wideset, or set WIDESET_HOME to another folder.",
        )
    if size <= CHECK_BYTES:
        verdict: str = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if verdict != "ok":
            raise corrupt(path, verdict.splitlines()[-1])
    return version


def migrate(
    connection: sqlite3.Connection, path: Path, *, migrations: Sequence[Migration] = MIGRATIONS
) -> None:
    """Bring the store to the last of the migrations, all in the caller's open transaction.

    A store that holds data is first copied to `<name>.backup-v<its version>` beside it; the
    transaction's write lock keeps others from changing it in between.

    Args:
        connection: inside BEGIN IMMEDIATE.
        path: where the store lies.
        migrations: the Nth (from 1) makes version N out of version N - 1.

    Raises:
        StoreUnusable: as `check`.
        sqlite3.Error: the copy or a script failed; the caller rolls back.
    """
    # Read again under the lock: another process may have migrated in the meantime.
    version = check(connection, path, latest=len(migrations))
    if version == len(migrations):
        return
    if version > 0:
        _back_up(path, version)
    for migration in migrations[version:]:
        if isinstance(migration, str):
            for statement in _statements(migration):
                connection.execute(statement)
        else:
            migration(connection)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {len(migrations)}")


def _back_up(path: Path, version: int) -> Path:
    target = path.with_name(f"{path.name}.backup-v{version}")
    number = 1
    while target.exists():  # an older backup is never overwritten
        number += 1
        target = path.with_name(f"{path.name}.backup-v{version}-{number}")
    partial = target.with_name(target.name + ".partial")
    try:
        partial.touch(mode=0o600)
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(partial)) as copy:
            source.backup(copy)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return target


def _statements(script: str) -> Iterator[str]:
    # executescript would commit the open transaction first, so the script is split here.
    statement = ""
    for piece in script.splitlines(keepends=True):
        statement += piece
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        yield statement


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
    if not path.exists():
        path.touch(mode=0o600)
    with translated(path):
        # Checked before anything that could write, such as setting the journal mode.
        with closing(sqlite3.connect(path, timeout=lock_seconds)) as connection:
            connection.execute("BEGIN")  # one view, should another process migrate just now
            version = check(connection, path)
        database = Database(path, clock=clock, lock_seconds=lock_seconds, attempts=attempts)
        if version < len(MIGRATIONS):
            with database.write() as connection:
                migrate(connection, path)
    return database


class _ThreadState(threading.local):
    connection: sqlite3.Connection | None = None
    writing: bool = False
