"""`reference`: real labelled texts, to learn from and to be measured by."""

import argparse
import json
from datetime import datetime
from typing import TYPE_CHECKING

from core.cli import reference_add
from core.cli.parser import Commands, one_line
from core.cli.reference_add import row_of

if TYPE_CHECKING:
    from core.domain.references import Reference
    from core.store.database import Database


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "reference",
        help="add, list and delete references",
        description="References: real labelled texts of a task, in a train and a test part without "
        "a text in common. The newest one of a task is the task's.",
        epilog="Example: python -m core reference add reviews.csv --task sst2 "
        "--label-column stars --map good=positive --map bad=negative",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    reference_add.add_to(actions)
    listing = actions.add_parser(
        "list", help="list the references", description="List the references, the newest first."
    )
    listing.add_argument("--json", action="store_true", help="print one JSON array")
    listing.add_argument("--all", action="store_true", help="deleted references too")
    listing.set_defaults(run=list_all)
    for verb, run, what in (
        ("delete", delete, "hide a reference; restore brings it back"),
        ("restore", restore, "bring a deleted reference back"),
    ):
        one = actions.add_parser(verb, help=what, description=f"{what.capitalize()}.")
        one.add_argument("wanted", metavar="REFERENCE", help="its id, the start of it, or its name")
        one.set_defaults(run=run)


def list_all(args: argparse.Namespace) -> int:
    """Run `reference list`."""
    from core.domain.settings import home_from
    from core.store.database import open_database
    from core.store.references import list_references

    found = list_references(open_database(home_from()), include_deleted=args.all)
    if args.json:
        print(json.dumps([row_of(reference) for reference in found]))
    elif not found:
        print("There are no references yet. Add one: python -m core reference add FILE --task NAME")
    for reference in () if args.json else found:
        when = datetime.fromtimestamp(reference.created_at).strftime("%Y-%m-%d %H:%M")
        texts = f"{sum(reference.train.values())}+{sum(reference.test.values())}"
        state = "" if reference.deleted_at is None else "deleted "
        labels = ", ".join(reference.label_names)
        print(
            f"{reference.id}  {when}  {texts:>11} texts  {state}"
            f"{one_line(f'{reference.name} ({labels})')}"
        )
    return 0


def delete(args: argparse.Namespace) -> int:
    """Run `reference delete`.

    Raises:
        BadInput: there is no such reference.
    """
    from core.store.references import delete_reference

    db, reference = _wanted(args.wanted)
    delete_reference(db, reference.id)
    print(
        one_line(
            f"Deleted reference {reference.id} '{reference.name}'; "
            f"python -m core reference restore {reference.id} brings it back."
        )
    )
    return 0


def restore(args: argparse.Namespace) -> int:
    """Run `reference restore`.

    Raises:
        BadInput: there is no such reference.
    """
    from core.store.references import restore_reference

    db, reference = _wanted(args.wanted)
    restore_reference(db, reference.id)
    print(one_line(f"Reference {reference.id} '{reference.name}' is back."))
    return 0


def _wanted(wanted: str) -> "tuple[Database, Reference]":
    from core.cli.lookup import find_reference
    from core.domain.settings import home_from
    from core.store.database import open_database

    db = open_database(home_from())
    return db, find_reference(db, wanted)
