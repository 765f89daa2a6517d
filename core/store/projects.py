"""Projects: a task with all that was made for it, as the store holds it."""

import json
import sqlite3
from collections.abc import Sequence, Set
from dataclasses import dataclass
from functools import cache

from core.domain.tasks import Task, preset, preset_names, task_from_dict
from core.store.database import Database


@dataclass(frozen=True, slots=True)
class Project:
    """A project.

    Args:
        task: as its newest run has it; without one as it was saved, a preset or a sweep has it.
        runs: how many, hidden ones left out.
        texts: usable ones in them.
        versions: made by interventions.
        trainings: classifiers trained, models asked.
        sweeps: grids.
        references: real data attached.
        latest_run: id of its newest run; empty without one.
        active_at: when something was last made, seconds since 1970, UTC.
    """

    task: Task
    runs: int
    texts: int
    versions: int
    trainings: int
    sweeps: int
    references: int
    latest_run: str
    active_at: float


def list_projects(db: Database, *, planned: bool = False) -> list[Project]:
    """All projects, the one with the latest activity first.

    Args:
        db: the store.
        planned: those without a run, too: saved tasks, and presets and tasks of sweeps with
            anything made for them. A reference of a task that is none of these has no task to name.
    """
    with db.read() as connection:
        runs = connection.execute(
            "SELECT runs.id, json_extract(spec, '$.task') AS task, runs.created_at,"
            " (SELECT count(*) FROM samples WHERE run_id = runs.id AND outcome = 'usable')"
            " AS texts,"
            " (SELECT max(done_at) FROM rounds WHERE run_id = runs.id) AS generated_at,"
            " (SELECT count(*) FROM versions WHERE run_id = runs.id AND kind <> 'raw'"
            "  AND deleted_at IS NULL) AS versions,"
            " (SELECT max(created_at) FROM versions WHERE run_id = runs.id) AS repaired_at"
            " FROM runs WHERE deleted_at IS NULL ORDER BY rowid DESC"
        ).fetchall()
        made = {
            table: {
                row["task_key"]: (row["number"], row["latest"])
                for row in connection.execute(
                    f"SELECT task_key, count(*) AS number, max(created_at) AS latest FROM {table}"
                    " WHERE deleted_at IS NULL GROUP BY task_key"
                )
            }
            for table in ("trainings", "sweeps", "reference_sets")
        }
        saved = connection.execute(
            "SELECT task, created_at FROM tasks WHERE deleted_at IS NULL"
            " UNION ALL SELECT json_extract(grid, '$.task'), created_at FROM sweeps"
            " WHERE deleted_at IS NULL AND json_extract(grid, '$.task') IS NOT NULL"
        ).fetchall()
    tasks: dict[str, Task] = {}
    own: dict[str, list[int]] = {}
    for place, row in enumerate(runs):
        task = task_from_dict(json.loads(row["task"]))
        tasks.setdefault(task.key, task)
        own.setdefault(task.key, []).append(place)
    begun: dict[str, float] = {}
    if planned:
        begun = _without_runs(tasks, saved, {key for rest in made.values() for key in rest})
    projects = []
    for key, task in tasks.items():
        rows = [runs[place] for place in own.get(key, ())]
        times = [
            moment
            for row in rows
            for moment in (row["created_at"], row["generated_at"], row["repaired_at"])
            if moment is not None
        ]
        counts = {table: rest.get(key, (0, None)) for table, rest in made.items()}
        times += [latest for _, latest in counts.values() if latest is not None]
        times += [begun[key]] if key in begun else []
        projects.append(
            Project(
                task=task,
                runs=len(rows),
                texts=sum(row["texts"] for row in rows),
                versions=sum(row["versions"] for row in rows),
                trainings=counts["trainings"][0],
                sweeps=counts["sweeps"][0],
                references=counts["reference_sets"][0],
                latest_run=rows[0]["id"] if rows else "",
                active_at=max(times),
            )
        )
    return sorted(projects, key=lambda project: project.active_at, reverse=True)


def _without_runs(
    tasks: dict[str, Task], saved: Sequence[sqlite3.Row], made: Set[str]
) -> dict[str, float]:
    """Add the tasks that have no run yet; when those that were saved were."""
    begun: dict[str, float] = {}
    for row in saved:
        task = task_from_dict(json.loads(row["task"]))
        if task.key not in tasks:
            tasks[task.key] = task
            begun[task.key] = row["created_at"]
    for key in made - tasks.keys():
        known = _presets().get(key)
        if known is not None:
            tasks[key] = known
    return begun


@cache
def _presets() -> dict[str, Task]:
    return {preset(name).key: preset(name) for name in preset_names()}
