"""The job that concludes from sweeps, in a real store, with assessments made by hand."""

import hashlib
from dataclasses import replace
from typing import Any

import pandas as pd

from core.analysis.frames.results import named_apart, results_frame, stored_results
from core.analysis.study import STUDY_VERSION, study
from core.domain.serialization import to_json
from core.domain.settings import Home
from core.jobs.handlers.conclusions import Studied, studied
from core.jobs.queue import Job, list_jobs
from core.jobs.registry import JobHandlers
from core.jobs.worker import Worker
from core.services.conclusions import results_digest
from core.store.database import Database
from core.store.generation.runs import create_run, rename_run
from core.store.interventions.previews import find_preview
from core.store.sweeps import add_trial, create_sweep, save_assessment
from core.sweeps.assessment.recipe import Recipe
from tests.analysis.made_results import SST2, assessment, spec_of, stage

RECIPE = Recipe()
CONDITIONS = [(t, s) for t in (0.3, 0.7, 0.9, 1.3) for s in (0.0, 7.5)]


def assess(db: Database, run_id: str, place: int, *, off: float = 0.0) -> None:
    label, spread = 0.9 - 0.02 * place, 0.1 + 0.01 * ((5 * place) % 8)
    found = stage(
        diversity=spread,
        similarity=0.8 - 0.003 * (place * place % 7),
        label_accuracy=label,
        model_accuracy=0.3 + 0.5 * label + spread + 0.01 * (place % 3) + off,
    )
    told: dict[str, Any] = {"settings": to_json(RECIPE), "result": assessment([found])}
    save_assessment(db, run_id, recipe=RECIPE.key, n=200, **told)


def sweep(db: Database) -> tuple[str, list[str]]:
    """A sweep of eight assessed runs."""
    told = {"recipe": to_json(RECIPE)}
    made = create_sweep(db, told, task_key=SST2.key, name="s")
    runs = [create_run(db, spec_of(*condition)).id for condition in CONDITIONS]
    for place, run_id in enumerate(runs):
        add_trial(db, made.id, place, run_id, repeat=0, reused=False)
        assess(db, run_id, place)
    return made.id, runs


def frame(db: Database, *sweeps: str) -> pd.DataFrame:
    return results_frame(stored_results(db, sweep_ids=sweeps))


def look(db: Database, *sweeps: str, queue: bool = True) -> Studied:
    return studied(db, sweeps, frame(db, *sweeps), queue=queue)


def work_off(home: Home, db: Database, found: Studied) -> Job:
    assert found.work is not None
    return Worker(home, JobHandlers(home).handlers()).run_job(found.work.job.id)


def test_what_is_missing_is_queued_once_and_then_there(home: Home, db: Database) -> None:
    one, _ = sweep(db)
    first, second = look(db, one), look(db, one)
    assert (first.result, first.fresh) == (None, False)
    (job,) = list_jobs(db)
    assert (job.kind, job.spec, job.state) == ("study", {"sweeps": [one]}, "queued")
    assert first.work == second.work
    done = work_off(home, db, first)
    assert (done.state, done.last_report["phase"]) == ("done", "done")
    found = look(db, one)
    assert (found.fresh, found.work) == (True, None)
    assert found.result is not None
    assert found.result.to_json() == study(frame(db, one)).to_json()
    assert found.result.runs == 8
    assert len(list_jobs(db)) == 1


def test_new_results_ask_again_and_the_old_study_stays_on_view(home: Home, db: Database) -> None:
    one, runs = sweep(db)
    work_off(home, db, look(db, one))
    before = look(db, one).result
    assess(db, runs[3], 3, off=0.1)
    waiting = look(db, one, queue=False)
    assert before is not None
    assert waiting.result is not None
    assert waiting.result.to_json() == before.to_json()
    assert (waiting.fresh, waiting.work) == (False, None)
    asked = look(db, one)
    assert asked.work is not None
    assert asked.work.state == "queued"
    work_off(home, db, asked)
    again = look(db, one)
    assert again.fresh
    assert again.result is not None
    assert again.result.to_json() != before.to_json()


def test_a_study_is_of_the_sweeps_in_whatever_order(home: Home, db: Database) -> None:
    one, _ = sweep(db)
    other = create_sweep(db, {"recipe": to_json(RECIPE)}, task_key=SST2.key, name="t").id
    work_off(home, db, look(db, one, other))
    assert look(db, other, one, one).fresh
    assert not look(db, one, queue=False).fresh


def test_the_job_keeps_what_it_found_under_what_was_there(home: Home, db: Database) -> None:
    one, runs = sweep(db)
    asked = look(db, one)
    old = frame(db, one)
    assess(db, runs[0], 0, off=-0.2)  # between asking and doing
    work_off(home, db, asked)
    assert look(db, one).fresh
    assert not studied(db, [one], old, queue=False).fresh


def test_the_digest_knows_results_and_not_names(db: Database) -> None:
    one, runs = sweep(db)
    before = results_digest(frame(db, one))
    rename_run(db, runs[0], "Another", expected_revision=1)
    assert results_digest(frame(db, one)) == before
    assess(db, runs[7], 7, off=1e-9)
    assert results_digest(frame(db, one)) != before


def test_the_request_names_all_that_decides_it(home: Home, db: Database) -> None:
    one, _ = sweep(db)
    work_off(home, db, look(db, one))
    with db.read() as connection:
        (dataset,) = connection.execute("SELECT dataset FROM previews").fetchone()
    request = {
        "sweeps": [one],
        "results": results_digest(frame(db, one)),
        "version": STUDY_VERSION,
    }
    assert dataset.startswith("study:")
    assert find_preview(db, "study", dataset, request) is not None


def test_a_sweep_without_an_assessed_run_says_so(home: Home, db: Database) -> None:
    empty = create_sweep(db, {"recipe": to_json(RECIPE)}, task_key=SST2.key, name="s").id
    asked = studied(db, [empty], frame(db, sweep(db)[0]))
    done = work_off(home, db, asked)
    assert (done.state, done.message) == ("failed", "No run of the sweep is assessed yet.")


def test_two_tasks_of_one_name_are_concluded_once(home: Home, db: Database) -> None:
    one, _ = sweep(db)
    namesake = replace(SST2, text_type="tweet")
    made = create_sweep(db, {"recipe": to_json(RECIPE)}, task_key=namesake.key, name="t")
    for place, condition in enumerate(CONDITIONS):
        run_id = create_run(db, replace(spec_of(*condition), task=namesake)).id
        add_trial(db, made.id, place, run_id, repeat=0, reused=False)
        assess(db, run_id, place, off=0.1 + 0.001 * place)
    results = frame(db, one, made.id)
    drawn = named_apart(results)  # as a page has them
    assert sorted(set(drawn["task"])) == [SST2.name, f"{SST2.name} (2)"]
    assert results_digest(drawn) == results_digest(results)
    work_off(home, db, studied(db, [one, made.id], drawn))
    again = studied(db, [one, made.id], drawn)
    assert (again.fresh, again.work) == (True, None)
    assert again.result is not None
    assert list(again.result.card_by_task) == [SST2.name, f"{SST2.name} (2)"]


def test_without_namesakes_a_digest_is_of_the_results_as_they_are(db: Database) -> None:
    results = frame(db, sweep(db)[0])
    relevant = results.drop(columns=["run_name", "sweep_id", "other"])
    rows = pd.util.hash_pandas_object(relevant, index=False)
    told = hashlib.blake2b(rows.to_numpy().tobytes(), digest_size=12).hexdigest()
    assert results_digest(results) == told
