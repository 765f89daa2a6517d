"""The job of a sweep, in a real store with models that only pretend."""

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from core.diversity.embedding.encoder import EncoderChoice
from core.domain.errors import BadInput
from core.domain.progress import JobProgress
from core.domain.runs import Example, ModelChoice
from core.domain.serialization import to_json
from core.domain.settings import Home
from core.domain.texts import text_hash
from core.jobs.handlers.sweep import retry_sweep, start_assessment, start_sweep
from core.jobs.queue import Job, job_of_run, request_cancel, resume, states_of_runs, status
from core.services.sweep.progress import SweepProgress
from core.store.database import Database
from core.store.diversity import matrix_of
from core.store.generation.rounds import rounds_of
from core.store.generation.runs import delete_run, get_run, list_runs
from core.store.generation.samples import samples_of
from core.store.references import add_reference
from core.store.sweeps import TrialRecord, find_assessments, get_sweep, trials_of
from tests.generation.making import TASK, facts_of, follow
from tests.jobs.sweeping import GRID, run_sweep
from tests.sweeps.execution.fake_tools import RECIPE, FakeTools

ROOT = Path(__file__).parents[3]


def check_whole(db: Database, trials: list[TrialRecord], recipe: str = RECIPE.key) -> None:
    """Every run has the texts of an undisturbed loop, their vectors, and an assessment."""
    assert [trial.state for trial in trials] == ["done"] * len(trials)
    found = {one.run_id: one for one in find_assessments(db, recipe=recipe)}
    for trial in trials:
        stored = samples_of(db, trial.run.id)
        undisturbed = [facts_of(sample) for sample in follow(trial.run.spec).run().samples]
        assert [facts_of(sample) for sample in stored] == undisturbed
        assert {r.cycle for r in rounds_of(db, trial.run.id)} == {s.cycle for s in stored}
        usable = [text_hash(sample.text) for sample in stored if sample.outcome == "usable"]
        assert found[trial.run.id].n == len(usable)
        assert matrix_of(db, "fake-16", usable) is not None
    states = states_of_runs(db)
    assert {states[trial.run.id] for trial in trials} == {"done"}


def test_a_sweep_is_generated_assessed_and_told(
    home: Home, real_db: Database, tmp_path: Path
) -> None:
    record, job = start_sweep(real_db, GRID, workers=1, token="click")
    assert start_sweep(real_db, GRID, workers=1, token="click") == (record, job)
    assert (get_sweep(real_db, record.id).job_id, record.name) == (job.id, "both")
    heard: list[Mapping[str, Any]] = []
    job = run_sweep(home, job, FakeTools(tmp_path), listen=lambda now: heard.append(to_json(now)))
    assert (job.state, job.message) == ("done", "")
    trials = trials_of(real_db, record.id)
    check_whole(real_db, trials)
    knobs = [
        (t.run.spec.condition.temperature, t.run.spec.condition.suppression.strength)
        for t in trials
    ]
    assert knobs == [(0.3, 0.0), (0.9, 0.0), (0.3, 0.2), (0.9, 0.2)]
    json.dumps(heard)
    last = heard[-1]
    texts = sum(len(samples_of(real_db, trial.run.id)) for trial in trials)
    counted = ("phase", "done", "failed", "total", "reused", "running", "texts", "seconds_left")
    assert [last[key] for key in counted] == ["done", 4, 0, 4, 0, [], texts, 0.0]
    assert job.last_report == last
    phases = list(dict.fromkeys(one["phase"] for one in heard))
    assert phases == ["planning", "loading", "embedding", "running", "done"]
    # The run's own job tells its page what a generation of its own would have told.
    own = job_of_run(real_db, trials[0].run.id)
    assert own is not None
    assert (own.kind, own.last_report["phase"], own.last_report["accepted"]) == (
        "generate",
        "done",
        12,
    )
    assert get_run(real_db, trials[0].run.id).job_id == own.id
    usable = sum(s.outcome == "usable" for s in samples_of(real_db, trials[0].run.id))
    assert (own.last_report["diversity"]["n"], own.last_report["diversity"]["encoder"]) == (
        usable,
        "fake",
    )
    assert own.last_report["diversity"]["curve"][-1][0] == usable


