"""Assessments in the store: what a recipe found of a run, shared by all sweeps that ask for it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.store.database import Database

_AT_ONCE = 500  # values a query; SQLite allows 999 in its oldest versions


@dataclass(frozen=True, slots=True)
class Assessment:
    """What a recipe found of a run.

    Args:
        run_id: the run.
        recipe: `Recipe.key`.
        n: how many usable texts the run had then.
        settings: `Recipe.to_dict`.
        result: of `core.sweeps.assessment.assess`.
        created_at: seconds since 1970, UTC.
    """

    run_id: str
    recipe: str
    n: int
    settings: Mapping[str, Any]
    result: Mapping[str, Any]
    created_at: float


def save_assessment(
    db: Database,
    run_id: str,
    *,
    recipe: str,
    n: int,
    settings: Mapping[str, Any],
    result: Mapping[str, Any],
) -> None:
    """Store an assessment in place of the one before; arguments as of `Assessment`.

    Raises:
        StoreFull, StoreBusy: nothing was stored.
        ValueError: the result holds NaN or infinity.
    """
    written = json.dumps(dict(result), allow_nan=False)
    with db.write() as connection:
        connection.execute(
            "INSERT INTO assessments (run_id, recipe, n, settings, result, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (run_id, recipe) DO UPDATE SET"
            " n = excluded.n, settings = excluded.settings, result = excluded.result,"
            " created_at = excluded.created_at",
            (run_id, recipe, n, json.dumps(dict(settings)), written, db.now()),
        )


def find_assessments(
    db: Database,
    run_ids: Iterable[str] | None = None,
    *,
    task_key: str | None = None,
    sweep_ids: Sequence[str] | None = None,
    recipe: str | None = None,
) -> list[Assessment]:
    """Assessments by run and recipe; what is given narrows the choice, a deleted run has none.

    Args:
        db: the store.
        run_ids: only of these runs.
        task_key: only of runs in living sweeps of this task.
        sweep_ids: only of runs in these sweeps.
        recipe: only by the recipe of that key.
    """
    if run_ids is None:
        assessments = _assessments(db, task_key, sweep_ids, recipe, None)
    else:
        ids = sorted(set(run_ids))
        parts = [ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE)]
        with db.read():
            assessments = [
                row for part in parts for row in _assessments(db, task_key, sweep_ids, recipe, part)
            ]
    return assessments


def _assessments(
    db: Database,
    task_key: str | None,
    sweep_ids: Sequence[str] | None,
    recipe: str | None,
    run_ids: Sequence[str] | None,
) -> list[Assessment]:
    query = (
        "SELECT assessments.* FROM assessments JOIN runs ON runs.id = run_id"
        " WHERE runs.deleted_at IS NULL"
    )
    values: list[Any] = []
    if run_ids is not None:
        query += f" AND run_id IN ({','.join('?' * len(run_ids))})"
        values.extend(run_ids)
    if recipe is not None:
        query += " AND recipe = ?"
        values.append(recipe)
    if sweep_ids is not None:
        marks = ",".join("?" * len(sweep_ids))
        query += f" AND run_id IN (SELECT run_id FROM trials WHERE sweep_id IN ({marks}))"
        values.extend(sweep_ids)
    if task_key is not None:
        query += (
            " AND run_id IN (SELECT run_id FROM trials JOIN sweeps ON sweeps.id = sweep_id"
            " WHERE task_key = ? AND sweeps.deleted_at IS NULL)"
        )
        values.append(task_key)
    with db.read() as connection:
        rows = connection.execute(f"{query} ORDER BY run_id, recipe", values).fetchall()
    return [
        Assessment(
            run_id=row["run_id"],
            recipe=row["recipe"],
            n=row["n"],
            settings=json.loads(row["settings"]),
            result=json.loads(row["result"]),
            created_at=row["created_at"],
        )
        for row in rows
    ]
