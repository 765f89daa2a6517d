"""`runs`: what is in the store."""

import argparse
import json
from datetime import datetime
from typing import Any

from core.cli.parser import Commands


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "runs", help="list the runs", description="List the runs, the newest first."
    )
    parser.add_argument("--json", action="store_true", help="print one JSON array")
    parser.add_argument("--all", action="store_true", help="deleted runs too")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from core.domain.settings import home_from
    from core.jobs.queue import states_of_runs
    from core.store.database import open_database
    from core.store.generation.runs import list_runs

    db = open_database(home_from())
    states = states_of_runs(db)
    rows: list[dict[str, Any]] = [
        {
            "run": summary.run.id,
            "name": summary.run.name,
            "state": states.get(summary.run.id, "new"),
            "task": summary.run.spec.task.name,
            "usable": summary.counts.usable,
            "target": summary.run.spec.target,
            "empty": summary.counts.empty,
            "truncated": summary.counts.truncated,
            "duplicates": summary.counts.duplicates,
            "created_at": summary.run.created_at,
            "deleted": summary.run.deleted_at is not None,
        }
        for summary in list_runs(db, include_deleted=args.all)
    ]
    if args.json:
        print(json.dumps(rows))
    elif not rows:
        print("There are no runs yet. Start one: python -m core generate --task sst2")
    for row in () if args.json else rows:
        when = datetime.fromtimestamp(row["created_at"]).strftime("%Y-%m-%d %H:%M")
        state = "deleted" if row["deleted"] else row["state"]
        texts = f"{row['usable']}/{row['target']}"
        print(f"{row['run']}  {when}  {state:<11}  {texts:>11} texts  {row['name']}")
    return 0
