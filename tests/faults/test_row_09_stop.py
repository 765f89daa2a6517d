"""Fault 9: Stop ends a run within one request; what arrived stays."""

import time

import pytest

from core.domain.settings import Home
from core.jobs.queue import get_job, request_cancel, resume, status, submit
from core.store.database import Database
from core.store.generation.runs import create_run
from core.store.generation.samples import samples_of
from tests.jobs import fake_worker
from tests.store.making import make_spec


@pytest.mark.alone
def test_stop_is_quick_and_keeps_what_arrived(home: Home, real_db: Database) -> None:
    run_id = create_run(real_db, make_spec()).id
    spec = {"cycles": 1, "size": 15, "delay": 0.05}
    job = submit(real_db, "drip", spec, run_id=run_id)
    process = fake_worker.start(home, "--idle", "0.8")
    while len(samples_of(real_db, run_id)) < 3:
        time.sleep(0.01)
    request_cancel(real_db, job.id)
    asked = time.monotonic()
    before = samples_of(real_db, run_id)
    while status(real_db, job.id)[1] == "running":
        assert time.monotonic() - asked < 2
        time.sleep(0.01)
    # It looks at most every 0.2 s, so at a request each 0.05 s a few more may arrive.
    assert time.monotonic() - asked < 1.0
    assert get_job(real_db, job.id).state == "cancelled"
    after = samples_of(real_db, run_id)
    assert after[: len(before)] == before
    assert len(after) <= len(before) + 10

    resume(real_db, job.id)
    fake_worker.end(process)
    assert get_job(real_db, job.id).state == "done"
    assert samples_of(real_db, run_id)[: len(after)] == after
    assert len(samples_of(real_db, run_id)) == 30
