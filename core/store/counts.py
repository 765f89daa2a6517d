"""Counts of samples by outcome, answered from an index without reading a text."""

import sqlite3
from dataclasses import dataclass

from core.store.database import Database

COUNT_COLUMNS = """
    sum(outcome = 'usable') AS usable, sum(outcome = 'empty') AS empty,
    sum(outcome = 'truncated') AS truncated,
    sum(outcome = 'usable' AND duplicate_of IS NOT NULL) AS duplicates
"""
"""What a query over `samples` selects for `counts_in`."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many samples came out how; `duplicates` are those among the usable."""

    usable: int = 0
    empty: int = 0
    truncated: int = 0
    duplicates: int = 0

    @property
    def total(self) -> int:
        """Samples of any outcome."""
        return self.usable + self.empty + self.truncated

    @property
    def new(self) -> int:
        """Usable samples that repeat no earlier one."""
        return self.usable - self.duplicates


def counts(db: Database, run_id: str) -> dict[str, Counts]:
    """Counts of a run by label name; a label without samples is missing."""
    with db.read() as connection:
        rows = connection.execute(
            f"SELECT label, {COUNT_COLUMNS} FROM samples WHERE run_id = ? GROUP BY label",
            (run_id,),
        ).fetchall()
    return {row["label"]: counts_in(row) for row in rows}


def counts_in(row: sqlite3.Row) -> Counts:
    """The counts that a row with `COUNT_COLUMNS` holds; NULL, of no samples, is 0."""
    return Counts(
        row["usable"] or 0, row["empty"] or 0, row["truncated"] or 0, row["duplicates"] or 0
    )
