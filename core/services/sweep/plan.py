"""What a sweep wants: the runs of its grid, or those that are there and are to be assessed."""

from dataclasses import dataclass

from core.domain.errors import BadInput
from core.domain.runs import Example, RunSpec
from core.store.database import Database
from core.store.datasets import load_dataset, reference_key
from core.store.generation.runs import runs_of
from core.store.references import get_reference
from core.store.sweeps import SweepRecord
from core.sweeps.assessment.recipe import Recipe, sweep_recipe
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


def planned_trials(db: Database, record: SweepRecord) -> tuple[list[PlannedTrial], Recipe]:
    """What a sweep wants, in order, and what is done with it.

    Raises:
        BadInput: its reference is gone.
    """
    if "runs" not in record.grid:
        grid = grid_from_dict(record.grid)
        return trials_of_grid(db, grid), grid.recipe
    stored = runs_of(db, record.grid["runs"])
    runs = [stored[run_id] for run_id in record.grid["runs"]]
    seen: dict[str, int] = {}
    wanted = []
    for position, run in enumerate(runs):
        key = condition_key(run.spec)
        repeat = seen[key] = seen.get(key, -1) + 1
        wanted.append(PlannedTrial(position, run.spec, repeat, run.name, run.id))
    return wanted, sweep_recipe(record.grid)


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
