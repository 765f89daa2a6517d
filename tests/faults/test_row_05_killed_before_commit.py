"""Fault 5: killed between a response and its commit: no sample twice, none lost."""

import time

import pytest

from core.domain.settings import Home
from core.jobs.lease import living
from core.jobs.queue import resume, status, submit
from core.store.database import Database
from core.store.generation.runs import create_run
from core.store.generation.samples import samples_of
from tests.jobs import fake_worker
from tests.store.making import make_spec


@pytest.mark.parametrize("die", [1, 4, 7])
def test_each_key_is_there_once(home: Home, real_db: Database, die: int) -> None:
    run_id = create_run(real_db, make_spec()).id
    spec = {"cycles": 2, "size": 3, "delay": 0, "die": die}
    job = submit(real_db, "drip", spec, run_id=run_id)
    process = fake_worker.start(home, "--lease", "0.5", "--beat", "0.1")
    fake_worker.end(process)
    assert process.returncode == -9
    assert len(samples_of(real_db, run_id)) == die - 1
    while living(real_db) is not None:
        time.sleep(0.02)
    resume(real_db, job.id)
    fake_worker.end(fake_worker.start(home))
    assert status(real_db, job.id)[1] == "done"
    samples = samples_of(real_db, run_id)
    assert sorted((s.cycle, s.label, s.index) for s in samples) == [
        (cycle, label, index) for cycle in (1, 2) for label in ("neg", "pos") for index in range(3)
    ]
    assert [s.order for s in samples] == list(range(12))
