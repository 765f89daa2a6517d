"""Measurements in the store: the latest of each dataset, by encoder and by what was asked for."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from core.store.database import Database

MEASURES_VERSION = 1
"""Raised when `core.diversity.measures.measure` computes or names something differently."""


def recipe_of(choice: Mapping[str, Any], reference_key: str | None) -> str:
    """What was asked for, as 16 hexadecimal digits: encoder, reference, version of the measures.

    The device is left out, as it changes the speed and not the result.

    Args:
        choice: the encoder's choice as a dict (`model`, `pooling`, ...).
        reference_key: key of the reference compared with.
    """
    asked = [choice.get("model"), choice.get("pooling"), reference_key, MEASURES_VERSION]
    return hashlib.blake2b(json.dumps(asked).encode(), digest_size=8).hexdigest()


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
            "INSERT INTO measurements (dataset, encoder, recipe, n, result, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (dataset, encoder, recipe) DO UPDATE SET"
            " n = excluded.n, result = excluded.result, created_at = excluded.created_at",
            (dataset_key, encoder, recipe, n, written, db.now()),
        )


def find_measurement(db: Database, dataset_key: str, *, recipe: str) -> dict[str, Any] | None:
    """The latest measurement of a dataset by that recipe, whatever fingerprint its encoder had.

    Its `n` tells whether the dataset has grown since.
    """
    with db.read() as connection:
        row = connection.execute(
            "SELECT result FROM measurements WHERE dataset = ? AND recipe = ?"
            " ORDER BY created_at DESC, rowid DESC LIMIT 1",
            (dataset_key, recipe),
        ).fetchone()
    found: dict[str, Any] | None = None if row is None else json.loads(row["result"])
    return found
