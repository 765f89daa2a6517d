"""`report`: a study as one HTML file that works offline, and its numbers as CSV and JSON."""

import argparse
import json
from pathlib import Path

from core.cli.parser import Commands, one_line
from core.domain.errors import BadInput


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "report",
        help="write a study as one HTML file that works offline",
        description=(
            "Write what sweeps found as one HTML file: charts live, texts, advice, the replication "
            "card, and what repeats it. Nothing is generated or trained."
        ),
    )
    parser.add_argument(
        "project",
        metavar="PROJECT",
        help="a sweep's id or name, a study's name, or a task's name or key; study:NAME or "
        "task:NAME where one name means two things",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.html", help="the file")
    parser.add_argument(
        "--csv", type=Path, metavar="FOLDER", help="points.csv, results.csv, study.json go there"
    )
    parser.add_argument("--title", default="", metavar="WORDS", help="of the page")
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command.

    Raises:
        BadInput: there is no such project, nothing of it is assessed, or a file can't be written.
    """
    if args.out.suffix.lower() not in (".html", ".htm"):
        raise BadInput(f"The report '{args.out.name}' is no .html file.", "End it in .html.")
    from core.cli.project import find_project
    from core.domain.settings import home_from
    from core.files.exports import write_whole
    from core.store.database import open_database

    db = open_database(home_from())
    found = find_project(db, args.project)
    from core.reports.stored_report import stored_report

    title = args.title or found.title
    report = stored_report(db, [one.id for one in found.sweeps], title=title)
    write_whole(args.out, report.html.encode("utf-8"))
    if args.csv is not None:
        try:
            args.csv.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput(
                f"The folder {args.csv} can't be made ({error.strerror}).", "Name another."
            ) from error
        for name, content in report.data().items():
            write_whole(args.csv / name, content)
    told = {
        "out": str(args.out),
        "csv": None if args.csv is None else str(args.csv),
        "sweeps": [one.id for one in found.sweeps],
        "tasks": report.study["tasks"],
        "runs": report.study["runs"],
        "points": report.study["points"],
    }
    if args.json:
        print(json.dumps(told))
        return 0
    also = "" if args.csv is None else f" Its numbers are in {args.csv}."
    print(
        one_line(
            f"The report of the {found.kind} '{found.title}' ({told['runs']} runs, "
            f"{told['points']} points) is in {args.out}.{also}"
        )
    )
    return 0
