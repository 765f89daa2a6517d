"""Maps in the store: where texts lie on a plane, by their hash, whichever datasets hold them."""

import json
import math
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.domain.settings_key import Settings, settings_key
from core.store.database import Database
from core.store.records import new_id

_AT_ONCE = 500  # hashes a query; SQLite allows 999 values in its oldest versions

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class MapRecord:
    """A map.

    Args:
        id: made by us.
        task_key: of the task whose texts it shows.
        encoder: the encoder's fingerprint.
        facts: how it was made; `choice` is the choice of encoder as a person made it.
        created_at: seconds since 1970, UTC.
    """

    id: str
    task_key: str
    encoder: str
    facts: Mapping[str, Any]
    created_at: float


def new_map(
    db: Database,
    *,
    task_key: str,
    encoder: str,
    choice: Settings,
    facts: Mapping[str, Any],
    fitted: Mapping[bytes, Point],
) -> MapRecord:
    """Store a whole map and remove those of the same task and choice that it replaces, in one step.

    Args:
        db: the store.
        task_key: of the task.
        encoder: the encoder's fingerprint.
        choice: the choice of encoder as a person made it, by which the map is found again.
        facts: JSON-ready, with the `choice`.
        fitted: the points that it was fitted on, by text hash.

    Raises:
        StoreFull, StoreBusy: nothing was changed.
        ValueError: a point is not finite.
    """
    rows = _rows(fitted)
    now = db.now()
    record = MapRecord(new_id(now), task_key, encoder, dict(facts), now)
    with db.write() as connection:
        replaced = [old.id for old in _maps(connection, task_key, choice)]
        connection.execute(
            "INSERT INTO maps (id, task_key, encoder, settings_key, facts, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (record.id, task_key, encoder, settings_key(choice), json.dumps(record.facts), now),
        )
        connection.executemany(
            "INSERT INTO points (map_id, text_hash, x, y, fitted) VALUES (?, ?, ?, ?, 1)",
            [(record.id, *row) for row in rows],
        )
        for old in replaced:
            connection.execute("DELETE FROM points WHERE map_id = ?", (old,))
            connection.execute("DELETE FROM maps WHERE id = ?", (old,))
    return record


def add_points(db: Database, map_id: str, placed: Mapping[bytes, Point]) -> None:
    """Store texts that were placed on a map later; those already there stay where they are.

    Raises:
        StoreFull, StoreBusy: none of them was stored.
        ValueError: a point is not finite.
        sqlite3.IntegrityError: there is no such map.
    """
    rows = _rows(placed)
    with db.write() as connection:
        connection.executemany(
            "INSERT INTO points (map_id, text_hash, x, y, fitted) VALUES (?, ?, ?, ?, 0)"
            " ON CONFLICT DO NOTHING",
            [(map_id, *row) for row in rows],
        )


def latest_map(db: Database, task_key: str, *, choice: Settings) -> MapRecord | None:
    """The map of a task by a choice of encoder; None if none was made yet."""
    with db.read() as connection:
        maps = _maps(connection, task_key, choice)
    return maps[-1] if maps else None


def points_of(db: Database, map_id: str, hashes: Iterable[bytes]) -> dict[bytes, Point]:
    """Where texts lie, by text hash; those that are not on the map are left out.

    Args:
        db: the store.
        map_id: which map.
        hashes: of `core.domain.texts.text_hash`; repetitions are harmless.
    """
    wanted = list(dict.fromkeys(hashes))
    points: dict[bytes, Point] = {}
    with db.read() as connection:
        for start in range(0, len(wanted), _AT_ONCE):
            part = wanted[start : start + _AT_ONCE]
            marks = ",".join("?" * len(part))
            for key, x, y in connection.execute(
                f"SELECT text_hash, x, y FROM points WHERE map_id = ? AND text_hash IN ({marks})",
                (map_id, *part),
            ):
                points[key] = (x, y)
    return points


def fitted_points(db: Database, map_id: str) -> dict[bytes, Point]:
    """The points that a map was fitted on, in the order of fitting: that of their hashes."""
    with db.read() as connection:
        rows = connection.execute(
            "SELECT text_hash, x, y FROM points WHERE map_id = ? AND fitted = 1 ORDER BY text_hash",
            (map_id,),
        ).fetchall()
    return {key: (x, y) for key, x, y in rows}


def _rows(points: Mapping[bytes, Sequence[float]]) -> list[tuple[bytes, float, float]]:
    rows = [(key, float(x), float(y)) for key, (x, y) in points.items()]
    if not all(math.isfinite(x) and math.isfinite(y) for _, x, y in rows):
        raise ValueError("a point of a map is not finite")
    return rows


def _maps(connection: sqlite3.Connection, task_key: str, choice: Settings) -> list[MapRecord]:
    rows = connection.execute(
        "SELECT * FROM maps WHERE task_key = ? AND settings_key = ? ORDER BY rowid",
        (task_key, settings_key(choice)),
    ).fetchall()
    return [
        MapRecord(
            row["id"], row["task_key"], row["encoder"], json.loads(row["facts"]), row["created_at"]
        )
        for row in rows
    ]
