"""`tasks`: what `generate --task` takes."""

import argparse
import json

from core.cli.parser import Commands, one_line


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "tasks",
        help="list the tasks",
        description="List the presets (the paper's eight and an example) and the saved tasks.",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON array")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from core.domain.settings import home_from
    from core.domain.tasks import preset, preset_names
    from core.store.database import open_database
    from core.store.tasks import list_tasks

    found = [("preset", name, preset(name)) for name in preset_names()]
    saved = list_tasks(open_database(home_from()))
    found += [("saved", record.task.name, record.task) for record in saved]
    if args.json:
        rows = [{"kind": kind, "id": name, **task.to_dict()} for kind, name, task in found]
        print(json.dumps(rows))
        return 0
    for kind, name, task in found:
        labels = f"{len(task.labels)} labels"
        words = one_line(f"{task.text_type} ({task.name})")
        print(f"{one_line(name):<20} {kind:<7} {labels:>10}  {words}")
    return 0
