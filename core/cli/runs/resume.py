"""`resume`: finish a run that was stopped, interrupted, paused or failed."""

import sys

from typer import Context

from core.cli.app import Command, new_app, with_option_groups
from core.cli.lookup import find_run
from core.cli.options import RunArgument, SpendingOptions
from core.cli.progress import ProgressLine, wait_for_job
from core.cli.runs.ending import EndingOptions, conclude
from core.domain.errors import BadInput
from core.domain.settings import home_from
from core.jobs.queue import job_of_run
from core.jobs.queue import resume as resume_job
from core.store.database import open_database

app = new_app()


@app.command(cls=Command)
@with_option_groups
def resume(
    context: Context, run: RunArgument, limits: SpendingOptions, ending: EndingOptions
) -> None:
    """Finish a run that was stopped, interrupted, paused or failed: no text is repeated, none is
    lost. A run that is being generated already is followed. Limits replace the run's own, and
    what was spent before counts.
    """
    ending.check()
    limit = limits.limit()
    home = home_from()
    db = open_database(home)
    record = find_run(db, run)
    job = job_of_run(db, record.id)
    if job is None or job.state == "done":
        raise BadInput(
            f"Run {record.id} is done; there is nothing to resume."
            if job is not None
            else f"Run {record.id} was never started.",
            f"Export it with python -m core export {record.id} --out FILE.",
        )
    job = resume_job(db, job.id, cap=limit)
    progress = ProgressLine(sys.stderr)
    progress.note(f"Run {record.id} continues.")
    handlers = context.obj.handlers
    job, state = wait_for_job(home, db, job.id, handlers=handlers, progress=progress)
    conclude(db, record, job, state, ending)
