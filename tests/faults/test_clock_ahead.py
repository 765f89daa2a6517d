"""A clock that was a day ahead and is right again: what came last is still the newest."""

from core.domain.settings import Home
from core.jobs.launch import ensure_worker
from core.jobs.lease import living, take
from core.jobs.queue import job_of_run, start_run, submit
from core.store.database import Database
from core.store.generation.runs import list_runs
from tests.store.making import FakeClock, make_spec

DAY = 86_400.0


def test_the_run_that_was_made_last_is_the_newest(db: Database, clock: FakeClock) -> None:
    clock.forward(DAY)
    early, _ = start_run(db, make_spec())
    clock.forward(-DAY)
    late, _ = start_run(db, make_spec())
    assert [summary.run.id for summary in list_runs(db)] == [late.id, early.id]


def test_the_job_that_was_submitted_last_is_the_runs_own(db: Database, clock: FakeClock) -> None:
    run, _ = start_run(db, make_spec())
    clock.forward(DAY)
    submit(db, "generate", {}, run_id=run.id)
    clock.forward(-DAY)
    last = submit(db, "generate", {}, run_id=run.id)
    job = job_of_run(db, run.id)
    assert job is not None
    assert job.id == last.id


def test_a_dead_workers_lease_of_tomorrow_holds_nobody_up(
    db: Database, clock: FakeClock, home: Home
) -> None:
    clock.forward(DAY)
    assert take(db, "a", 1)
    clock.forward(-DAY)
    assert living(db) is None
    spawned: list[Home] = []
    assert ensure_worker(home, db, spawn=spawned.append)
    assert spawned == [home]
    assert take(db, "b", 2)
