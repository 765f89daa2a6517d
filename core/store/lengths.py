"""How many tokens the texts of earlier runs took, for estimates before the next one."""

from core.store.database import Database

_RUNS = 50


def tokens_by_temperature(db: Database, model: str) -> dict[float, float]:
    """Mean tokens drawn for a usable text, by temperature, over the last 50 runs with a model.

    The end of each text counts as one token, and what went into unusable texts counts, too.
    Texts whose tokens are not known are left out.

    Args:
        db: the store.
        model: as in `core.runs.ModelChoice.model`.
    """
    with db.read() as connection:
        rows = connection.execute(
            "SELECT temperature, sum(length(token_ids) / 4 + 1) AS tokens,"
            " sum(outcome = 'usable') AS usable FROM ("
            " SELECT id, json_extract(spec, '$.condition.temperature') AS temperature FROM runs"
            " WHERE json_extract(spec, '$.model.model') = ?"
            " ORDER BY created_at DESC, id DESC LIMIT ?"
            ") AS recent JOIN samples ON run_id = recent.id"
            " WHERE length(token_ids) > 0 GROUP BY temperature",
            (model, _RUNS),
        ).fetchall()
    return {row["temperature"]: row["tokens"] / row["usable"] for row in rows if row["usable"]}
