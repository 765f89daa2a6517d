"""`worker`: the process that runs the jobs; the pages start it by themselves."""

import argparse
import sys

from core.cli.parser import Commands
from core.domain.errors import BadInput


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "worker",
        help="run queued jobs until idle",
        description="Run queued jobs, one after the other. The pages start this by themselves; "
        "a second one ends at once.",
    )
    parser.add_argument(
        "--idle-seconds",
        type=float,
        default=1800.0,
        metavar="N",
        help="end after so many seconds with nothing to do (%(default)s)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command.

    Raises:
        WidesetError: there is no store to work on.
    """
    if not args.idle_seconds >= 0:  # also refuses NaN
        raise BadInput(
            f"--idle-seconds is {args.idle_seconds}, which is no length of time.", "Give 0 or more."
        )
    from core.domain.settings import home_from
    from core.jobs.worker import Worker, work

    if args.handlers is None:
        was_first = work(home_from(), idle_seconds=args.idle_seconds)
    else:
        was_first = Worker(home_from(), args.handlers, idle_seconds=args.idle_seconds).run_forever()
    if not was_first:
        print("Another worker is running on this home folder.", file=sys.stderr)
    return 0
