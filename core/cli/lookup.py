"""Runs, references and tasks by what a person types for them."""

from pathlib import Path

from core.domain.errors import BadInput
from core.domain.references import Reference
from core.domain.settings import home_from
from core.domain.tasks import Task, preset, preset_names, read_task_file
from core.store.database import Database, open_database
from core.store.generation.runs import RunRecord, get_run, list_runs
from core.store.references import list_references
from core.store.tasks import list_tasks


def find_run(db: Database, wanted: str) -> RunRecord:
    """The run of that id, else of that exact name, else whose id alone begins so.

    A deleted run is found by its full id only.

    Raises:
        BadInput: none, or more than one.
    """
    runs = [summary.run for summary in list_runs(db, include_deleted=True)]
    if any(run.id == wanted for run in runs):
        return get_run(db, wanted)
    living = [run for run in runs if run.deleted_at is None]
    named = [run for run in living if run.name == wanted]
    found = named or [run for run in living if wanted and run.id.startswith(wanted)]
    if len(found) > 1:
        listed = ", ".join(run.id for run in found[:5]) + (", ..." if len(found) > 5 else "")
        raise BadInput(f"'{wanted}' means {len(found)} runs: {listed}.", "Give the full id.")
    if not found:
        raise BadInput(f"There is no run '{wanted}'.", "See python -m core runs.")
    return found[0]


def find_reference(db: Database, wanted: str) -> Reference:
    """The reference of that id, else of that exact name, else whose id alone begins so.

    A deleted one is found by its full id only.

    Raises:
        BadInput: none, or more than one.
    """
    known = list_references(db, include_deleted=True)
    exact = [one for one in known if one.id == wanted]
    living = [one for one in known if one.deleted_at is None]
    named = [one for one in living if one.name == wanted]
    found = exact or named or [one for one in living if wanted and one.id.startswith(wanted)]
    if len(found) > 1:
        listed = ", ".join(one.id for one in found[:5]) + (", ..." if len(found) > 5 else "")
        raise BadInput(f"'{wanted}' means {len(found)} references: {listed}.", "Give the full id.")
    if not found:
        raise BadInput(f"There is no reference '{wanted}'.", "See python -m core reference list.")
    return found[0]


def find_task(wanted: str) -> Task:
    """The task of a TOML file (what ends in .toml), a preset, or a saved task by its name.

    Raises:
        BadInput: there is none, or its file is refused.
    """
    if wanted.lower().endswith(".toml"):
        return read_task_file(Path(wanted))
    try:
        return preset(wanted)
    except KeyError:
        pass
    saved = [record.task for record in list_tasks(open_database(home_from()))]
    for task in saved:
        if task.name == wanted:
            return task
    alike = [task for task in saved if task.name.casefold() == wanted.strip().casefold()]
    if len(alike) == 1:
        return alike[0]
    raise BadInput(
        f"There is no task '{wanted}'.",
        f"Give a .toml file, the name of a saved task, or one of {', '.join(preset_names())}.",
    )
