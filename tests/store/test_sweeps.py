"""Sweeps, their trials, and assessments in a real store."""

import json
import time

import pytest

from core.domain.errors import BadInput
from core.domain.runs import RunSpec
from core.jobs.claims import claim, settle
from core.jobs.lease import take
from core.jobs.queue import start_run
from core.store.database import Database
from core.store.generation.runs import create_run, delete_run, runs_of
from core.store.generation.samples import add_samples
from core.store.sweeps import (
    add_trial,
    create_sweep,
    delete_sweep,
    find_assessments,
    find_run_of_spec,
    get_sweep,
    list_sweeps,
    rename_sweep,
    restore_sweep,
    save_assessment,
    set_sweep_job,
    set_trial,
    trials_of,
)
from tests.store.making import FakeClock, make_sample, make_spec

GRID = {"task": {"name": "Reviews"}, "temperature": [0.3, 0.7]}


def test_a_sweep_is_stored_listed_renamed_hidden_and_brought_back(
    db: Database, clock: FakeClock
) -> None:
    first = create_sweep(db, GRID, task_key="t", name=" my\nsweep ", study="paper")
    clock.forward(1)
    second = create_sweep(db, GRID, task_key="u", name="")
    assert (first.name, second.name) == ("my sweep", "Unnamed run")
    assert get_sweep(db, first.id) == first
    assert list_sweeps(db) == [second, first]
    assert list_sweeps(db, task_key="t") == list_sweeps(db, study="paper") == [first]
    rename_sweep(db, first.id, "other")
    set_sweep_job(db, first.id, "j")
    assert (get_sweep(db, first.id).name, get_sweep(db, first.id).job_id) == ("other", "j")
    delete_sweep(db, first.id)
    deleted_at = clock.now
    clock.forward(1)
    delete_sweep(db, first.id)
    assert list_sweeps(db) == [second]
    assert [one.deleted_at for one in list_sweeps(db, include_deleted=True)] == [None, deleted_at]
    restore_sweep(db, first.id)
    assert [one.id for one in list_sweeps(db)] == [second.id, first.id]
    with pytest.raises(BadInput):
        get_sweep(db, "none")
    with pytest.raises(BadInput):
        rename_sweep(db, "none", "x")


def test_trials_come_with_their_runs_by_position(db: Database) -> None:
    sweep = create_sweep(db, GRID, task_key="t", name="s")
    runs = [create_run(db, make_spec()) for _ in range(2)]
    add_trial(db, sweep.id, 5, runs[0].id, repeat=1, reused=False)
    add_trial(db, sweep.id, 2, runs[1].id, repeat=0, reused=True)
    add_trial(db, sweep.id, 2, runs[0].id, repeat=0, reused=False)  # a place keeps its run
    set_trial(db, sweep.id, 5, "failed", message="It broke.", remedy="Mend it.")
    found = trials_of(db, sweep.id)
    assert [(t.position, t.run, t.repeat, t.state, t.reused) for t in found] == [
        (2, runs[1], 0, "waiting", True),
        (5, runs[0], 1, "failed", False),
    ]
    assert (found[1].message, found[1].remedy) == ("It broke.", "Mend it.")
    set_trial(db, sweep.id, 5, "done")
    assert trials_of(db, sweep.id)[1].message == ""


