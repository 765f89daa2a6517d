"""`worker`: the process that runs the jobs; the pages start it by themselves."""

from typing import Annotated

from typer import Option

from core.cli.app import App, Session
from core.cli.options import check_range
from core.cli.output import print_note
from core.jobs.worker import Worker, work

app = App()


@app.add("worker")
def run_worker(
    session: Session,
    idle_seconds: Annotated[float, Option(help="End after so many idle seconds.")] = 1800.0,
) -> None:
    """Run queued jobs, one after the other. The pages start this by themselves; a second worker
    ends at once.
    """
    check_range("--idle-seconds", idle_seconds, 0)
    if session.handlers is None:
        is_first = work(session.home, idle_seconds=idle_seconds)
    else:
        worker = Worker(session.home, session.handlers, idle_seconds=idle_seconds)
        is_first = worker.run_forever()
    if not is_first:
        print_note("Another worker is running on this home folder.")
