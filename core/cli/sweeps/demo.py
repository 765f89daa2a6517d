"""`demo`: open the demo project, or build it anew."""

import sys
from pathlib import Path
from typing import Annotated

from typer import Context, Option

from core.cli.app import Command, new_app
from core.domain.settings import home_from
from core.services.demo import open_demo
from core.store.database import open_database

app = new_app()


@app.command(cls=Command)
def demo(
    context: Context,
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
    if build is not None:
        # A module of its own, as only this needs all that the worker's jobs are started with.
        from core.cli.sweeps.demo_build import build_demo

        build_demo(build, handlers=context.obj.handlers)
        print(f"The demo project is in {build}.", file=sys.stderr)
        return
    task = open_demo(open_database(home_from()))
    print(f"The project '{task.name}' is in your home folder; see the pages Explore to Compare.")
