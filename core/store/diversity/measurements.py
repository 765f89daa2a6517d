"""Measurements in the store: the latest of each dataset, by encoder and by what was asked for."""

import json
from collections.abc import Mapping
from typing import Any

from core.domain.settings_key import Settings, canonical, settings_key
from core.store.database import Database

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