def test_while_it_goes_a_run_reads_as_running(
    home: Home, real_db: Database, tmp_path: Path
) -> None:
    record, job = start_sweep(real_db, GRID, workers=1)
    seen: list[tuple[str, Any]] = []

    def look(progress: JobProgress) -> None:
        assert isinstance(progress, SweepProgress)
        for trial in progress.running:
            own = job_of_run(real_db, trial.run)
            assert own is not None
            if trial.phase == "generating":
                seen.append((status(real_db, own.id)[1], own.last_report["target"]))

    run_sweep(home, job, FakeTools(tmp_path, delay=0.02), listen=look)
    assert set(seen) == {("running", 12)}
    assert get_sweep(real_db, record.id).job_id == job.id


def test_what_is_done_with_equal_settings_is_reused_and_with_changed_ones_not(
    home: Home, real_db: Database, tmp_path: Path
) -> None:
    tools = FakeTools(tmp_path)
    first, job = start_sweep(real_db, GRID, workers=1)
    run_sweep(home, job, tools)
    runs = [trial.run.id for trial in trials_of(real_db, first.id)]
    opened = len(tools.opened)

    second, job = start_sweep(real_db, GRID.with_axes(temperature=(0.9, 1.1)), workers=1)
    job = run_sweep(home, job, tools)
    trials = trials_of(real_db, second.id)
    check_whole(real_db, trials)
    assert [trial.run.id in runs for trial in trials] == [True, False, True, False]
    assert [trial.reused for trial in trials] == [True, False, True, False]
    assert [job.last_report[key] for key in ("done", "reused")] == [4, 2]
    assert len(tools.opened) == opened + 2

    # Another recipe: the same runs, assessed anew; no model is opened.
    recipe = replace(RECIPE, seed=7)
    third, job = start_sweep(real_db, replace(GRID, recipe=recipe), workers=1)
    job = run_sweep(home, job, tools)
    assert [trial.run.id for trial in trials_of(real_db, third.id)] == runs
    check_whole(real_db, trials_of(real_db, third.id), recipe.key)
    assert (len(tools.opened), job.last_report["texts"]) == (opened + 2, 0)
    assert len(find_assessments(real_db, runs)) == 8

    # Another seed of the generation: nothing is the same.
    fourth, job = start_sweep(real_db, replace(GRID, seed=5), workers=1)
    job = run_sweep(home, job, tools)
    assert not {t.run.id for t in trials_of(real_db, fourth.id)} & set(runs)
    assert job.last_report["reused"] == 0


def test_runs_that_are_there_are_assessed_as_they_are(
    home: Home, real_db: Database, tmp_path: Path
) -> None:
    tools = FakeTools(tmp_path)
    first, job = start_sweep(real_db, GRID, workers=1)
    run_sweep(home, job, tools, stop=lambda progress: progress.done == 2)
    whole, half = [trial.run.id for trial in trials_of(real_db, first.id)][1:3]
    before, opened = samples_of(real_db, half), len(tools.opened)
    recipe = replace(RECIPE, seed=9)
    record, job = start_assessment(
        real_db, [half, whole, half], recipe, task_key=TASK.key, name="these"
    )
    job = run_sweep(home, job, tools)
    assert (job.state, job.last_report["done"], job.last_report["total"]) == ("done", 2, 2)
    trials = trials_of(real_db, record.id)
    assert [(t.run.id, t.state, t.reused) for t in trials] == [
        (half, "done", True),
        (whole, "done", True),
    ]
    assert (samples_of(real_db, half), len(tools.opened)) == (before, opened)
    usable = sum(sample.outcome == "usable" for sample in before)
    found = {one.run_id: one.n for one in find_assessments(real_db, recipe=recipe.key)}
    assert found[half] == usable


