import json
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from core.domain.errors import BackendFailed, StoreBusy, StoreFull
from core.domain.progress import JobProgress
from core.domain.settings import Home
from core.jobs.context import Handler, JobContext
from core.jobs.lease import living, take
from core.jobs.questions import ask
from core.jobs.queue import Job, get_job, request_cancel, resume, status, submit
from core.jobs.registry import JobHandlers
from core.jobs.worker import Worker, WorkerBusy
from core.store.database import Database, open_database
from core.store.generation.runs import create_run
from core.store.generation.samples import samples_of
from tests.jobs import fake_worker
from tests.store.making import make_spec


def run(home: Home, db: Database, handler: Handler, **options: Any) -> Job:
    job = submit(db, "test", {"a": 1})
    return Worker(home, {"test": handler}, **options).run_job(job.id)


def test_a_job_runs_and_is_done(home: Home, real_db: Database) -> None:
    seen: list[Any] = []

    def handler(context: JobContext) -> None:
        seen.append((context.spec, context.job.state, context.should_stop()))
        lease = living(context.db)
        assert lease is not None
        seen.append((lease.owner == context.job.owner, lease.pid == os.getpid()))
        context.report(JobProgress(done=1))
        context.report(JobProgress(done=2))

    job = run(home, real_db, handler)
    assert seen == [({"a": 1}, "running", False), (True, True)]
    assert (job.state, job.progress, job.message) == ("done", JobProgress(phase="done", done=2), "")
    assert living(real_db) is None


def test_reports_are_heard_at_once_and_stored_in_measure(home: Home, real_db: Database) -> None:
    heard: list[JobProgress] = []
    stored: list[JobProgress] = []

    def handler(context: JobContext) -> None:
        for n in range(5):
            context.report(JobProgress(done=n))
            stored.append(get_job(context.db, context.job.id).progress)
        context.report(JobProgress(done=9), at_once=True)
        stored.append(get_job(context.db, context.job.id).progress)

    job = submit(real_db, "test", {})
    Worker(home, {"test": handler}).run_job(job.id, listen=heard.append)
    assert [now.done for now in heard] == [0, 1, 2, 3, 4, 9, 9]
    assert [now.done for now in stored] == [0] * 5 + [9]


@pytest.mark.parametrize(
    ("error", "state", "message", "remedy"),
    [
        (BackendFailed("No model.", "Get one."), "failed", "No model.", "Get one."),
        (StoreFull("Full.", "Make room."), "paused", "Full.", "Make room."),
        (StoreBusy("Locked.", "Wait."), "paused", "Locked.", "Wait."),
    ],
)
def test_our_errors_are_told_in_their_own_words(
    home: Home, real_db: Database, error: Exception, state: str, message: str, remedy: str
) -> None:
    def handler(context: JobContext) -> None:
        context.report(JobProgress(done=1))
        context.report(JobProgress(done=2))
        raise error

    job = run(home, real_db, handler)
    assert (job.state, job.message, job.remedy) == (state, message, remedy)
    assert job.progress.done == 2


