"""The jobs of a sweep's runs."""

import time

from core.jobs.lease import take
from core.jobs.queue import job_of_run
from core.jobs.sweep_trials import RunJobs
from core.store.database import Database
from core.store.generation.runs import create_run
from tests.store.making import make_spec


def test_a_lost_run_that_waits_to_go_on_comes_to_rest_with_its_sweep(db: Database) -> None:
    take(db, "w", 1)
    run = create_run(db, make_spec(), name="One")
    jobs = RunJobs(db, "w", timer=time.monotonic)
    jobs.begin(0, run.id)
    jobs.let_go(lambda _: None, by_hand=False)
    job = job_of_run(db, run.id)
    assert job is not None
    assert (job.state, job.remedy) == ("paused", "Resume the sweep to go on with all of it.")
