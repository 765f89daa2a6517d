"""A project by what a person types for it: a sweep, a study, or a task with all its sweeps."""

from dataclasses import dataclass

from core.domain.errors import BadInput
from core.store.database import Database
from core.store.projects import list_projects
from core.store.sweeps import SweepRecord, list_sweeps

KINDS = ("sweep", "study", "task")


@dataclass(frozen=True, slots=True)
class Found:
    """Sweeps that were meant.

    Args:
        kind: sweep, study or task.
        title: its name.
        sweeps: at least one.
    """

    kind: str
    title: str
    sweeps: tuple[SweepRecord, ...]


def find_project(db: Database, wanted: str) -> Found:
    """The sweep of that id, else what has that name, else whose id or key alone begins so.

    Names are those of sweeps, studies and tasks. "sweep:", "study:" or "task:" before it says which
    is meant.

    Raises:
        BadInput: none, or more than one.
    """
    kind, _, rest = wanted.partition(":")
    only, name = (kind, rest) if kind in KINDS and rest else ("", wanted)
    sweeps = list_sweeps(db)
    exact = [one for one in sweeps if one.id == name]
    if exact and only in ("", "sweep"):
        return Found("sweep", exact[0].name, (exact[0],))
    tasks = {one.task.key: one.task.name for one in list_projects(db)}
    found = _named(sweeps, tasks, name) or _beginning(sweeps, tasks, name)
    found = [one for one in found if only in ("", one.kind)]
    # A sweep that is all that its study or task has is the same by any name.
    apart = {tuple(sorted(each.id for each in one.sweeps)): one for one in found[::-1]}
    if len(apart) > 1:
        told = ", ".join(
            f"the {one.kind} '{one.title[:60]}' ({_key(one)})" for one in list(apart.values())[::-1]
        )
        raise BadInput(
            f"'{name[:60]}' means {len(apart)} things: {told}.",
            "Give a sweep's whole id, or write study: or task: before the name.",
        )
    if not apart:
        raise BadInput(
            f"There is no sweep, study or task '{wanted[:60]}' with a sweep.",
            "Run one: python -m core sweep GRID.toml.",
        )
    return next(iter(apart.values()))


def _named(sweeps: list[SweepRecord], tasks: dict[str, str], name: str) -> list[Found]:
    study = tuple(one for one in sweeps if one.study and one.study == name)
    found = [Found("study", name, study)] if study else []
    for key, task in tasks.items():
        of_task = tuple(one for one in sweeps if one.task_key == key)
        if of_task and name in (task, key):
            found.append(Found("task", task, of_task))
    return found + [Found("sweep", one.name, (one,)) for one in sweeps if one.name == name]


def _beginning(sweeps: list[SweepRecord], tasks: dict[str, str], name: str) -> list[Found]:
    if not name:
        return []
    found = [
        Found("task", task, tuple(one for one in sweeps if one.task_key == key))
        for key, task in tasks.items()
        if key.startswith(name)
    ]
    found = [one for one in found if one.sweeps]
    return found + [Found("sweep", one.name, (one,)) for one in sweeps if one.id.startswith(name)]


def _key(found: Found) -> str:
    if found.kind == "sweep":
        return found.sweeps[0].id
    return found.sweeps[0].task_key if found.kind == "task" else f"{len(found.sweeps)} sweeps"
