"""Embeddings, measurements and maps in the store.

A text's vector is computed once for each encoder, whoever holds it. Of a dataset's measurements the
latest is kept, by encoder and by what was asked for. A map says where texts lie on a plane, by
their hash, whichever datasets hold them.
"""

import json
import math
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from core.domain.serialization import from_json, to_json
from core.domain.settings_key import Settings, canonical, settings_key
from core.store.database import Database
from core.store.records import new_id

_AT_ONCE = 500  # hashes a query; SQLite allows 999 values in its oldest versions

Vector = npt.NDArray[np.float32]


def known_vectors(db: Database, encoder: str, hashes: Iterable[bytes]) -> dict[bytes, Vector]:
    """The vectors that are there, by text hash; those that are missing are left out.

    Args:
        db: the store.
        encoder: the encoder's fingerprint.
        hashes: of `core.domain.texts.text_hash`; repetitions are harmless.

    Returns:
        float32 (size,) each, read-only.
    """
    query = "SELECT text_hash, vector FROM embeddings WHERE encoder = ?"
    rows = _rows_of(db, query, hashes, encoder)
    return {row["text_hash"]: np.frombuffer(row["vector"], dtype="<f4") for row in rows}


def matrix_of(db: Database, encoder: str, hashes: Sequence[bytes]) -> Vector | None:
    """The vectors of texts in their order, float32 (texts, size); None if any is missing."""
    known = known_vectors(db, encoder, hashes)
    if not hashes or any(key not in known for key in hashes):
        return None
    return np.stack([known[key] for key in hashes])


def add_vectors(db: Database, encoder: str, vectors: Mapping[bytes, Vector]) -> None:
    """Store vectors by text hash in one short transaction; those already there stay.

    Raises:
        StoreFull, StoreBusy: none of them was stored.
        ValueError: a vector is not finite.
    """
    rows = []
    for key, vector in vectors.items():
        if not np.isfinite(vector).all():
            raise ValueError("an embedding is not finite")
        rows.append((encoder, key, np.ascontiguousarray(vector, dtype="<f4").tobytes()))
    with db.write() as connection:
        connection.executemany(
            "INSERT INTO embeddings (encoder, text_hash, vector) VALUES (?, ?, ?)"
            " ON CONFLICT DO NOTHING",
            rows,
        )


def encoders_of(db: Database, hashes: Iterable[bytes]) -> set[str]:
    """The encoders under which any of these texts is embedded."""
    query = "SELECT DISTINCT encoder FROM embeddings WHERE TRUE"
    return {row["encoder"] for row in _rows_of(db, query, hashes)}


MEASURES_VERSION = 1
"""Raised when `core.diversity.measures.measure` computes or names something differently."""


def recipe_of(choice: Settings, reference_key: str | None) -> str:
    """The key of what was asked for: encoder, reference, version of the measures.

    The device is left out, as it changes the speed and not the result.

    Args:
        choice: the encoder's choice (`core.diversity.embedding.encoder.EncoderChoice`).
        reference_key: key of the reference compared with.
    """
    encoder = {name: value for name, value in canonical(choice).items() if name != "device"}
    return settings_key([encoder, reference_key, MEASURES_VERSION])


def save_measurement(
    db: Database,
    dataset_key: str,
    *,
    encoder: str,
    recipe: str,
    n: int,
    result: Mapping[str, Any],
) -> None:
    """Store a measurement in place of the one before.

    Args:
        db: the store.
        dataset_key: as `core.domain.datasets.Dataset.key`.
        encoder: the encoder's fingerprint.
        recipe: of `recipe_of`.
        n: how many texts were measured.
        result: ready for JSON.

    Raises:
        StoreFull, StoreBusy: nothing was stored.
        ValueError: the result holds NaN or infinity.
    """
    written = json.dumps(result, allow_nan=False)
    with db.write() as connection:
        connection.execute(
            "INSERT OR REPLACE INTO measurements (dataset, encoder, recipe, n, result, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (dataset_key, encoder, recipe, n, written, db.now()),
        )


