"""Version 8: a version may be of any kind of intervention; the kinds are declared in the code."""

import sqlite3

_TABLE = """
CREATE TABLE versions (
    id TEXT PRIMARY KEY NOT NULL CHECK (id <> '' AND id NOT GLOB '*[^a-z0-9]*'),
    run_id TEXT NOT NULL REFERENCES runs (id),
    parent_id TEXT REFERENCES versions (id),
    kind TEXT NOT NULL CHECK (kind <> ''),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    spec TEXT NOT NULL,
    facts TEXT NOT NULL,
    created_at REAL NOT NULL,
    deleted_at REAL,
    CHECK ((kind = 'raw') = (parent_id IS NULL))
)
"""


def migrate(connection: sqlite3.Connection) -> None:
    """Make the table again, as SQLite can't drop a CHECK; foreign keys hold at the end."""
    for statement in (
        "PRAGMA defer_foreign_keys = ON",
        "CREATE TEMP TABLE versions_before AS SELECT * FROM main.versions",
        "DROP TABLE main.versions",
        _TABLE,
        # With the keys deferred, each row inserted settles the references to the row dropped.
        "INSERT INTO main.versions SELECT * FROM versions_before",
        "DROP TABLE temp.versions_before",
        "CREATE INDEX versions_run ON versions (run_id, created_at)",
        "CREATE INDEX versions_parent ON versions (parent_id)",
    ):
        connection.execute(statement)
