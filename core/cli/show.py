"""`show`: the settings of a run."""

import argparse
import json
from typing import Any

from core.cli.parser import Commands, one_line


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "show", help="show a run's settings", description="Show all settings of a run."
    )
    parser.add_argument("wanted", metavar="RUN", help="its id, the start of it, or its name")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command.

    Raises:
        BadInput: there is no such run.
    """
    from core.cli.lookup import find_run
    from core.domain.settings import home_from
    from core.jobs.queue import states_of_runs
    from core.store.database import open_database

    db = open_database(home_from())
    record = find_run(db, args.wanted)
    settings: dict[str, Any] = {
        "run": record.id,
        "name": record.name,
        "state": states_of_runs(db).get(record.id, "new"),
        "spec": record.spec.to_dict(),
        "facts": dict(record.facts),
    }
    if args.json:
        print(json.dumps(settings))
        return 0
    spec = settings.pop("spec")
    settings["seed examples"] = len(spec.pop("seed_examples"))
    labels = spec["task"].pop("labels")
    for name, value in _flat({**settings, **spec}):
        print(f"{name:<32} {one_line(str(value))}")
    for label in labels:
        print(one_line(f"label {label['name']}").ljust(32), one_line(label["phrase"]))
    return 0


def _flat(data: dict[str, Any], before: str = "") -> list[tuple[str, Any]]:
    """Nested settings as lines, in order: `condition temperature`, 0.7."""
    lines: list[tuple[str, Any]] = []
    for key, value in data.items():
        name = f"{before}{key}".replace("_", " ")
        lines += _flat(value, f"{name} ") if isinstance(value, dict) else [(name, value)]
    return lines
