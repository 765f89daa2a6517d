"""Fault 4: kill -9 of the worker: the run reads "interrupted", Resume finishes it."""

import time

from core.domain.settings import Home
from core.jobs.lease import living
from core.jobs.queue import resume, status, submit
from core.store.database import Database
from core.store.generation.runs import create_run
from core.store.generation.samples import samples_of
from tests.jobs import fake_worker
from tests.store.making import make_spec

SPEC = {"cycles": 3, "size": 4, "delay": 0.01}


def test_it_reads_interrupted_in_time_and_resume_completes_the_same_set(
    home: Home, real_db: Database
) -> None:
    whole = create_run(real_db, make_spec()).id
    submit(real_db, "drip", SPEC, run_id=whole)
    fake_worker.end(fake_worker.start(home))
    wanted = [(s.cycle, s.label, s.index, s.order, s.text) for s in samples_of(real_db, whole)]
    assert len(wanted) == 24

    run_id = create_run(real_db, make_spec()).id
    job = submit(real_db, "drip", SPEC, run_id=run_id)
    process = fake_worker.start(home)  # with the real lease of 10 s
    end = time.monotonic() + 10
    while len(samples_of(real_db, run_id)) < 6:
        assert time.monotonic() < end
        time.sleep(0.005)
    process.kill()
    killed = time.time()
    process.communicate()
    kept = samples_of(real_db, run_id)
    assert 6 <= len(kept) < 24
    assert status(real_db, job.id)[1] == "running"  # nobody can know yet
    while status(real_db, job.id)[1] != "interrupted":
        assert time.time() - killed < 15
        time.sleep(0.05)
    assert living(real_db) is None

    resume(real_db, job.id)
    fake_worker.end(fake_worker.start(home))
    assert status(real_db, job.id)[1] == "done"
    after = samples_of(real_db, run_id)
    assert after[: len(kept)] == kept
    assert [(s.cycle, s.label, s.index, s.order, s.text) for s in after] == wanted
