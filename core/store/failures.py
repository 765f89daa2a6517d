"""SQLite's errors, said the way a person can do something about them."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import StoreBusy, StoreFull, StoreUnusable, WidesetError

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
