"""Assessed runs out of a real store."""

from core.analysis.frames.results import results_frame, stored_results
from core.domain.serialization import to_json
from core.domain.settings import Home
from core.store.database import open_database
from core.store.generation.runs import create_run, delete_run
from core.store.sweeps import add_trial, create_sweep, delete_sweep, save_assessment
from core.sweeps.assessment.recipe import Recipe
from tests.analysis.made_results import SST2, assessment, spec_of, stage


def test_each_run_is_there_once_by_each_recipe(home: Home) -> None:
    db = open_database(home)
    recipes = [Recipe(), Recipe(weight=0.5)]
    runs = [create_run(db, spec_of(seed=seed)) for seed in range(3)]
    sweeps = [
        create_sweep(db, {"recipe": to_json(recipe)}, task_key=SST2.key, name="s", study=study)
        for recipe, study in ((recipes[0], "x"), (recipes[0], ""), (recipes[1], ""))
    ]
    for sweep in sweeps:
        for place, run in enumerate(runs):
            add_trial(db, sweep.id, place, run.id, repeat=place, reused=False)
    for recipe in recipes:
        for run in runs[:2]:  # the third is not assessed yet
            save_assessment(
                db,
                run.id,
                recipe=recipe.key,
                n=200,
                settings=to_json(recipe),
                result=assessment([stage(diversity=0.1 * recipe.weight)]),
            )
    found = stored_results(db, task_key=SST2.key)
    ids = [run.id for run in runs]
    assert [one.run.id for one in found] == ids[:2] * 2
    assert [one.sweep_id for one in found] == [sweeps[0].id] * 2 + [sweeps[2].id] * 2
    assert [one.repeat for one in found] == [0, 1, 0, 1]
    assert [one.recipe.weight for one in found] == [0.3, 0.3, 0.5, 0.5]
    assert len(results_frame(found)) == 4
    assert [one.sweep_id for one in stored_results(db, study="x")] == [sweeps[0].id] * 2
    assert [one.sweep_id for one in stored_results(db, sweep_ids=[sweeps[1].id])] == [
        sweeps[1].id
    ] * 2
    assert stored_results(db, task_key="another") == []
    delete_run(db, ids[0])
    delete_sweep(db, sweeps[2].id)
    assert [one.run.id for one in stored_results(db)] == [ids[1]]