def test_assessments_are_found_by_run_recipe_and_sweep(db: Database) -> None:
    sweep = create_sweep(db, GRID, task_key="t", name="s")
    runs = sorted((create_run(db, make_spec()) for _ in range(3)), key=lambda run: run.id)
    a, b, c = (run.id for run in runs)
    add_trial(db, sweep.id, 0, a, repeat=0, reused=False)
    for run_id, recipe in ((a, "x"), (a, "y"), (b, "x"), (c, "x")):
        save_assessment(
            db, run_id, recipe=recipe, n=3, settings={"seed": 0}, result={"of": run_id + recipe}
        )

    def found(*values: object, **named: object) -> list[str]:
        return [one.result["of"] for one in find_assessments(db, *values, **named)]  # type: ignore[arg-type]

    assert found() == [a + "x", a + "y", b + "x", c + "x"]
    assert found([b, c, b]) == [b + "x", c + "x"]
    assert found([a, b], recipe="x") == [a + "x", b + "x"]
    assert found(sweep_ids=[sweep.id]) == [a + "x", a + "y"]
    assert found([]) == found(sweep_ids=[]) == []
    save_assessment(db, a, recipe="x", n=4, settings={}, result={"of": "new"})
    assert [(one.n, one.result) for one in find_assessments(db, [a], recipe="x")] == [
        (4, {"of": "new"})
    ]
    delete_run(db, a)
    assert found() == [b + "x", c + "x"]
    with pytest.raises(ValueError, match="JSON"):
        save_assessment(db, b, recipe="x", n=1, settings={}, result={"value": float("nan")})


def test_five_hundred_conditions_are_loaded_quickly(db: Database) -> None:
    sweep = create_sweep(db, GRID, task_key="t", name="s")
    measure = {"value": 0.5, "low": 0.4, "high": 0.6}
    stage = {
        "inspected": "90",
        "filtered": False,
        "repeat": 1,
        "n": 200,
        "removed": 0,
        **dict.fromkeys(("diversity", "similarity", "label_accuracy", "model_accuracy"), measure),
    }
    with db.write():
        for position in range(500):
            run = create_run(db, make_spec())
            add_trial(db, sweep.id, position, run.id, repeat=0, reused=False)
            save_assessment(
                db, run.id, recipe="x", n=200, settings={"seed": 0}, result={"stages": [stage] * 17}
            )
    start = time.process_time()  # other programs may keep the machine busy
    trials = trials_of(db, sweep.id)
    found = find_assessments(db, sweep_ids=[sweep.id])
    seconds = time.process_time() - start
    assert (len(trials), len(found)) == (500, 500)
    assert found[499].result["stages"][16] == stage
    # About 0.07 s.
    assert seconds < 0.5


def test_runs_of_leaves_out_what_is_not_there(db: Database) -> None:
    run = create_run(db, make_spec())
    assert runs_of(db, [run.id, "none", run.id]) == {run.id: run}
    assert runs_of(db, []) == {}


def test_a_finished_run_is_found_by_its_exact_spec(db: Database, clock: FakeClock) -> None:
    spec = make_spec(per_label=2)
    run, job = start_run(db, spec)
    assert find_run_of_spec(db, spec) is None
    take(db, "me", 1)
    claim(db, "me")
    add_samples(db, [make_sample(run.id, n, label=("pos", "neg")[n % 2]) for n in range(4)])
    assert find_run_of_spec(db, spec) is None  # it still goes
    settle(db, job.id, "me", "done")
    found = find_run_of_spec(db, spec)
    assert found is not None
    assert found.id == run.id
    for other in (
        make_spec(per_label=3),
        RunSpec(spec.task, spec.condition, per_label=2, seed=4),
    ):
        assert json.dumps(other.to_dict()) != json.dumps(spec.to_dict())
        assert find_run_of_spec(db, other) is None
    delete_run(db, run.id)
    assert find_run_of_spec(db, spec) is None


def test_a_run_that_came_without_its_job_is_found_once_it_is_whole(
    db: Database, clock: FakeClock
) -> None:
    spec = make_spec(per_label=1)
    run = create_run(db, spec)
    add_samples(db, [make_sample(run.id, 0), make_sample(run.id, 1, outcome="empty")])
    assert find_run_of_spec(db, spec) is None
    add_samples(db, [make_sample(run.id, 2, label="neg")])
    clock.forward(1)
    newer = create_run(db, spec)
    found = find_run_of_spec(db, spec)
    assert found is not None
    assert found.id == run.id != newer.id
