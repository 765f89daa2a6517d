"""`reference add`: a reference out of files or out of a dataset of the Hugging Face hub."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.cli.parser import Commands, one_line
from core.domain.errors import BadInput

if TYPE_CHECKING:
    from core.domain.references import Reference
    from core.domain.tasks import Task
    from core.store.database import Database


def add_to(actions: Commands) -> None:
    """Add the action."""
    parser = actions.add_parser(
        "add",
        help="add a reference to a task",
        description="Add real labelled texts to a task: a CSV, JSONL or Parquet file, or a dataset "
        "of the Hugging Face hub, of at most 50 MB.",
    )
    parser.add_argument("file", type=Path, nargs="?", metavar="FILE", help="the labelled texts")
    parser.add_argument(
        "--task",
        required=True,
        metavar="NAME|FILE.toml",
        help="a preset, a saved task (see tasks), or a file",
    )
    parser.add_argument("--name", default="", help="its name in lists (the file's)")
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    parts = parser.add_argument_group("parts")
    parts.add_argument(
        "--test",
        type=Path,
        metavar="FILE",
        help="the test part as a file of its own; its texts leave the train part",
    )
    parts.add_argument(
        "--test-share",
        type=float,
        metavar="P",
        help="else, how much of each label becomes the test part, 0 to 1 (0.3)",
    )
    parts.add_argument("--seed", type=int, metavar="K", help="seed of that draw (0)")
    columns = parser.add_argument_group("columns and labels")
    columns.add_argument("--text-column", metavar="NAME", help="where the texts stand (a guess)")
    columns.add_argument("--label-column", metavar="NAME", help="where the labels stand (a guess)")
    columns.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="FILE_LABEL=TASK_LABEL",
        help="what a label of the file is in the task; may be repeated. Labels that differ in case "
        "alone need none",
    )
    hub = parser.add_argument_group("from the Hugging Face hub, in place of FILE")
    hub.add_argument("--hub", metavar="ID", help="a dataset, owner/name")
    hub.add_argument("--config", metavar="NAME", help="which configuration (the only or default)")
    hub.add_argument("--split", metavar="NAME", help="which split (the only one or train)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the action.

    Raises:
        WidesetError: the input is refused; nothing was added.
    """
    _check(args)
    from core.cli.lookup import find_task
    from core.domain.settings import home_from
    from core.store.database import open_database

    task = find_task(args.task)
    label_map = _label_map(args.map)
    db = open_database(home_from())
    if args.hub is not None:
        reference = _from_hub(db, args, task, label_map)
    else:
        reference = _from_files(db, args, task, label_map)
    if args.json:
        print(json.dumps(row_of(reference)))
        return 0
    print(one_line(_in_words(reference, task)))
    return 0


def row_of(reference: "Reference") -> dict[str, Any]:
    """A reference as JSON-ready data."""
    return {
        "reference": reference.id,
        "name": reference.name,
        "task_key": reference.task_key,
        "labels": list(reference.label_names),
        "train": dict(reference.train),
        "test": dict(reference.test),
        "origin": dict(reference.origin),
        "created_at": reference.created_at,
        "deleted": reference.deleted_at is not None,
    }


def _in_words(reference: "Reference", task: "Task") -> str:
    origin = reference.origin
    labels = [f"{reference.train[n]}+{reference.test[n]} {n}" for n in task.label_names]
    said = [
        f"Reference {reference.id} '{reference.name}' is now that of {task.name}:",
        f"{sum(reference.train.values())} train and {sum(reference.test.values())} test texts",
        f"({', '.join(labels)}), from the columns",
        f"{origin['text_column']} and {origin['label_column']}.",
    ]
    if origin["left_out"]:
        said.append(f"{origin['left_out']} train texts are left out: they are in the test file.")
    if origin["copies"]:
        said.append(f"{origin['copies']} are copies of others.")
    if origin["contradictory"]:
        said.append(f"{origin['contradictory']} different texts have more than one label.")
    return " ".join(said)


def _check(args: argparse.Namespace) -> None:
    if (args.file is None) == (args.hub is None):
        what = "nothing to add" if args.file is None else "both a file and a dataset of the hub"
        raise BadInput(f"There is {what}.", "Give either FILE or --hub ID.")
    if args.hub is None and (args.config is not None or args.split is not None):
        raise BadInput("--config and --split are of a dataset of the hub.", "Add --hub ID.")
    if args.test is not None:
        if args.hub is not None:
            raise BadInput("--test goes with a file, not with --hub.", "Give two files.")
        if args.test_share is not None or args.seed is not None:
            raise BadInput(
                "--test-share and --seed split one file, but --test gives the test part.",
                "Leave out either.",
            )
    if args.seed is not None and not 0 <= args.seed < 2**63:
        raise BadInput(f"--seed is {args.seed}.", "Choose from 0 to 2**63 - 1.")


def _label_map(pairs: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in pairs:
        label, separator, name = pair.rpartition("=")  # a file's label may well hold a sign
        if not separator or not label.strip() or not name.strip():
            raise BadInput(f"--map {pair!r} is no map.", "Write --map FILE_LABEL=TASK_LABEL.")
        found[label.strip()] = name.strip()
    return found


def _from_files(
    db: "Database", args: argparse.Namespace, task: "Task", label_map: Mapping[str, str]
) -> "Reference":
    from core.domain.references import TEST_SHARE, divided
    from core.files.mapping import read_mapped
    from core.store.references import add_reference

    def read(path: Path, text: str | None, label: str | None) -> Any:
        return read_mapped(
            [(path.name, path)],
            task=task,
            text_column=text,
            label_column=label,
            label_map=label_map,
        )

    mapped = read(args.file, args.text_column, args.label_column)
    test = None
    if args.test is not None:
        columns = mapped.facts["text_column"], mapped.facts["label_column"]
        test = read(args.test, *columns).examples
    parts = divided(
        mapped.examples,
        test=test,
        test_share=TEST_SHARE if args.test_share is None else args.test_share,
        seed=args.seed or 0,
    )
    origin = {
        "file": args.file.name,
        "test_file": None if args.test is None else args.test.name,
        **mapped.facts,
        **parts.facts,
    }
    return add_reference(db, task, args.name or args.file.name, parts.train, parts.test, origin)


def _from_hub(
    db: "Database", args: argparse.Namespace, task: "Task", label_map: Mapping[str, str]
) -> "Reference":
    from core.domain.references import TEST_SHARE
    from core.jobs.handlers.fetch import add_from_hub

    spec = {
        "hub": args.hub,
        "config": args.config,
        "split": args.split,
        "task": task.to_dict(),
        "text_column": args.text_column,
        "label_column": args.label_column,
        "map": label_map,
        "test_share": TEST_SHARE if args.test_share is None else args.test_share,
        "seed": args.seed or 0,
        "name": args.name,
    }
    return add_from_hub(db, spec)
