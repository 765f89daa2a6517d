"""What earlier runs of the same task came to, for comparison."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.domain.tasks import task_from_dict
from core.store.database import Database
from core.store.generation.runs import RunRecord

_LOOK_BACK = 50


@dataclass(frozen=True, slots=True)
class EarlierCurve:
    """The diversity of an earlier run over its texts.

    Args:
        name: the run's.
        curve: rows of n, Remote-Clique, low, high, as in `core.diversity.measures.live`.
    """

    name: str
    curve: Sequence[Sequence[Any]]


def curve_before(db: Database, run: RunRecord) -> EarlierCurve | None:
    """The curve of the last run of the same task before this one, None if there is none.

    Looks at the 50 runs before it.
    """
    with db.read() as connection:
        rows = connection.execute(
            "SELECT runs.name, runs.spec, jobs.progress FROM runs JOIN jobs ON jobs.id = job_id"
            " WHERE deleted_at IS NULL AND runs.rowid < (SELECT rowid FROM runs WHERE id = ?)"
            " ORDER BY runs.rowid DESC LIMIT ?",
            (run.id, _LOOK_BACK),
        ).fetchall()
    for row in rows:
        diversity = json.loads(row["progress"]).get("diversity") or {}
        if diversity.get("curve") and task_from_dict(json.loads(row["spec"])["task"]).key == (
            run.spec.task.key
        ):
            return EarlierCurve(row["name"], diversity["curve"])
    return None
