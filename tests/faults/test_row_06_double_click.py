"""Fault 6: a double click on Start makes one run."""

from concurrent.futures import ThreadPoolExecutor

from core.domain.settings import Home
from core.jobs.queue import list_jobs, start_run
from core.store.database import Database, open_database
from core.store.generation.runs import list_runs
from tests.store.making import make_spec


def test_clicks_at_the_same_time_make_one_run(home: Home, real_db: Database) -> None:
    def click(_: int) -> tuple[str, str]:
        db = open_database(home)
        try:
            run, job = start_run(db, make_spec(), token="session-1:click-1")
            return run.id, job.id
        finally:
            db.close()

    with ThreadPoolExecutor(6) as pool:
        answers = set(pool.map(click, range(12)))
    assert len(answers) == 1
    assert len(list_runs(real_db)) == len(list_jobs(real_db)) == 1
    start_run(real_db, make_spec(), token="session-1:click-2")
    assert len(list_runs(real_db)) == 2
