"""Bundle: a store in one file that is carried elsewhere, such as the demo project.

Ids are made by us and differ between stores, so all rows of a bundle can be taken over as they
are; taking the same bundle over again adds nothing.
"""

import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from core.domain.errors import StoreUnusable
from core.domain.settings import Home
from core.store.database import Database, open_database

_TABLES = (
    "tasks",
    "runs",
    "samples",
    "rounds",
    "embeddings",
    "reference_sets",
    "reference_texts",
    "measurements",
    "maps",
    "points",
    "judgements",
    "versions",
    "version_rows",
    "version_moves",
    "previews",
    "trainings",
    "training_repeats",
    "predictions",
    "sweeps",
    "trials",
    "assessments",
)
_NUMBERED = ("judgements", "version_moves")
"""Their rows get new numbers, in the same order."""
_HIDEABLE = ("runs", "reference_sets", "versions", "trainings", "sweeps")
_PAGE = 8192  # of which five vectors of 384 numbers leave little unused
_LEFT_BEHIND = ("jobs", "questions", "attempts", "connections", "capabilities")
"""What belongs to one machine: nothing of a bundle is to run again."""


def take_over(db: Database, bundle: Path) -> None:
    """Add all that a bundle holds to the store; what of it was deleted meanwhile comes back.

    Args:
        db: the store.
        bundle: a store's file, of this version or an older one; it is not changed.

    Raises:
        StoreUnusable: it is no store, or from a newer version.
        StoreFull, StoreBusy: nothing was added.
    """
    if not bundle.is_file():
        raise StoreUnusable(f"There is no bundle at {bundle}.", "Rebuild it: make demo-project.")
    with tempfile.TemporaryDirectory(prefix="wideset-") as folder:
        home = Home(Path(folder))
        shutil.copyfile(bundle, home.store)
        opened = open_database(home)  # an older bundle is brought to this version first
        opened.close()
        with closing(sqlite3.connect(home.store)) as source, db.write() as connection:
            connection.execute("PRAGMA defer_foreign_keys = ON")  # a version's parent may follow
            for table in _TABLES:
                _copy(source, connection, table)
            for table in _HIDEABLE:
                ids = source.execute(f"SELECT id FROM {table} WHERE deleted_at IS NULL").fetchall()
                connection.executemany(f"UPDATE {table} SET deleted_at = NULL WHERE id = ?", ids)


def pack(db: Database, target: Path) -> None:
    """Write the store as a bundle: its jobs left behind, in as few bytes as it takes.

    Args:
        db: the store; it is not changed.
        target: the file, replaced if it is there.

    Raises:
        OSError: the file can't be written.
    """
    partial = target.with_name(f".{target.name}.partial")
    partial.unlink(missing_ok=True)
    db.connection().execute("VACUUM INTO ?", (str(partial),))
    with closing(sqlite3.connect(partial)) as copy:
        for table in ("runs", "trainings", "sweeps"):
            copy.execute(f"UPDATE {table} SET job_id = NULL")
        for table in _LEFT_BEHIND:
            copy.execute(f"DELETE FROM {table}")
        copy.execute("UPDATE lease SET owner = NULL, pid = NULL, until = NULL, note = ''")
        copy.commit()
        copy.execute(f"PRAGMA page_size = {_PAGE}")
        copy.execute("VACUUM")
    partial.replace(target)


def _copy(source: sqlite3.Connection, connection: sqlite3.Connection, table: str) -> None:
    listed = source.execute(f"PRAGMA table_info({table})").fetchall()
    numbered = table in _NUMBERED
    columns = ", ".join(row[1] for row in listed if not (numbered and row[1] == "number"))
    order = " ORDER BY number" if numbered else ""
    rows = source.execute(f"SELECT {columns} FROM {table}{order}").fetchall()
    if table == "version_moves":  # these have no id to be known by
        place = columns.split(", ").index("run_id")
        known = {row[0] for row in connection.execute("SELECT run_id FROM version_moves")}
        rows = [row for row in rows if row[place] not in known]
    marks = ", ".join("?" * (columns.count(",") + 1))
    connection.executemany(f"INSERT OR IGNORE INTO {table} ({columns}) VALUES ({marks})", rows)