def test_other_errors_are_told_plainly_with_the_details_in_the_log_only(
    home: Home, real_db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    def handler(context: JobContext) -> None:
        raise RuntimeError("sk-secret-detail")

    with caplog.at_level(logging.INFO, logger="wideset.worker"):
        job = run(home, real_db, handler)
    assert job.state == "failed"
    assert job.message == "The job stopped because of an error in Wideset."
    assert str(home.worker_log) in job.remedy
    assert "sk-secret-detail" in caplog.text
    assert "sk-secret-detail" not in job.message + job.remedy


def test_an_unknown_kind_fails_with_words(home: Home, real_db: Database) -> None:
    job = submit(real_db, "dance", {})
    assert Worker(home, {}).run_job(job.id).message == (
        "This version can't run jobs of the kind 'dance'."
    )


def test_the_end_is_stored_as_soon_as_there_is_room(home: Home, real_db: Database) -> None:
    waits: list[float] = []
    job = submit(real_db, "test", {})
    worker = Worker(home, {"test": full_for_three_writes}, sleep=waits.append)
    assert worker.run_job(job.id).state == "paused"
    assert waits == [1.0, 1.0, 1.0]


def full_for_three_writes(context: JobContext) -> None:
    """A handler after which the first three writes find the disk full."""
    really, left = context.db.write, 3

    def write() -> Any:
        nonlocal left
        left -= 1
        if left >= 0:
            raise StoreFull("Full.", "Make room.")
        return really()

    context.db.write = write  # type: ignore[method-assign]
    raise StoreFull("Full.", "Make room.")


def test_a_worker_that_can_not_store_an_end_gives_up_the_lease(
    home: Home, real_db: Database
) -> None:
    def handler(context: JobContext) -> None:
        def write() -> Any:
            raise StoreFull("Full.", "Make room.")

        context.db.write = write  # type: ignore[method-assign]

    job = submit(real_db, "test", {})
    worker = Worker(home, {"test": handler}, lease_seconds=0.5, sleep=lambda _: None)
    assert worker.run_forever() is True
    time.sleep(0.6)
    assert status(real_db, job.id)[1] == "interrupted"


def test_a_lost_lease_ends_the_job_without_touching_it(home: Home, real_db: Database) -> None:
    reasons: list[object] = []

    def handler(context: JobContext) -> None:
        with context.db.write() as connection:
            connection.execute("UPDATE lease SET owner = 'thief', until = until + 60")
        end = time.monotonic() + 5
        while not context.should_stop() and time.monotonic() < end:
            time.sleep(0.01)
        reasons.append(context.stop_reason)

    job = submit(real_db, "test", {})
    Worker(home, {"test": handler}, beat_seconds=0.05).run_forever()
    assert reasons == ["lost"]
    assert get_job(real_db, job.id).state == "running"
    assert status(real_db, job.id)[1] == "interrupted"
    lease = living(real_db)
    assert lease is not None
    assert lease.owner == "thief"


def test_a_job_resumed_elsewhere_is_lost_to_its_old_worker(home: Home, real_db: Database) -> None:
    reasons: list[object] = []

    def handler(context: JobContext) -> None:
        other = open_database(home)
        with other.write() as connection:
            connection.execute("UPDATE jobs SET state = 'queued', owner = NULL")
        time.sleep(0.25)
        assert context.should_stop()
        reasons.append(context.stop_reason)

    job = run(home, real_db, handler)
    assert reasons == ["lost"]
    assert job.state == "queued"


def test_run_job_leaves_a_living_worker_alone(home: Home, real_db: Database) -> None:
    job = submit(real_db, "test", {})
    take(real_db, "other", 1)
    with pytest.raises(WorkerBusy):
        Worker(home, {}).run_job(job.id)
    assert get_job(real_db, job.id).state == "queued"


def test_questions_are_answered_while_a_job_runs(home: Home, real_db: Database) -> None:
    answers: list[Any] = []

    def handler(context: JobContext) -> None:
        context.answerers["step"] = lambda spec: {"step": steps}
        steps = 0
        while not answers:
            steps += 1
            time.sleep(0.005)
            context.serve_questions()

    def page() -> None:
        answers.append(ask(real_db, "step", {}, timeout=5))
        real_db.close()

    thread = threading.Thread(target=page)
    thread.start()
    assert run(home, real_db, handler).state == "done"
    thread.join()
    assert answers[0]["step"] >= 1


def test_an_idle_worker_answers_runs_and_ends(home: Home, real_db: Database) -> None:
    process = fake_worker.start(home, "--idle", "1.0")
    assert ask(real_db, "double", {"number": 4}, timeout=10) == {"answer": 8}
    run_id = create_run(real_db, make_spec()).id
    spec = {"cycles": 1, "size": 2, "delay": 0}
    job = submit(real_db, "drip", spec, run_id=run_id)
    assert "first" in fake_worker.end(process)
    assert get_job(real_db, job.id).state == "done"
    assert len(samples_of(real_db, run_id)) == 4
    assert living(real_db) is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_pauses_the_job_and_ends_the_worker(
    home: Home, real_db: Database, number: signal.Signals
) -> None:
    run_id = create_run(real_db, make_spec()).id
    spec = {"cycles": 50, "size": 10, "delay": 0.01}
    job = submit(real_db, "drip", spec, run_id=run_id)
    process = fake_worker.start(home)
    wait_until(lambda: len(samples_of(real_db, run_id)) >= 3)
    process.send_signal(number)
    fake_worker.end(process)
    assert process.returncode == 0
    paused = get_job(real_db, job.id)
    assert (paused.state, paused.message) == ("paused", "The worker was told to end.")
    assert living(real_db) is None
    assert resume(real_db, job.id).state == "queued"


def test_a_stop_while_nobody_works_is_immediate(home: Home, real_db: Database) -> None:
    job = submit(real_db, "drip", {})
    assert request_cancel(real_db, job.id).state == "cancelled"


def test_the_queue_imports_nothing_heavy(home: Home) -> None:
    heavy = ["torch", "transformers", "numpy", "pandas", "streamlit", "sklearn"]
    script = (
        "import sys, json, core.jobs.queue, core.jobs.lease, core.jobs.launch\n"
        "import core.jobs.questions\n"
        "import core.jobs.worker, core.jobs.registry, core.store.generation.samples\n"
        "import core.store.tasks\n"
        f"print(json.dumps([name for name in {heavy} if name in sys.modules]))"
    )
    output = subprocess.check_output([sys.executable, "-c", script], cwd=fake_worker.ROOT)
    assert json.loads(output) == []
    kinds = ["generate", "measure", "project", "fetch", "judge", "relabel", "filter"]
    kinds += [
        "filter_effect",
        "budget",
        "llm_judge",
        "train",
        "apply",
        "sweep",
        "probe",
        "study",
        "report",
    ]
    assert sorted(JobHandlers(home).handlers()) == sorted(kinds)


def wait_until(true: Callable[[], bool], *, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def test_the_store_is_not_locked_while_a_handler_runs(home: Home, real_db: Database) -> None:
    def handler(context: JobContext) -> None:
        with sqlite3.connect(home.store, timeout=0) as other:
            other.execute("BEGIN EXCLUSIVE")
        other.close()

    assert run(home, real_db, handler).state == "done"
