"""Fault 40: the store locked longer than the timeout: retried; the run and the page live."""

import subprocess
import sys

import pytest

from core.domain.errors import StoreBusy
from core.domain.settings import Home
from core.jobs.context import JobContext
from core.jobs.queue import start_run
from core.jobs.worker import Worker
from core.store.database import Database, open_database
from core.store.generation.runs import list_runs
from core.store.generation.samples import add_samples, samples_of
from tests.store.making import make_sample, make_spec

HOLD = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
time.sleep(float(sys.argv[2]))
"""


def hold(home: Home, seconds: float) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(home.store), str(seconds)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_run_outlasts_a_lock_longer_than_the_timeout(home: Home, real_db: Database) -> None:
    run, job = start_run(real_db, make_spec())
    given = [make_sample(run.id, n) for n in range(5)]

    def handler(context: JobContext) -> None:
        with hold(home, 5.6) as other:  # the timeout of one attempt is 5 s
            assert [s.run.id for s in list_runs(context.db)] == [run.id]  # a page reads on
            assert add_samples(context.db, given) == given
            other.wait()

    assert Worker(home, {"generate": handler}).run_job(job.id).state == "done"
    assert samples_of(real_db, run.id) == given


def test_a_page_gets_a_plain_error_and_can_try_again(home: Home) -> None:
    db = open_database(home, lock_seconds=0.1, attempts=2)
    with hold(home, 0.8) as other:
        assert list_runs(db) == []
        with pytest.raises(StoreBusy, match="locked"):
            start_run(db, make_spec(), token="t")
        other.wait()
    start_run(db, make_spec(), token="t")
    assert len(list_runs(db)) == 1
    db.close()
