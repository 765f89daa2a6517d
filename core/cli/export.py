"""`export`: a run's texts as a file."""

import argparse
from pathlib import Path

from core.cli.parser import Commands, one_line


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "export",
        help="write a run's texts to a file",
        description="Write a run's usable texts, in order of arrival. JSONL and Parquet hold "
        "them exactly; CSV is made safe for spreadsheets (an apostrophe before = + - @).",
    )
    parser.add_argument("wanted", metavar="RUN", help="its id, the start of it, or its name")
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FILE",
        help="FILE.jsonl, FILE.csv or FILE.parquet; replaced if it exists",
    )
    parser.add_argument("--all", action="store_true", help="empty and truncated texts too")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command.

    Raises:
        WidesetError: there is no such run, or the file can't be written.
    """
    from core.cli.lookup import find_run
    from core.cli.outcome import check_ending, export_run
    from core.settings import home_from
    from core.store.database import open_database

    check_ending(args)
    db = open_database(home_from())
    written = export_run(db, find_run(db, args.wanted).id, args.out, everything=args.all)
    print(one_line(f"Wrote {written} texts to {args.out}."))
    return 0
