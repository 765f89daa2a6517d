"""The job that writes a report of sweeps into the home folder, for a page to offer.

Its spec: `{"sweeps": ids, "title": words}`.
"""

from core.domain.progress import JobProgress
from core.jobs.cached_measurements import Work, once
from core.jobs.context import JobContext
from core.jobs.registry import job
from core.jobs.tools import WorkerTools
from core.services.conclusions.report import ReportFile, write_report
from core.store.database import Database

KIND = "report"


def queue_report(db: Database, report: ReportFile) -> Work:
    """Queue the job that writes it; again it is the same job."""
    spec = {"sweeps": list(report.sweeps), "title": report.title}
    return once(db, KIND, spec, report.path.name)


@job(KIND, title="Report", activity="Writing a report")
def report_job(context: JobContext, tools: WorkerTools) -> None:
    """Write the report of what is there now; see `write_report`."""
    context.report(JobProgress(phase="concluding", done=0, total=1))
    spec = context.spec
    write_report(context.db, tools.home, spec["sweeps"], title=str(spec["title"]))
    context.report(JobProgress(phase="done", done=1, total=1))
