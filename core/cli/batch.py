"""`batch`: offline generation by the files of OpenAI's Batch API."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from core.cli.parser import Commands, Parser
from core.domain.errors import BadInput

if TYPE_CHECKING:
    from core.store.database import Database
    from core.store.generation.runs import RunRecord


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "batch",
        help="write and read files of OpenAI's Batch API",
        description="Generate offline, which is cheaper: write the requests of a run's next "
        "cycles into a file, send it yourself, and read the results file back into the run.",
        epilog="Example: python -m core batch write RUN --out requests.jsonl; "
        "python -m core batch read results.jsonl",
    )
    actions = parser.add_subparsers(
        title="actions", dest="action", metavar="ACTION", required=True, parser_class=Parser
    )
    write = actions.add_parser("write", help="write a file of requests")
    write.add_argument(
        "wanted",
        metavar="RUN|SETTINGS.json",
        help="a run by its id or name; or settings of a new one, as show --json prints them",
    )
    write.add_argument("--out", type=Path, required=True, metavar="FILE", help="the file")
    write.add_argument(
        "--cycles",
        type=int,
        default=1,
        metavar="N",
        help="cycles in the file, one request a label each (%(default)s)",
    )
    write.add_argument("--name", default="", help="a new run's name in lists")
    write.set_defaults(run=run_write)
    read = actions.add_parser("read", help="read a file of results into its run")
    read.add_argument("file", type=Path, metavar="FILE", help="the results file, JSONL")
    read.add_argument("--json", action="store_true", help="print one JSON object")
    read.set_defaults(run=run_read)


def run_write(args: argparse.Namespace) -> int:
    """Write a file of requests.

    Raises:
        BadInput: the run is under way, complete, or none of a server's.
    """
    from core.cli.servers import tokens_of_run
    from core.domain.settings import home_from
    from core.generation.servers.batch.write import write_batch
    from core.generation.servers.suppression import method_used
    from core.store.database import open_database
    from core.store.generation.rounds import rounds_of
    from core.store.generation.runs import set_facts
    from core.store.generation.samples import samples_of

    if args.out.exists():
        raise BadInput(f"The file {args.out} exists already.", "Name another one.")
    db = open_database(home_from())
    run = _run_or_new(db, args)
    _check_at_rest(db, run)
    found, tokens = tokens_of_run(db, run.spec)
    written = write_batch(
        run,
        history=samples_of(db, run.id),
        rounds=rounds_of(db, run.id),
        capabilities=found,
        tokenizer=tokens,
        cycles=args.cycles,
    )
    try:
        with args.out.open("x", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{line}\n" for line in written.lines)
    except OSError as error:
        raise BadInput(
            f"The file {args.out} can't be written ({error.strerror}).", "Name another one."
        ) from error
    if not run.facts:
        condition = run.spec.condition
        facts = {
            **run.spec.model.to_dict(),
            "batch": True,
            "suppression": method_used(condition),
            "tally": "of each file's beginning" if condition.suppression.on else "none",
        }
        set_facts(db, run.id, facts)
    for note in written.notes:
        print(f"Note: {note}", file=sys.stderr)
    print(
        f"Run {run.id}: {len(written.lines)} requests for {written.texts} texts written to "
        f"{args.out}. Read what comes back with python -m core batch read FILE."
    )
    return 0


def run_read(args: argparse.Namespace) -> int:
    """Read a file of results.

    Raises:
        BadInput: the file or a line of it is refused; nothing was stored.
    """
    from dataclasses import asdict

    from core.cli.servers import tokens_of_run
    from core.domain.settings import home_from
    from core.generation.servers.batch.results import read_batch, run_of
    from core.store.database import open_database
    from core.store.generation.runs import get_run

    try:
        lines = args.file.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        said = getattr(error, "strerror", None) or "it is not UTF-8"
        raise BadInput(f"The file {args.file} can't be read ({said}).", "Check it.") from error
    db = open_database(home_from())
    run = get_run(db, run_of(lines))
    _check_at_rest(db, run)
    found, tokens = tokens_of_run(db, run.spec)
    read = read_batch(db, run.id, lines, capabilities=found, tokenizer=tokens)
    if args.json:
        print(json.dumps(asdict(read)))
        return 0
    tokens_told = (
        "not reported"
        if read.tokens_in is None or read.tokens_out is None
        else f"{read.tokens_in:,} in, {read.tokens_out:,} out"
    )
    print(
        f"Run {read.run_id}: {read.added} new texts of {read.lines} requests, {read.duplicates} of "
        f"them duplicates; {read.empty} empty and {read.truncated} truncated besides; {read.known} "
        f"known already, {read.errors} requests failed; tokens: {tokens_told}."
    )
    for message in read.messages:
        print(f"Note: {message}", file=sys.stderr)
    return 0


def _run_or_new(db: "Database", args: argparse.Namespace) -> "RunRecord":
    from core.cli.lookup import find_run
    from core.domain.runs import spec_from_dict
    from core.store.generation.runs import create_run

    if not args.wanted.lower().endswith(".json"):
        return find_run(db, args.wanted)
    try:
        data = json.loads(Path(args.wanted).read_text(encoding="utf-8"))
        data = data.get("spec", data)
        spec = spec_from_dict(data)
    except OSError as error:
        raise BadInput(
            f"The file {args.wanted} can't be read ({error.strerror}).", "Check its name."
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(
            f"The file {args.wanted} holds no settings of a run.",
            "Take them from python -m core show RUN --json.",
        ) from error
    if spec.model.backend != "openai":
        raise BadInput("The settings name no server's model.", "Set the model's backend to openai.")
    return create_run(db, spec, name=args.name)


def _check_at_rest(db: "Database", run: "RunRecord") -> None:
    from core.jobs.queue import states_of_runs

    state = states_of_runs(db).get(run.id)
    if state in ("queued", "running"):
        raise BadInput(
            f"Run {run.id} is {state}: it asks the server by itself.",
            "Stop it first, or make a run of its own for the batch.",
        )
