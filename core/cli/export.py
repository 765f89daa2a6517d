"""`export`: the texts of a run or a version as a file."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from core.cli.parser import Commands, one_line
from core.domain.errors import BadInput

if TYPE_CHECKING:
    from core.store.database import Database


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "export",
        help="write a run's texts to a file",
        description="Write a run's usable texts, in order of arrival, or those that a version "
        "keeps, with where each label is from. JSONL and Parquet hold them exactly; CSV is made "
        "safe for spreadsheets (an apostrophe before = + - @).",
    )
    parser.add_argument(
        "wanted", metavar="RUN", help="its id, the start of it, or its name; or version:ID"
    )
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
        WidesetError: there is no such run or version, or the file can't be written.
    """
    from core.cli.lookup import find_run
    from core.cli.outcome import check_ending, export_run
    from core.domain.settings import home_from
    from core.store.database import open_database

    check_ending(args)
    db = open_database(home_from())
    if args.wanted.startswith("version:"):
        written = _export_version(db, args)
        print(one_line(f"Wrote {written} texts to {args.out}."))
        return 0
    written = export_run(db, find_run(db, args.wanted).id, args.out, everything=args.all)
    print(one_line(f"Wrote {written} texts to {args.out}."))
    return 0


def _export_version(db: "Database", args: argparse.Namespace) -> int:
    from core.cli.intervening import work_on
    from core.files.exports import format_of, write_whole
    from core.interventions.versions.card import export_version

    if args.all:
        raise BadInput("A version has no empty or truncated texts.", "Leave --all out.")
    work = work_on(db, args.wanted)
    content = export_version(work.texts, work.specified, work.rows, format=format_of(args.out))
    write_whole(args.out, content)
    return len(work.dataset)
