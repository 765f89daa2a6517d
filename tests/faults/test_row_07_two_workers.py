"""Fault 7: two workers, one job: one claim wins."""

import time

from core.domain.settings import Home
from core.jobs.queue import get_job, submit
from core.store.database import Database
from core.store.generation.runs import create_run
from core.store.generation.samples import samples_of
from tests.jobs import fake_worker
from tests.store.making import make_spec


def test_workers_started_at_once_are_one_worker(home: Home, real_db: Database) -> None:
    run_id = create_run(real_db, make_spec()).id
    spec = {"cycles": 2, "size": 5, "delay": 0.05}
    job = submit(real_db, "drip", spec, run_id=run_id)
    at = str(time.time() + 1.0)
    processes = [fake_worker.start(home, "--at", at) for _ in range(3)]
    outputs = [fake_worker.end(process) for process in processes]
    assert sorted(output.splitlines()[-1] for output in outputs) == ["first", "second", "second"]
    assert get_job(real_db, job.id).state == "done"
    assert get_job(real_db, job.id).progress.done == 20  # one process made them all
    assert len(samples_of(real_db, run_id)) == 20