def find_measurement(db: Database, dataset_key: str, *, recipe: str) -> dict[str, Any] | None:
    """The latest measurement of a dataset by that recipe, whatever fingerprint its encoder had.

    Its `n` tells whether the dataset has grown since.
    """
    with db.read() as connection:
        row = connection.execute(
            "SELECT result FROM measurements WHERE dataset = ? AND recipe = ?"
            " ORDER BY rowid DESC LIMIT 1",
            (dataset_key, recipe),
        ).fetchone()
    result: dict[str, Any] | None = None if row is None else json.loads(row["result"])
    return result


Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class MappedDataset:
    """A dataset that a map was fitted on: its key, its name and its number of texts then."""

    key: str
    name: str
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MapFacts:
    """How a map was made.

    Args:
        choice: the choice of encoder as a person made it.
        fingerprint: of the encoder.
        method: `umap`, or `pca` where there were too few texts.
        seed: of the fit.
        neighbours: UMAP's number of neighbours.
        min_dist: UMAP's smallest distance.
        datasets: that it was fitted on.
        texts: different ones that it was fitted on.
        of: different ones that the datasets had.
        sampled: whether these are more.
        versions: of what fitted it.
        note: what to mind about it; may be empty.
    """

    choice: Mapping[str, object]
    fingerprint: str = ""
    method: str = "umap"
    seed: int = 0
    neighbours: int = 15
    min_dist: float = 0.1
    datasets: tuple[MappedDataset, ...] = ()
    texts: int = 0
    of: int = 0
    sampled: bool = False
    versions: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class MapRecord:
    """A map.

    Args:
        id: made by us.
        task_key: of the task whose texts it shows.
        encoder: the encoder's fingerprint.
        facts: how it was made.
        created_at: seconds since 1970, UTC.
    """

    id: str
    task_key: str
    encoder: str
    facts: MapFacts
    created_at: float


def new_map(
    db: Database,
    *,
    task_key: str,
    encoder: str,
    choice: Settings,
    facts: MapFacts,
    fitted: Mapping[bytes, Point],
) -> MapRecord:
    """Store a whole map and remove those of the same task and choice that it replaces, in one step.

    Args:
        db: the store.
        task_key: of the task.
        encoder: the encoder's fingerprint.
        choice: the choice of encoder as a person made it, by which the map is found again.
        facts: how it was made.
        fitted: the points that it was fitted on, by text hash.

    Raises:
        StoreFull, StoreBusy: nothing was changed.
        ValueError: a point is not finite.
    """
    rows = _rows(fitted)
    now = db.now()
    record = MapRecord(new_id(now), task_key, encoder, facts, now)
    with db.write() as connection:
        replaced = [old.id for old in _maps(connection, task_key, choice)]
        connection.execute(
            "INSERT INTO maps (id, task_key, encoder, settings_key, facts, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (record.id, task_key, encoder, settings_key(choice), json.dumps(to_json(facts)), now),
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
    query = "SELECT text_hash, x, y FROM points WHERE map_id = ?"
    return {key: (x, y) for key, x, y in _rows_of(db, query, hashes, map_id)}


def fitted_points(db: Database, map_id: str) -> dict[bytes, Point]:
    """The points that a map was fitted on, in the order of fitting: that of their hashes."""
    with db.read() as connection:
        rows = connection.execute(
            "SELECT text_hash, x, y FROM points WHERE map_id = ? AND fitted = 1 ORDER BY text_hash",
            (map_id,),
        ).fetchall()
    return {key: (x, y) for key, x, y in rows}


def _rows_of(db: Database, query: str, hashes: Iterable[bytes], *values: str) -> list[sqlite3.Row]:
    """The rows of a query (with a condition, whose values are given) for texts, by their hashes."""
    wanted = list(dict.fromkeys(hashes))
    rows: list[sqlite3.Row] = []
    with db.read() as connection:
        for start in range(0, len(wanted), _AT_ONCE):
            part = wanted[start : start + _AT_ONCE]
            marks = ",".join("?" * len(part))
            rows += connection.execute(f"{query} AND text_hash IN ({marks})", (*values, *part))
    return rows


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
            row["id"],
            row["task_key"],
            row["encoder"],
            from_json(MapFacts, json.loads(row["facts"])),
            row["created_at"],
        )
        for row in rows
    ]
