"""Fault 37: disk full in a batch: it is rolled back, the run pauses, the page says so."""

from core.domain.progress import JobProgress
from core.domain.settings import Home
from core.jobs.context import JobContext
from core.jobs.queue import resume, start_run
from core.jobs.worker import Worker
from core.store.database import Database
from core.store.generation.samples import add_samples, samples_of
from tests.store.making import make_sample, make_spec


def test_the_run_pauses_keeps_what_it_had_and_resumes(home: Home, real_db: Database) -> None:
    run, job = start_run(real_db, make_spec())
    batches = [
        [make_sample(run.id, 20 * n + m, text="word " * 400) for m in range(20)] for n in range(3)
    ]
    full = True

    def handler(context: JobContext) -> None:
        for number, batch in enumerate(batches):
            if full and number == 1:  # SQLite's own limit behaves as a full disk does
                connection = context.db.connection()
                pages = connection.execute("PRAGMA page_count").fetchone()[0]
                connection.execute(f"PRAGMA max_page_count = {pages + 2}")
            add_samples(context.db, batch)
            context.report(JobProgress(done=number + 1))

    worker = Worker(home, {"generate": handler})
    paused = worker.run_job(job.id)
    assert paused.state == "paused"
    assert "disk" in paused.message
    assert "full" in paused.message
    assert paused.remedy == "Free some space and resume."
    assert paused.progress.done == 1
    assert samples_of(real_db, run.id) == batches[0]

    full = False
    resume(real_db, job.id)
    assert worker.run_job(job.id).state == "done"
    assert samples_of(real_db, run.id) == [sample for batch in batches for sample in batch]
