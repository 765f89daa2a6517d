"""What a sweep wants: the runs of its grid, or those that are there and are to be assessed.

And what of it is there already: trials of an earlier sitting, runs of equal settings, and what the
same recipe found of them. Changed settings never meet old results.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from core.domain.errors import BadInput
from core.domain.runs import Example, RunSpec
from core.domain.serialization import from_json
from core.store.database import Database
from core.store.datasets import load_dataset, reference_key
from core.store.generation.runs import runs_of
from core.store.generation.samples import counts
from core.store.references import get_reference
from core.store.sweeps import (
    SweepRecord,
    add_trial,
    find_assessments,
    find_run_of_spec,
    set_trial,
    trials_of,
)
from core.sweeps.assessment.recipe import Recipe
from core.sweeps.grid.plan import condition_key, plan_runs
from core.sweeps.grid.spec import Grid, grid_from_dict


@dataclass(frozen=True, slots=True)
class PlannedTrial:
    """A place in a sweep.

    Args:
        position: from 0.
        spec: of its run.
        repeat: its place among the runs of its condition, from 0.
        name: for lists.
        run_id: the run, where it was there before and is only to be assessed.
    """

    position: int
    spec: RunSpec
    repeat: int
    name: str
    run_id: str | None = None


@dataclass(frozen=True, slots=True)
class ExistingRuns:
    """What a sweep is asked for that generates nothing.

    Args:
        runs: ids of those that are there.
        recipe: what is measured of each and repaired.
    """

    runs: tuple[str, ...]
    recipe: Recipe


def planned_trials(db: Database, record: SweepRecord) -> tuple[list[PlannedTrial], Recipe]:
    """What a sweep wants, in order, and what is done with it.

    Raises:
        BadInput: its reference is gone.
    """
    if "runs" not in record.grid:
        grid = grid_from_dict(record.grid)
        return trials_of_grid(db, grid), grid.recipe
    asked = from_json(ExistingRuns, record.grid)
    stored = runs_of(db, asked.runs)
    runs = [stored[run_id] for run_id in asked.runs]
    seen: dict[str, int] = {}
    wanted = []
    for position, run in enumerate(runs):
        key = condition_key(run.spec)
        repeat = seen[key] = seen.get(key, -1) + 1
        wanted.append(PlannedTrial(position, run.spec, repeat, run.name, run.id))
    return wanted, asked.recipe


def trials_of_grid(db: Database, grid: Grid) -> list[PlannedTrial]:
    """The runs of a grid, its seed examples drawn from its reference.

    Raises:
        BadInput: the grid can't be planned, or its reference is none of its task's.
    """
    grid.check_size()
    check_reference(db, grid.recipe, grid.task.key)
    train: list[Example] = []
    if grid.recipe.reference is not None and any(grid.axes["seeding"]):
        real = load_dataset(db, reference_key(grid.recipe.reference, "train"))
        train = [Example(*pair) for pair in zip(real.texts, real.labels, strict=True)]
    return [
        PlannedTrial(run.position, run.spec, run.repeat, run.name)
        for run in plan_runs(grid, train=train)
    ]


def check_reference(db: Database, recipe: Recipe, task_key: str) -> None:
    """See that a recipe's reference is the task's.

    Raises:
        BadInput: it is another's, or there is none of that id.
    """
    if recipe.reference is not None and get_reference(db, recipe.reference).task_key != task_key:
        raise BadInput("The reference is another task's.", "Choose one of this task.")


@dataclass(slots=True)
class FinishedWork:
    """What is left of a sweep, and what is not.

    Args:
        queue: what is still to be done, in order; `run_id` is set where only an assessment is
            missing.
        runs: the runs that are there, by position.
        done: trials that need nothing more.
        reused: trials whose run was there before the sweep.
    """

    queue: deque[PlannedTrial] = field(default_factory=deque)
    runs: dict[int, str] = field(default_factory=dict)
    done: int = 0
    reused: int = 0


def find_finished_work(
    db: Database,
    sweep_id: str,
    recipe: Recipe,
    wanted: Iterable[PlannedTrial],
    *,
    between: Callable[[], None],
) -> FinishedWork:
    """Note in the store what is there; trials that failed earlier are to be tried again.

    Args:
        recipe: what is found of each run.
        wanted: all places of the sweep.
        between: called for each; what it raises ends the call.
    """
    finished = FinishedWork()
    begun = {trial.position: trial for trial in trials_of(db, sweep_id)}
    for planned in wanted:
        between()
        trial = begun.get(planned.position)
        if trial is not None:
            run_id, reused, whole = trial.run.id, trial.reused, trial.state in ("generated", "done")
        else:
            same = None if planned.run_id else find_run_of_spec(db, planned.spec)
            known = planned.run_id or (None if same is None else same.id)
            if known is None:
                finished.queue.append(planned)
                continue
            run_id, reused, whole = known, True, True
            add_trial(db, sweep_id, planned.position, run_id, repeat=planned.repeat, reused=True)
        finished.runs[planned.position] = run_id
        finished.reused += reused
        if (trial is not None and trial.state == "done") or assessed(db, run_id, recipe):
            set_trial(db, sweep_id, planned.position, "done")
            finished.done += 1
        else:
            finished.queue.append(replace(planned, run_id=run_id if whole or reused else None))
    return finished


def assessed(db: Database, run_id: str, recipe: Recipe) -> bool:
    """Whether the recipe was followed for the run with as many texts as it has now."""
    assessments = find_assessments(db, [run_id], recipe=recipe.key)
    return bool(assessments) and assessments[0].n == usable_texts(db, run_id)


def usable_texts(db: Database, run_id: str) -> int:
    """How many usable texts a run has."""
    return sum(planned.usable for planned in counts(db, run_id).values())
