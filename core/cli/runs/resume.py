"""`resume`: finish a run that was stopped, interrupted, paused or failed."""

import sys

from core.cli.app import App, Session
from core.cli.lookup import find_run
from core.cli.options import RunArgument, SpendingOptions
from core.cli.progress import ProgressLine
from core.cli.runs.outcome import OutcomeOptions, finish_run
from core.domain.errors import BadInput
from core.jobs.queue import job_of_run
from core.jobs.queue import resume as resume_job

app = App()


@app.add()
def resume(
    session: Session, run: RunArgument, limits: SpendingOptions, outcome: OutcomeOptions
) -> None:
    """Finish a run that was stopped, interrupted, paused or failed: no text is repeated, none is
    lost. A run that is being generated already is followed. Limits replace the run's own, and
    what was spent before counts.
    """
    outcome.check()
    limit = limits.limit()
    record = find_run(session.db, run)
    job = job_of_run(session.db, record.id)
    if job is None or job.state == "done":
        raise BadInput(
            f"Run {record.id} is done; there is nothing to resume."
            if job is not None
            else f"Run {record.id} was never started.",
            f"Export it with python -m core export {record.id} --out FILE.",
        )
    job = resume_job(session.db, job.id, cap=limit)
    progress = ProgressLine(sys.stderr)
    progress.note(f"Run {record.id} continues.")
    finish_run(session, record, job.id, outcome, progress)
