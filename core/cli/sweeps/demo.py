"""`demo`: open the demo project, or build it anew."""

import sys
from pathlib import Path
from typing import Annotated

from typer import Option

from core.cli.app import App, Session
from core.cli.output import print_note
from core.cli.progress import ProgressLine, wait_for_job
from core.domain.errors import WidesetError
from core.domain.settings import Home
from core.services.demo import open_demo
from core.store.database import Database

app = App()


@app.add()
def demo(
    session: Session,
    build: Annotated[
        Path | None,
        Option(
            help="Build it anew with the embedded model, in about ten minutes, and write it there."
        ),
    ] = None,
) -> None:
    """Copy the demo project into the home folder, where the pages show it. Run again, it adds
    nothing and restores what was deleted.
    """
    if build is None:
        name = open_demo(session.db).name
        print(f"The project '{name}' is in your home folder; see the pages Explore to Compare.")
        return
    from core.jobs.demo_build import build_demo  # loads all that starts jobs

    def run_job(home: Home, db: Database, job_id: str, name: str) -> None:
        progress = ProgressLine(sys.stderr)
        progress.note(f"Now: {name}")
        job, state = wait_for_job(Session(session.handlers, home, db), job_id, progress)
        if state != "done":
            raise WidesetError(f"{name}: {state}. {job.message} {job.remedy}".strip())

    build_demo(build, models=session.home.models, run_job=run_job)
    print_note(f"The demo project is in {build}.")