def test_one_condition_fails_and_the_rest_goes_on(
    home: Home, real_db: Database, tmp_path: Path
) -> None:
    grid = GRID.with_axes(
        suppression=(0.0,), model=(ModelChoice(model="bad"), ModelChoice(model="good"))
    )
    record, job = start_sweep(real_db, grid, workers=1)
    job = run_sweep(home, job, FakeTools(tmp_path, broken="bad"))
    trials = trials_of(real_db, record.id)
    assert (job.state, job.last_report["failed"], job.last_report["done"]) == ("done", 2, 2)
    assert [trial.state for trial in trials] == ["failed", "failed", "done", "done"]
    assert (trials[0].message, trials[0].remedy) == ("The model 'bad' is broken.", "Use another.")
    own = job_of_run(real_db, trials[0].run.id)
    assert own is not None
    assert (own.state, own.message) == ("failed", "The model 'bad' is broken.")

    again = retry_sweep(real_db, record.id)
    assert retry_sweep(real_db, record.id).id == again.id
    run_sweep(home, again, FakeTools(tmp_path))  # mended
    check_whole(real_db, trials_of(real_db, record.id))
    assert [t.run.id for t in trials_of(real_db, record.id)] == [t.run.id for t in trials]


@pytest.mark.parametrize("workers", [1, 2])
def test_stopped_and_resumed_it_is_the_same(
    home: Home, real_db: Database, tmp_path: Path, workers: int
) -> None:
    record, job = start_sweep(real_db, GRID, workers=workers)
    slow = FakeTools(tmp_path, delay=0.15)
    job = run_sweep(home, job, slow, stop=lambda progress: progress.texts >= 20)
    assert (job.state, job.last_report["phase"]) == ("paused", "stopped")
    states = states_of_runs(real_db)
    trials = trials_of(real_db, record.id)
    assert "paused" in {states[trial.run.id] for trial in trials}
    assert "running" not in states.values()
    kept = {trial.run.id: samples_of(real_db, trial.run.id) for trial in trials}
    assert sum(map(len, kept.values())) >= 20
    job = run_sweep(home, resume(real_db, job.id), FakeTools(tmp_path))
    assert job.state == "done"
    check_whole(real_db, trials_of(real_db, record.id))
    assert len(trials_of(real_db, record.id)) == 4
    for run_id, before in kept.items():
        assert samples_of(real_db, run_id)[: len(before)] == before


def test_a_run_is_stopped_by_hand_and_the_others_go_on(
    home: Home, real_db: Database, tmp_path: Path
) -> None:
    grid = replace(GRID.with_axes(temperature=(0.3,), suppression=(0.0, 0.2, 0.4)), per_label=20)
    record, job = start_sweep(real_db, grid, workers=1)

    def stop_second(progress: JobProgress) -> None:
        assert isinstance(progress, SweepProgress)
        trials = trials_of(real_db, record.id)
        if len(trials) == 2 and progress.running and trials[1].state == "waiting":
            own = job_of_run(real_db, trials[1].run.id)
            if own is not None and samples_of(real_db, trials[1].run.id):
                request_cancel(real_db, own.id)

    job = run_sweep(home, job, FakeTools(tmp_path, delay=0.01), listen=stop_second)
    trials = trials_of(real_db, record.id)
    assert (job.state, job.last_report["failed"]) == ("done", 1)
    assert [trial.state for trial in trials] == ["done", "failed", "done"]
    assert "by hand" in trials[1].message
    assert states_of_runs(real_db)[trials[1].run.id] == "cancelled"


