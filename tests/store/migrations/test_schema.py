import hashlib
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from core.domain.errors import StoreUnusable
from core.domain.settings import Home
from core.store import database as schema
from core.store.database import Database, open_database
from core.store.generation.runs import create_run, get_run
from core.store.migrations import MIGRATIONS
from tests.store.making import make_spec

LATEST = len(MIGRATIONS)


def fingerprint(path: Path) -> tuple[str, int]:
    return hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns


def test_a_new_store_is_of_the_latest_version_and_ours(db: Database) -> None:
    connection = db.connection()
    assert connection.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS)
    assert connection.execute("PRAGMA application_id").fetchone()[0] == 0x57445354
    assert list(db.path.parent.glob("*backup*")) == []


def test_an_older_store_is_copied_and_migrated(db: Database, home: Home) -> None:
    run = create_run(db, make_spec(), name="before")
    second = "ALTER TABLE runs ADD COLUMN colour TEXT;\nCREATE TABLE extra (a INTEGER);\n"
    newer = open_database_knowing(home, (*MIGRATIONS, second))
    assert newer.connection().execute("PRAGMA user_version").fetchone()[0] == LATEST + 1
    assert newer.connection().execute("SELECT id, colour FROM runs").fetchall()[0][:] == (
        run.id,
        None,
    )
    backup = home.folder / f"wideset.sqlite3.backup-v{LATEST}"
    with closing(sqlite3.connect(backup)) as copy:
        assert copy.execute("PRAGMA user_version").fetchone()[0] == LATEST
        assert copy.execute("SELECT name FROM runs").fetchall() == [("before",)]
        assert copy.execute("SELECT name FROM sqlite_master WHERE name='extra'").fetchall() == []
    assert not list(home.folder.glob("*.partial"))
    newer.close()


def test_runs_of_the_first_version_live_on(home: Home) -> None:
    with closing(sqlite3.connect(home.prepare().store)) as old:
        old.executescript(str(MIGRATIONS[0]))
        old.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        old.execute("PRAGMA user_version = 1")
        old.execute(
            "INSERT INTO runs (id, name, spec, facts, revision, created_at)"
            " VALUES ('old', 'before', ?, '{}', 1, 5)",
            (json.dumps(make_spec().to_dict()),),
        )
        old.commit()
    newer = open_database(home)
    assert newer.connection().execute("PRAGMA user_version").fetchone()[0] == LATEST
    assert get_run(newer, "old").spec == make_spec()
    newer.close()


def test_a_failing_migration_changes_nothing(db: Database, home: Home) -> None:
    run = create_run(db, make_spec())
    with pytest.raises(sqlite3.OperationalError, match="nonsense"), db.write() as connection:
        schema.migrate(
            connection,
            db.path,
            migrations=(*MIGRATIONS, "CREATE TABLE extra (a);\nnonsense;\n"),
        )
    connection = db.connection()
    assert connection.execute("PRAGMA user_version").fetchone()[0] == LATEST
    assert connection.execute("SELECT 1 FROM sqlite_master WHERE name='extra'").fetchone() is None
    assert get_run(db, run.id) == run


def test_a_backup_is_never_overwritten(db: Database, home: Home) -> None:
    older = home.folder / f"wideset.sqlite3.backup-v{LATEST}"
    older.write_text("precious")
    with db.write() as connection:
        schema.migrate(connection, db.path, migrations=(*MIGRATIONS, "CREATE TABLE x (a);"))
    assert older.read_text() == "precious"
    assert (home.folder / f"wideset.sqlite3.backup-v{LATEST}-2").exists()


def test_a_newer_store_is_refused_untouched(db: Database, home: Home) -> None:
    db.connection().execute("PRAGMA user_version = 99")
    db.close()
    before, files = fingerprint(home.store), sorted(home.folder.iterdir())
    with pytest.raises(StoreUnusable, match=r"newer version of Wideset.*99") as caught:
        open_database(home)
    assert "Update Wideset" in caught.value.remedy
    assert fingerprint(home.store) == before
    assert sorted(home.folder.iterdir()) == files


@pytest.mark.parametrize("content", [b"not a database at all, " * 100, b"\0" * 4096, b"x"])
def test_a_file_that_is_no_database_is_refused_untouched(home: Home, content: bytes) -> None:
    home.prepare()
    home.store.write_bytes(content)
    before = fingerprint(home.store)
    with pytest.raises(StoreUnusable, match="left untouched"):
        open_database(home)
    assert fingerprint(home.store) == before


@pytest.mark.parametrize("damage", ["cut", "overwritten"])
def test_a_damaged_store_is_refused_untouched(db: Database, home: Home, damage: str) -> None:
    for _ in range(20):
        create_run(db, make_spec())
    db.close()
    content = home.store.read_bytes()
    if damage == "cut":
        home.store.write_bytes(content[: len(content) // 2])
    else:
        home.store.write_bytes(content[:8192] + b"\xa5" * 8192 + content[16384:])
    before = fingerprint(home.store)
    with pytest.raises(StoreUnusable, match="left untouched"):
        open_database(home)
    assert fingerprint(home.store) == before


def test_another_programs_database_is_refused_untouched(home: Home) -> None:
    home.prepare()
    with closing(sqlite3.connect(home.store)) as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
    before = fingerprint(home.store)
    with pytest.raises(StoreUnusable, match="another program"):
        open_database(home)
    assert fingerprint(home.store) == before


def test_two_processes_that_open_a_new_home_at_once_both_get_it(home: Home) -> None:
    # The second finds the first one's tables under the lock and leaves them.
    home.prepare()
    with closing(sqlite3.connect(home.store, isolation_level=None)) as one:
        one.execute("BEGIN IMMEDIATE")
        schema.migrate(one, home.store)
        one.execute("COMMIT")
        one.execute("BEGIN IMMEDIATE")
        schema.migrate(one, home.store)
        one.execute("COMMIT")
        assert one.execute("SELECT count(*) FROM lease").fetchone() == (1,)


def open_database_knowing(home: Home, migrations: tuple[str, ...]) -> Database:
    database = Database(home.store)
    with database.write() as connection:
        schema.migrate(connection, home.store, migrations=migrations)
    return database
