"""How a store is checked, and how an older one becomes a current one (see `migrations`)."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from core.errors import StoreUnusable
from core.store.failures import corrupt
from core.store.migrations import MIGRATIONS

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
    connection: sqlite3.Connection, path: Path, *, migrations: Sequence[str] = MIGRATIONS
) -> None:
    """Bring the store to the last of the migrations, all in the caller's open transaction.

    A store that holds data is first copied to `<name>.backup-v<its version>` beside it; the
    transaction's write lock keeps others from changing it in between.

    Args:
        connection: inside BEGIN IMMEDIATE.
        path: where the store lies.
        migrations: scripts; the Nth (from 1) makes version N out of version N - 1.

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
    for script in migrations[version:]:
        for statement in _statements(script):
            connection.execute(statement)
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
