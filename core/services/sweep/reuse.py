"""What of a sweep is there already: trials of an earlier sitting, runs of equal settings, and what
the same recipe found of them. Changed settings never meet old results."""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from core.services.sweep.plan import Wanted
from core.store.database import Database
from core.store.generation.samples import counts
from core.store.sweeps import add_trial, find_assessments, find_run_of_spec, set_trial, trials_of
from core.sweeps.assessment.recipe import Recipe


@dataclass(slots=True)
class Settled:
    """What is left of a sweep, and what is not.

    Args:
        queue: what is still to be done, in order; `run_id` is set where only an assessment is
            missing.
        runs: the runs that are there, by position.
        done: trials that need nothing more.
        reused: trials whose run was there before the sweep.
    """

    queue: deque[Wanted] = field(default_factory=deque)
    runs: dict[int, str] = field(default_factory=dict)
    done: int = 0
    reused: int = 0


def settled(
    db: Database,
    sweep_id: str,
    recipe: Recipe,
    wanted: Iterable[Wanted],
    *,
    between: Callable[[], None],
) -> Settled:
    """Note in the store what is there; trials that failed earlier are to be tried again.

    Args:
        db: the store.
        sweep_id: the sweep.
        recipe: what is found of each run.
        wanted: all places of the sweep.
        between: called for each; what it raises ends the call.
    """
    found = Settled()
    begun = {trial.position: trial for trial in trials_of(db, sweep_id)}
    for one in wanted:
        between()
        trial = begun.get(one.position)
        if trial is not None:
            run_id, reused, whole = trial.run.id, trial.reused, trial.state in ("generated", "done")
        else:
            same = None if one.run_id else find_run_of_spec(db, one.spec)
            known = one.run_id or (None if same is None else same.id)
            if known is None:
                found.queue.append(one)
                continue
            run_id, reused, whole = known, True, True
            add_trial(db, sweep_id, one.position, run_id, repeat=one.repeat, reused=True)
        found.runs[one.position] = run_id
        found.reused += reused
        if (trial is not None and trial.state == "done") or assessed(db, run_id, recipe):
            set_trial(db, sweep_id, one.position, "done")
            found.done += 1
        else:
            found.queue.append(replace(one, run_id=run_id if whole or reused else None))
    return found


def assessed(db: Database, run_id: str, recipe: Recipe) -> bool:
    """Whether the recipe was followed for the run with as many texts as it has now."""
    found = find_assessments(db, [run_id], recipe=recipe.key)
    return bool(found) and found[0].n == usable_texts(db, run_id)


def usable_texts(db: Database, run_id: str) -> int:
    """How many usable texts a run has."""
    return sum(one.usable for one in counts(db, run_id).values())
