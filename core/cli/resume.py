"""`resume`: finish a run that was stopped, interrupted, paused or failed."""

import argparse
import sys

from core.cli.outcome import add_ending_to, check_ending, conclude
from core.cli.parser import Commands
from core.cli.spending_cap import add_cap_to, chosen_cap
from core.domain.errors import BadInput


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "resume",
        help="finish a run that was stopped",
        description="Finish a run that was stopped, interrupted, paused or failed: it repeats no "
        "text and loses none. A run that goes on already is followed.",
    )
    parser.add_argument("wanted", metavar="RUN", help="its id, the start of it, or its name")
    add_cap_to(
        parser.add_argument_group("another cap, with what was spent before"),
        instead="as it was",
    )
    add_ending_to(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command.

    Raises:
        WidesetError: there is nothing to resume, or the run did not finish.
    """
    check_ending(args)
    cap = chosen_cap(args)
    from core.cli.following import see_through
    from core.cli.lookup import find_run
    from core.cli.progress import ProgressLine
    from core.domain.settings import home_from
    from core.jobs.queue import job_of_run, resume
    from core.store.database import open_database

    home = home_from()
    db = open_database(home)
    record = find_run(db, args.wanted)
    job = job_of_run(db, record.id)
    if job is None or job.state == "done":
        raise BadInput(
            f"Run {record.id} is done; there is nothing to resume."
            if job is not None
            else f"Run {record.id} was never started.",
            f"Export it with python -m core export {record.id} --out FILE.",
        )
    job = resume(db, job.id, cap=cap)
    progress = ProgressLine(sys.stderr)
    progress.note(f"Run {record.id} goes on.")
    job, state = see_through(home, db, job.id, handlers=args.handlers, progress=progress)
    return conclude(db, record, job, state, args)
