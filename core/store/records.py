"""What all tables of named records share: ids, names, and hiding a row so that it comes back."""

import secrets
import sqlite3
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from core.domain.errors import BadInput
from core.store.database import Database

R = TypeVar("R")

MAX_NAME = 200
UNNAMED = "Unnamed run"
# Marks and overrides of writing direction: harmless in a text, misleading in a list of names.
_HIDDEN = ("Cc", "Cs", "Zl", "Zp")
_DIRECTION = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_TIME_DIGITS = 9  # 36**9 milliseconds reach the year 5188
_RANDOM_DIGITS = 6  # 2 billion: two ids of one millisecond still differ

_QUERY_VALUES = 500  # SQLite allows 999 in its oldest versions


def new_id(now: float) -> str:
    """An id of 15 characters out of a-z and 0-9; later milliseconds sort later.

    It is safe in file names and addresses.

    Args:
        now: seconds since 1970, UTC.
    """
    number, digits = max(0, int(now * 1000)), ""
    while number:
        number, rest = divmod(number, 36)
        digits = _DIGITS[rest] + digits
    chance = "".join(secrets.choice(_DIGITS) for _ in range(_RANDOM_DIGITS))
    return digits.rjust(_TIME_DIGITS, "0") + chance


def clean_name(name: str) -> str:
    """A name fit for display: one line of 1 to 200 characters.

    Control characters, halves of surrogate pairs and marks of writing direction are taken out,
    white space is collapsed; nothing left gives "Unnamed run".
    """
    kept = "".join(
        char
        for char in name
        if char.isspace() or (unicodedata.category(char) not in _HIDDEN and char not in _DIRECTION)
    )
    return " ".join(kept.split())[:MAX_NAME].rstrip() or UNNAMED


def query_batches(values: Sequence[str]) -> Iterator[tuple[str, Sequence[str]]]:
    """The marks for `IN (...)` and the values of as many queries as SQLite's limit needs."""
    for start in range(0, len(values), _QUERY_VALUES):
        part = values[start : start + _QUERY_VALUES]
        yield ",".join("?" * len(part)), part


@dataclass(frozen=True, slots=True)
class RecordTable(Generic[R]):
    """A table whose rows have an `id`, and `deleted_at` while they are hidden.

    Args:
        table: its name; with the columns it is part of the SQL, so both come from code alone.
        noun: what a row is to people.
        from_row: reads a row.
    """

    table: Literal["runs", "sweeps", "trainings", "reference_sets", "tasks"]
    noun: str
    from_row: Callable[[sqlite3.Row], R]

    def get(self, db: Database, record_id: str) -> R:
        """The record, deleted or not.

        Raises:
            BadInput: there is none of that id.
        """
        with db.read() as connection:
            row = connection.execute(
                f"SELECT * FROM {self.table} WHERE id = ?", (record_id,)
            ).fetchone()
        if row is None:
            raise self._unknown(record_id)
        return self.from_row(row)

    def select(
        self,
        db: Database,
        *,
        include_deleted: bool = False,
        order: str = "rowid DESC",
        **equal: str | None,
    ) -> list[R]:
        """The records, the newest first unless another order is given.

        Args:
            db: the store.
            include_deleted: hidden ones, too.
            order: columns to sort by.
            equal: values that columns must have; None allows any.
        """
        wanted = {column: value for column, value in equal.items() if value is not None}
        tests = [f"{column} = :{column}" for column in wanted]
        tests += [] if include_deleted else ["deleted_at IS NULL"]
        where = f" WHERE {' AND '.join(tests)}" if tests else ""
        with db.read() as connection:
            rows = connection.execute(
                f"SELECT * FROM {self.table}{where} ORDER BY {order}", wanted
            ).fetchall()
        return [self.from_row(row) for row in rows]

    def rename(self, db: Database, record_id: str, name: str) -> None:
        """Give the record another name; see `clean_name`.

        Raises:
            BadInput: there is none of that id.
        """
        self.update(db, record_id, name=clean_name(name))

    def delete(self, db: Database, record_id: str) -> None:
        """Hide the record; what belongs to it stays, and `restore` brings it back. Idempotent.

        Raises:
            BadInput: there is none of that id.
        """
        with db.write() as connection:
            connection.execute(
                f"UPDATE {self.table} SET deleted_at = ? WHERE id = ? AND deleted_at IS NULL",
                (db.now(), record_id),
            )
            self.get(db, record_id)

    def restore(self, db: Database, record_id: str) -> None:
        """Undo `delete`.

        Raises:
            BadInput: there is none of that id.
        """
        self.update(db, record_id, deleted_at=None)

    def update(self, db: Database, record_id: str, **columns: float | str | None) -> None:
        """Set columns of the record.

        Raises:
            BadInput: there is none of that id.
        """
        assignments = ", ".join(f"{column} = ?" for column in columns)
        with db.write() as connection:
            changed = connection.execute(
                f"UPDATE {self.table} SET {assignments} WHERE id = ?",
                (*columns.values(), record_id),
            ).rowcount
        if not changed:
            raise self._unknown(record_id)

    def _unknown(self, record_id: str) -> BadInput:
        shown = "".join(char for char in record_id if char.isprintable())[:40].strip()
        what = f"There is no {self.noun} '{shown}'" if shown else f"There is no such {self.noun}"
        return BadInput(f"{what} in this store.", "Choose one from the list.")