def test_a_child_that_always_dies_fails_its_run_in_the_third_death(
    home: Home, real_db: Database, tmp_path: Path
) -> None:
    grid = GRID.with_axes(temperature=(0.3,))  # two conditions
    record, job = start_sweep(real_db, grid, workers=2)
    tools = FakeTools(tmp_path, deaths=100)
    job = run_sweep(home, job, tools)
    assert (job.state, job.last_report["failed"]) == ("done", 2)
    assert len(list(tmp_path.glob("died-*"))) == 6
    messages = {trial.message for trial in trials_of(real_db, record.id)}
    assert [message for message in messages if "killed three times" in message] == list(messages)

    record, job = start_sweep(real_db, replace(grid, seed=4), workers=2)
    (tmp_path / "few").mkdir()
    run_sweep(home, job, FakeTools(tmp_path / "few", deaths=2))
    check_whole(real_db, trials_of(real_db, record.id))


def test_a_deleted_run_is_left_alone(home: Home, real_db: Database, tmp_path: Path) -> None:
    record, job = start_sweep(real_db, GRID, workers=1)
    tools = FakeTools(tmp_path)
    job = run_sweep(home, job, tools, stop=lambda progress: bool(progress.running))
    run_id = trials_of(real_db, record.id)[0].run.id
    delete_run(real_db, run_id)
    run_sweep(home, resume(real_db, job.id), tools)
    trials = trials_of(real_db, record.id)
    assert [trial.state for trial in trials] == ["failed", "done", "done", "done"]
    assert "deleted" in trials[0].message
    assert run_id not in [summary.run.id for summary in list_runs(real_db)]


def test_killed_with_its_children_and_resumed_it_loses_nothing(
    home: Home, real_db: Database, tmp_path: Path
) -> None:
    record, job = start_sweep(real_db, replace(GRID, per_label=24), workers=2)
    command = [sys.executable, "-m", "tests.jobs.sweeping", str(home.folder), job.id, str(tmp_path)]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        end = time.monotonic() + 120
        while not _under_way(real_db, job):
            assert time.monotonic() < end, status(real_db, job.id)
            time.sleep(0.01)
        children = psutil.Process(process.pid).children()
    finally:
        process.kill()
        process.wait()
    kept = {t.run.id: samples_of(real_db, t.run.id) for t in trials_of(real_db, record.id)}
    psutil.wait_procs(children, timeout=5)
    assert not [child for child in children if child.is_running()]
    with real_db.write() as connection:  # the lease runs out
        connection.execute("UPDATE lease SET until = 0")
    assert status(real_db, job.id)[1] == "interrupted"
    assert "interrupted" in states_of_runs(real_db).values()
    job = run_sweep(home, resume(real_db, job.id), FakeTools(tmp_path))
    assert job.state == "done"
    check_whole(real_db, trials_of(real_db, record.id))
    for run_id, before in kept.items():
        assert samples_of(real_db, run_id)[: len(before)] == before


def _under_way(db: Database, job: Job) -> bool:
    running = status(db, job.id)[0].last_report.get("running", [])
    return len(running) == 2 and all(one["texts"] > 2 for one in running)


def test_what_cannot_be_planned_is_refused_before_anything_is_made(
    home: Home, real_db: Database
) -> None:
    other = replace(TASK, text_type="tweet")
    examples = [Example(f"{name} text {n}", name) for name in ("pos", "neg") for n in range(4)]
    reference = add_reference(real_db, other, "r", examples[::2], examples[1::2], {})
    foreign = replace(RECIPE, reference=reference.id)
    for grid in (
        replace(GRID, cap=3),
        GRID.with_axes(seeding=(0, 2)),
        GRID.with_reference(reference.id),
        GRID.with_reference("none"),
    ):
        with pytest.raises(BadInput):
            start_sweep(real_db, grid)
    for runs, recipe in (([], RECIPE), (["none"], RECIPE), ([], foreign)):
        with pytest.raises(BadInput):
            start_assessment(real_db, runs, recipe, task_key=TASK.key, name="x")
    with pytest.raises(BadInput):
        start_sweep(real_db, GRID, workers=0)
    assert list_runs(real_db) == []
    assert EncoderChoice() == RECIPE.encoder
