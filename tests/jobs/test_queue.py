import sqlite3

import pytest

from core.domain.errors import BadInput, WidesetError
from core.domain.progress import JobProgress
from core.jobs import claims
from core.jobs.lease import living, release, take
from core.jobs.queue import (
    get_job,
    job_of_run,
    list_jobs,
    request_cancel,
    resume,
    start_run,
    states_of_runs,
    status,
    submit,
)
from core.store.database import Database
from core.store.generation.runs import create_run, get_run, list_runs
from tests.store.making import FakeClock, make_spec


@pytest.fixture
def owner(db: Database) -> str:
    assert take(db, "me", 1)
    return "me"


def test_a_job_comes_back_as_it_was_submitted(db: Database, clock: FakeClock) -> None:
    run = create_run(db, make_spec())
    job = submit(db, "generate", {"a": [1, None]}, run_id=run.id)
    assert get_job(db, job.id) == job
    assert (job.kind, job.run_id, job.spec) == ("generate", run.id, {"a": [1, None]})
    assert (job.state, job.last_report, job.message, job.remedy) == ("queued", {}, "", "")
    assert (job.created_at, job.queued_at, job.started_at) == (clock.now, clock.now, None)


def test_a_job_needs_its_run(db: Database) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        submit(db, "generate", {}, run_id="norun")


def test_a_token_makes_one_job(db: Database) -> None:
    first = submit(db, "generate", {"a": 1}, token="t")
    assert submit(db, "generate", {"a": 2}, token="t") == first
    assert submit(db, "generate", {}, token="u").id != first.id
    assert submit(db, "generate", {}).id != submit(db, "generate", {}).id


def test_start_run_makes_both_or_gives_back_both(db: Database) -> None:
    run, job = start_run(db, make_spec(), name="one", token="t")
    assert (run.name, run.job_id, job.run_id) == ("one", job.id, run.id)
    assert start_run(db, make_spec(), name="two", token="t") == (run, job)
    assert len(list_runs(db)) == 1
    assert job_of_run(db, run.id) == job
    assert job_of_run(db, "none") is None


def test_jobs_are_claimed_in_order_by_the_lease_holder_only(
    db: Database, owner: str, clock: FakeClock
) -> None:
    first, second = submit(db, "generate", {}), submit(db, "generate", {})
    assert claims.claim(db, "somebody") is None
    clock.forward(1)
    job = claims.claim(db, owner)
    assert job is not None
    assert (job.id, job.state, job.owner, job.started_at) == (
        first.id,
        "running",
        "me",
        clock.now,
    )
    lease = living(db)
    assert lease is not None
    assert lease.note == f"busy {first.id}"
    assert claims.claim(db, owner, job_id=first.id) is None
    clock.forward(10)  # the lease has run out
    assert claims.claim(db, owner) is None
    assert get_job(db, second.id).state == "queued"


def test_a_certain_job_can_be_claimed(db: Database, owner: str) -> None:
    submit(db, "generate", {})
    second = submit(db, "generate", {})
    job = claims.claim(db, owner, job_id=second.id)
    assert job is not None
    assert job.id == second.id


def test_only_its_owner_changes_a_running_job(db: Database, owner: str) -> None:
    job = submit(db, "generate", {})
    error = WidesetError("What.", "Remedy.")
    assert not claims.report(db, job.id, owner, JobProgress(done=1))  # not running yet
    claims.claim(db, owner)
    for change in (
        claims.report(db, job.id, "other", JobProgress(done=1)),
        claims.settle(db, job.id, "other", "done"),
        claims.settle(db, job.id, "other", "failed", error),
        claims.settle(db, job.id, "other", "paused", error),
        claims.settle(db, job.id, "other", "cancelled"),
    ):
        assert change is False
    assert claims.report(db, job.id, owner, JobProgress(done=2))
    assert get_job(db, job.id).progress == JobProgress(done=2)
    assert claims.settle(db, job.id, owner, "failed", error, progress=JobProgress(done=3))
    failed = get_job(db, job.id)
    assert (failed.state, failed.message, failed.remedy) == ("failed", "What.", "Remedy.")
    assert failed.progress == JobProgress(done=3)
    assert not claims.settle(db, job.id, owner, "done")  # it rests


def test_a_running_job_reads_interrupted_once_the_lease_ran_out(
    db: Database, owner: str, clock: FakeClock
) -> None:
    run, job = start_run(db, make_spec())
    assert status(db, job.id)[1] == "queued"
    claims.claim(db, owner)
    clock.forward(9.9)
    assert status(db, job.id)[1] == "running"
    clock.forward(0.1)
    assert status(db, job.id)[1] == "interrupted"
    assert states_of_runs(db) == {run.id: "interrupted"}
    assert take(db, "next", 2)
    assert status(db, job.id)[1] == "interrupted"  # alive, but not its owner


def test_a_released_lease_interrupts_at_once(db: Database, owner: str) -> None:
    job = submit(db, "generate", {})
    claims.claim(db, owner)
    release(db, owner)
    assert status(db, job.id)[1] == "interrupted"


@pytest.mark.parametrize("end", ["interrupted", "paused", "cancelled", "failed"])
def test_what_did_not_finish_can_be_resumed(
    db: Database, owner: str, clock: FakeClock, end: str
) -> None:
    job = submit(db, "generate", {})
    claims.claim(db, owner)
    claims.report(db, job.id, owner, JobProgress(done=5))
    if end == "interrupted":
        clock.forward(11)
    elif end == "cancelled":
        request_cancel(db, job.id)
        claims.settle(db, job.id, owner, "cancelled")
    else:
        claims.settle(db, job.id, owner, end, WidesetError("a", "b"))
    assert status(db, job.id)[1] == end
    again = resume(db, job.id)
    assert (again.state, again.owner, again.cancel_requested) == ("queued", None, False)
    assert (again.message, again.remedy, again.progress) == ("", "", JobProgress(done=5))
    assert resume(db, job.id) == again
    assert not claims.report(
        db, job.id, owner, JobProgress(done=0)
    )  # the old worker, should it wake up


def test_a_done_job_is_not_resumed(db: Database, owner: str) -> None:
    job = submit(db, "generate", {})
    claims.claim(db, owner)
    claims.settle(db, job.id, owner, "done")
    with pytest.raises(BadInput, match="done"):
        resume(db, job.id)
    assert request_cancel(db, job.id).state == "done"


def test_a_stop_is_a_request_to_a_worker_and_immediate_without_one(
    db: Database, owner: str, clock: FakeClock
) -> None:
    waiting = submit(db, "generate", {})
    assert request_cancel(db, waiting.id).state == "cancelled"
    running = submit(db, "generate", {})
    claims.claim(db, owner)
    asked = request_cancel(db, running.id)
    assert (asked.state, asked.cancel_requested) == ("running", True)
    clock.forward(11)
    assert request_cancel(db, running.id).state == "cancelled"


def test_unknown_jobs_are_told(db: Database) -> None:
    for change in (get_job, request_cancel, resume, status):
        with pytest.raises(BadInput, match="no such job"):
            change(db, "nope")


def test_jobs_are_listed_newest_first(db: Database, clock: FakeClock, owner: str) -> None:
    first = submit(db, "generate", {})
    clock.forward(1)
    second = submit(db, "generate", {})
    claims.claim(db, owner)
    assert [job.id for job in list_jobs(db)] == [second.id, first.id]
    assert [job.id for job in list_jobs(db, state="queued")] == [second.id]
    assert get_run(db, start_run(db, make_spec())[0].id).job_id is not None
