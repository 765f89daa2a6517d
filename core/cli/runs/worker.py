"""`worker`: the process that runs the jobs; the pages start it by themselves."""

import sys
from typing import Annotated

from typer import Context, Option

from core.cli.app import Command, new_app
from core.domain.errors import BadInput
from core.domain.settings import home_from
from core.jobs.worker import Worker, work

app = new_app()


@app.command(cls=Command)
def worker(
    context: Context,
    idle_seconds: Annotated[float, Option(help="End after so many idle seconds.")] = 1800.0,
) -> None:
    """Run queued jobs, one after the other. The pages start this by themselves; a second worker
    ends at once.
    """
    if not idle_seconds >= 0:  # also refuses NaN
        raise BadInput(
            f"--idle-seconds is {idle_seconds}, which is no length of time.", "Give 0 or more."
        )
    handlers = context.obj.handlers
    if handlers is None:
        was_first = work(home_from(), idle_seconds=idle_seconds)
    else:
        was_first = Worker(home_from(), handlers, idle_seconds=idle_seconds).run_forever()
    if not was_first:
        print("Another worker is running on this home folder.", file=sys.stderr)
