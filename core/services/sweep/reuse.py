"""What of a sweep is there already: trials of an earlier sitting, runs of equal settings, and what
the same recipe found of them. Changed settings never meet old results."""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from core.services.sweep.plan import PlannedTrial
from core.store.database import Database
from core.store.generation.samples import counts
from core.store.sweeps import add_trial, find_assessments, find_run_of_spec, set_trial, trials_of
from core.sweeps.assessment.recipe import Recipe


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
        db: the store.
        sweep_id: the sweep.
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
