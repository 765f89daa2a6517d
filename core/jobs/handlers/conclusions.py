"""The jobs that conclude from sweeps: what matters, and the report.

What matters is the regression and the replication card; they load statsmodels, so a page asks for
them and reads what was stored. The report is written into the home folder, for a page to offer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.analysis.study import Study
from core.domain.progress import JobProgress
from core.jobs.context import JobContext
from core.jobs.queue import Work, once
from core.jobs.registry import job
from core.jobs.tools import WorkerTools
from core.services.conclusions import KIND, ReportFile, StudyRequest, conclude, write_report
from core.store.database import Database

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Studied:
    """What is there of a study.

    Args:
        result: the study; None before the first one.
        fresh: whether it is of exactly these results; else of what was there earlier.
        work: the job that makes the fresh one; None where nothing is missing or none was wanted.
    """

    result: Study | None
    fresh: bool
    work: Work | None


def studied(
    db: Database, sweep_ids: Sequence[str], results: "pd.DataFrame", *, queue: bool = True
) -> Studied:
    """The study of some sweeps; queues the job where it is missing.

    Args:
        db: the store.
        sweep_ids: the sweeps, in any order.
        results: the results frame of all their assessed runs, by `stored_results`.
        queue: whether to queue; of a sweep under way there would be another after every run.
    """
    request = StudyRequest.of(sweep_ids, results)
    with db.read():
        study = request.stored(db)
        if study is not None:
            return Studied(study, True, None)
        older = request.latest_stored(db)
    work = once(db, KIND, {"sweeps": list(request.sweeps)}, request.version) if queue else None
    return Studied(older, False, work)


@dataclass(frozen=True, slots=True)
class _SweepsSpec:
    """The spec of a job about sweeps: their ids."""

    sweeps: tuple[str, ...]


@job(KIND, title="What matters", activity="Concluding what matters")
def study_job(context: JobContext, tools: WorkerTools) -> None:
    """Conclude from the results that are there now; see `conclude`."""
    context.report(JobProgress(phase="concluding", done=0, total=1))
    conclude(context.db, context.job.spec_as(_SweepsSpec).sweeps)
    context.report(JobProgress(phase="done", done=1, total=1))


_REPORT = "report"


@dataclass(frozen=True, slots=True)
class _ReportSpec(_SweepsSpec):
    """The spec of a job that writes a report."""

    title: str


def queue_report(db: Database, report: ReportFile) -> Work:
    """Queue the job that writes it; again it is the same job."""
    spec = {"sweeps": list(report.sweeps), "title": report.title}
    return once(db, _REPORT, spec, report.path.name)


@job(_REPORT, title="Report", activity="Writing a report")
def report_job(context: JobContext, tools: WorkerTools) -> None:
    """Write the report of what is there now; see `write_report`."""
    context.report(JobProgress(phase="concluding", done=0, total=1))
    spec = context.job.spec_as(_ReportSpec)
    write_report(context.db, tools.home, spec.sweeps, title=spec.title)
    context.report(JobProgress(phase="done", done=1, total=1))
