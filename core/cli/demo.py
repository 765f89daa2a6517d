"""`demo`: open the demo project, or make it anew."""

import argparse
import sys
from pathlib import Path

from core.cli.parser import Commands


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "demo",
        help="open the demo project, or make it anew",
        description="Take the demo project over into the home folder, where the pages show it. "
        "Again, it adds nothing and brings back what was deleted.",
    )
    parser.add_argument(
        "--build",
        type=Path,
        metavar="FOLDER",
        help="make it anew with the embedded model, about ten minutes, and write it there",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command.

    Raises:
        WidesetError: the demo is missing, or could not be made.
    """
    if args.build is not None:
        from core.cli.demo_build import build

        build(args.build, handlers=args.handlers)
        print(f"The demo project is in {args.build}.", file=sys.stderr)
        return 0
    from core.domain.settings import home_from
    from core.services.demo import open_demo
    from core.store.database import open_database

    db = open_database(home_from())
    task = open_demo(db)
    print(f"The project '{task.name}' is there; its pages are Explore to Compare.")
    return 0
