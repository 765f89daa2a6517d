"""Rounds in the store: which parts of a run are complete, so that a resumed one skips them."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from core.store.database import Database


@dataclass(frozen=True, slots=True)
class Round:
    """A group of requests that was decoded together and is complete.

    Args:
        cycle: counted from 1.
        position: place of the group within its cycle, from 0; the only one where a cycle's labels
            are decoded together.
        requested: texts asked for by label name.
        done_at: seconds since 1970, UTC.
        seconds: how long it took.
        tokens: tokens drawn.
    """

    cycle: int
    position: int
    requested: Mapping[str, int]
    done_at: float
    seconds: float
    tokens: int


def finish_round(
    db: Database,
    run_id: str,
    *,
    cycle: int,
    position: int,
    requested: Mapping[str, int],
    seconds: float,
    tokens: int,
) -> bool:
    """Mark a group as complete; call it after its last sample was stored, or in the same `write`.

    Returns:
        Whether it was new; a group that is complete already keeps its first record.

    Raises:
        sqlite3.IntegrityError: there is no such run, or a number is out of its range.
    """
    with db.write() as connection:
        return bool(
            connection.execute(
                "INSERT INTO rounds (run_id, cycle, position, requested, done_at, seconds, tokens)"
                " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (run_id, cycle, position, json.dumps(dict(requested)), db.now(), seconds, tokens),
            ).rowcount
        )


def rounds_of(db: Database, run_id: str) -> list[Round]:
    """A run's complete groups, by cycle and position."""
    with db.read() as connection:
        rows = connection.execute(
            "SELECT * FROM rounds WHERE run_id = ? ORDER BY cycle, position", (run_id,)
        ).fetchall()
    return [
        Round(
            cycle=row["cycle"],
            position=row["position"],
            requested=json.loads(row["requested"]),
            done_at=row["done_at"],
            seconds=row["seconds"],
            tokens=row["tokens"],
        )
        for row in rows
    ]


def seconds_of(db: Database, run_ids: Iterable[str]) -> dict[str, float]:
    """Seconds that each run's complete groups took, by run id; a run without any is missing."""
    with db.read() as connection:
        rows = connection.execute(
            "SELECT run_id, sum(seconds) AS seconds FROM rounds"
            " WHERE run_id IN (SELECT value FROM json_each(?)) GROUP BY run_id",
            (json.dumps(sorted(set(run_ids))),),
        ).fetchall()
    return {row["run_id"]: row["seconds"] for row in rows}


def recent_speed(db: Database, model: str, *, rounds: int = 20) -> float | None:
    """Texts a second over the last complete groups of runs with this model; None without any.

    Args:
        db: the store.
        model: as in `core.domain.runs.ModelChoice.model`.
        rounds: over how many groups at most.
    """
    with db.read() as connection:
        rows = connection.execute(
            "SELECT requested, seconds FROM rounds JOIN runs ON runs.id = rounds.run_id"
            " WHERE json_extract(runs.spec, '$.model.model') = ? AND seconds > 0"
            " ORDER BY done_at DESC LIMIT ?",
            (model, rounds),
        ).fetchall()
    seconds = sum(row["seconds"] for row in rows)
    texts = sum(sum(json.loads(row["requested"]).values()) for row in rows)
    return texts / seconds if seconds > 0 else None
