"""The tables, and how an older store becomes a current one.

A migration is never edited once it was released; the next change is the next script. Times are
seconds since 1970 UTC. JSON columns hold what `json.dumps` writes.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from core.errors import StoreUnusable
from core.store.failures import corrupt

APPLICATION_ID = 0x57445354  # "WDST": tells our files from other programs' SQLite files
CHECK_BYTES = 100_000_000

_FIRST = """
CREATE TABLE tasks (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    task TEXT NOT NULL,
    revision INTEGER NOT NULL,
    created_at REAL NOT NULL,
    deleted_at REAL
);
CREATE UNIQUE INDEX tasks_name ON tasks (name) WHERE deleted_at IS NULL;

CREATE TABLE runs (
    id TEXT PRIMARY KEY NOT NULL CHECK (id <> '' AND id NOT GLOB '*[^a-z0-9]*'),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    spec TEXT NOT NULL,
    facts TEXT NOT NULL,
    revision INTEGER NOT NULL,
    created_at REAL NOT NULL,
    deleted_at REAL,
    job_id TEXT
);

CREATE TABLE samples (
    id TEXT PRIMARY KEY NOT NULL,
    run_id TEXT NOT NULL REFERENCES runs (id),
    cycle INTEGER NOT NULL CHECK (cycle >= 1),
    label TEXT NOT NULL,
    idx INTEGER NOT NULL CHECK (idx >= 0),
    arrival INTEGER NOT NULL CHECK (arrival >= 0),
    text TEXT NOT NULL,
    finish_reason TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('usable', 'empty', 'truncated')),
    fluency REAL,
    token_ids BLOB NOT NULL CHECK (length(token_ids) % 4 = 0),
    duplicate_of TEXT,
    seconds REAL NOT NULL,
    UNIQUE (run_id, cycle, label, idx)
);
CREATE UNIQUE INDEX samples_arrival ON samples (run_id, arrival);
-- Covers the counts, so that they never read the texts.
CREATE INDEX samples_counts ON samples (run_id, label, outcome, duplicate_of);

CREATE TABLE rounds (
    run_id TEXT NOT NULL REFERENCES runs (id),
    cycle INTEGER NOT NULL CHECK (cycle >= 1),
    position INTEGER NOT NULL CHECK (position >= 0),
    requested TEXT NOT NULL,
    done_at REAL NOT NULL,
    seconds REAL NOT NULL,
    tokens INTEGER NOT NULL,
    PRIMARY KEY (run_id, cycle, position)
) WITHOUT ROWID;

CREATE TABLE jobs (
    id TEXT PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL,
    run_id TEXT REFERENCES runs (id),
    spec TEXT NOT NULL,
    token TEXT UNIQUE,
    state TEXT NOT NULL
        CHECK (state IN ('queued', 'running', 'done', 'failed', 'paused', 'cancelled')),
    progress TEXT NOT NULL,
    message TEXT NOT NULL,
    remedy TEXT NOT NULL,
    cancel_requested INTEGER NOT NULL CHECK (cancel_requested IN (0, 1)),
    owner TEXT,
    created_at REAL NOT NULL,
    queued_at REAL NOT NULL,
    started_at REAL,
    finished_at REAL,
    heartbeat REAL
);
CREATE INDEX jobs_queue ON jobs (state, queued_at);
CREATE INDEX jobs_run ON jobs (run_id, created_at);

CREATE TABLE lease (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    owner TEXT,
    pid INTEGER,
    until REAL,
    started_at REAL,
    note TEXT NOT NULL,
    spawned_at REAL
);
INSERT INTO lease (id, note) VALUES (1, '');

CREATE TABLE questions (
    id TEXT PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL,
    spec TEXT NOT NULL,
    answer TEXT,
    error TEXT,
    asked_at REAL NOT NULL,
    answered_at REAL
);
CREATE INDEX questions_open ON questions (asked_at) WHERE answered_at IS NULL;
"""

MIGRATIONS: tuple[str, ...] = (_FIRST,)


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
