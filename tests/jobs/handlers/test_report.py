"""The job that writes a report, in a real store."""

from core.analysis.frames.results import results_frame, stored_results
from core.domain.settings import Home
from core.jobs.handlers.conclusions import queue_report
from core.jobs.queue import list_jobs, submit
from core.jobs.registry import JobHandlers
from core.jobs.worker import Worker
from core.services.conclusions import ReportFile
from core.store.database import Database, open_database
from tests.analysis.study_store import finished_sweep


def look(home: Home, db: Database, *sweeps: str, title: str = "T") -> ReportFile:
    results = results_frame(stored_results(db, sweep_ids=sweeps))
    return ReportFile.of(home, sweeps, results, title=title)


def test_a_report_is_written_once_and_replaced_when_more_is_known(home: Home) -> None:
    db = open_database(home)
    sweep = finished_sweep(db)
    report = look(home, db, sweep.id)
    assert not report.written
    work = queue_report(db, report)
    assert queue_report(db, report).job.id == work.job.id
    worker = Worker(home, JobHandlers(home).handlers())
    assert worker.run_job(work.job.id).state == "done"
    assert report.written
    assert look(home, db, sweep.id) == report
    assert look(home, db, sweep.id, title="Another").path != report.path
    assert "<title>T</title>" in report.path.read_text("utf-8")

    second = finished_sweep(db, name="Second", repeats=1)
    both = look(home, db, sweep.id, second.id)
    assert both.path != report.path
    older = both.path.with_name(f"{both.path.name.partition('-')[0]}-0.html")
    older.write_text("older")
    assert worker.run_job(queue_report(db, both).job.id).state == "done"
    assert both.written
    assert report.written
    assert not older.exists()


def test_without_results_it_says_why(home: Home) -> None:
    db = open_database(home)
    job = submit(db, "report", {"sweeps": ["none"], "title": ""})
    ended = Worker(home, JobHandlers(home).handlers()).run_job(job.id)
    assert (ended.state, ended.message) == ("failed", "There is no sweep 'none' in this store.")
    assert len(list_jobs(db)) == 1
