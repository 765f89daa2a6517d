"""What the store has of assessed runs, ready for `results_frame`."""

from collections.abc import Sequence

from core.analysis.frames.results import Measured
from core.store.database import Database
from core.store.sweeps import find_assessments, get_sweep, list_sweeps, trials_of
from core.sweeps.assessment.recipe import recipe_from_dict


def stored_results(
    db: Database,
    *,
    task_key: str | None = None,
    study: str | None = None,
    sweep_ids: Sequence[str] | None = None,
) -> list[Measured]:
    """The assessed runs of sweeps, the oldest sweep's first, by position.

    A run that several sweeps share by the same recipe is there once, as the oldest one's; a
    deleted run not at all.

    Args:
        db: the store.
        task_key: only of this task.
        study: only of sweeps that share this name.
        sweep_ids: of these sweeps; None is all living ones.

    Raises:
        BadInput: there is no such sweep.
    """
    if sweep_ids is None:
        sweeps = list_sweeps(db, task_key=task_key, study=study)[::-1]
    else:
        sweeps = [get_sweep(db, sweep_id) for sweep_id in sorted(set(sweep_ids))]
        sweeps = [
            sweep
            for sweep in sweeps
            if task_key in (None, sweep.task_key) and study in (None, sweep.study)
        ]
    results: dict[tuple[str, str], Measured] = {}
    for sweep in sweeps:
        recipe = recipe_from_dict(sweep.grid.get("recipe") or {}).key
        assessed = {
            assessment.run_id: assessment
            for assessment in find_assessments(db, sweep_ids=[sweep.id], recipe=recipe)
        }
        for trial in trials_of(db, sweep.id) if assessed else []:
            known = assessed.get(trial.run.id)
            if known is not None:
                results.setdefault(
                    (known.run_id, recipe),
                    Measured(trial.run, known.result, known.settings, sweep.id, trial.repeat),
                )
    return list(results.values())
