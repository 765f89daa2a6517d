"""Previews in the store: what an intervention would make of a dataset, by what was asked for."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from core.domain.serialization import to_json
from core.domain.settings_key import settings_key
from core.store.database import Database


@dataclass(frozen=True, slots=True)
class Preview:
    """A preview as stored.

    Args:
        kind: of the job that made it.
        dataset: key of the dataset that it is of.
        request: what was asked for, as JSON data; `from_json` makes the request's class of it.
        result: what came of it, likewise.
        created_at: seconds since 1970, UTC.
    """

    kind: str
    dataset: str
    request: dict[str, object]
    result: dict[str, object]
    created_at: float


def recipe_of(dataset: str, request: object) -> str:
    """The key of all that decides a preview.

    Args:
        dataset: key of the dataset.
        request: what is asked for: a dataclass of settings, or a mapping with all its keys.

    Raises:
        ValueError: it holds NaN or infinity.
    """
    return settings_key([dataset, request])


def save_preview(
    db: Database, kind: str, dataset: str, request: object, result: Mapping[str, object]
) -> None:
    """Store a preview, JSON-ready, in place of the one before of the same recipe.

    Raises:
        StoreFull, StoreBusy: nothing was stored.
        ValueError: it holds NaN or infinity.
    """
    written = json.dumps(dict(result), allow_nan=False)
    with db.write() as connection:
        connection.execute(
            "INSERT OR REPLACE INTO previews (kind, recipe, dataset, request, result, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (
                *(kind, recipe_of(dataset, request), dataset),
                *(json.dumps(to_json(request)), written, db.now()),
            ),
        )


def find_preview(db: Database, kind: str, dataset: str, request: object) -> Preview | None:
    """The preview of what is asked for, None while there is none."""
    with db.read() as connection:
        row = connection.execute(
            "SELECT * FROM previews WHERE kind = ? AND recipe = ?",
            (kind, recipe_of(dataset, request)),
        ).fetchone()
    return None if row is None else _preview(row)


def latest_preview(db: Database, kind: str, dataset: str) -> Preview | None:
    """The newest preview of a dataset, None while there is none."""
    with db.read() as connection:
        row = connection.execute(
            "SELECT * FROM previews WHERE kind = ? AND dataset = ? ORDER BY rowid DESC LIMIT 1",
            (kind, dataset),
        ).fetchone()
    return None if row is None else _preview(row)


def _preview(row: sqlite3.Row) -> Preview:
    return Preview(
        row["kind"],
        row["dataset"],
        json.loads(row["request"]),
        json.loads(row["result"]),
        row["created_at"],
    )
