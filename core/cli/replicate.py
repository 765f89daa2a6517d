"""`replicate`: the paper's grid on real sets, and the card of what holds."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from core.cli.parser import Commands
from core.domain.errors import BadInput, WidesetError

if TYPE_CHECKING:
    from core.domain.settings import Home
    from core.store.database import Database
    from core.sweeps.grid.spec import Grid


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "replicate",
        help="run the paper's grid on real sets and say which findings hold",
        description=(
            "Run the paper's 16 conditions on every real set of a folder (sst2, carer_emotion, "
            "clickbait, hwu64, ...), repair and test each, and write the replication card. Ctrl-C "
            "stops and keeps; the same command goes on."
        ),
    )
    parser.add_argument("data", type=Path, metavar="FOLDER", help="holds a folder for each set")
    parser.add_argument(
        "--only", action="append", default=[], metavar="NAME", help="only this set (repeatable)"
    )
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="where card and figures go (the home folder's)"
    )
    parser.add_argument("--study", default=None, metavar="NAME", help="its name (Replication)")
    parser.add_argument(
        "--texts", type=int, default=200, metavar="N", help="texts a run at least (%(default)s)"
    )
    parser.add_argument(
        "--repeats", type=int, default=2, metavar="N", help="runs a condition (%(default)s)"
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="K", help="of the first repeat (%(default)s)"
    )
    parser.add_argument("--filter", action="store_true", help="try out-of-scope filtering, too")
    parser.add_argument("--model", default="embedded", metavar="ID", help="which model writes")
    parser.add_argument("--ray", metavar="ADDRESS|local", help="run it on a Ray cluster")
    parser.add_argument(
        "--workers", type=int, metavar="N", help="processes side by side (by the machine)"
    )
    parser.add_argument("--json", action="store_true", help="print the card as JSON on stdout")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command.

    Raises:
        WidesetError: the input is refused, or runs did not finish.
    """
    if args.texts < 10 or args.repeats < 1:
        raise BadInput("A run has at least 10 texts, a condition one run.", "Ask for more.")
    from core.cli.sweep_reference import choose_reference
    from core.domain.runs import ModelChoice
    from core.domain.settings import home_from
    from core.store.database import open_database
    from core.sweeps.grid.file import model_name
    from core.sweeps.grid.plan import planned
    from core.sweeps.replication import STUDY, real_sets, replication_grid

    sets = real_sets(args.data, args.only)
    study = args.study or STUDY
    home = home_from()
    db = open_database(home)
    grids = []
    for one in sets:
        try:
            chosen = choose_reference(db, str(one.folder), one.task)
            grid = replication_grid(
                one.task,
                reference=None,
                study=study,
                texts=args.texts,
                repeats=args.repeats,
                seed=args.seed,
                filtering=args.filter,
                model=ModelChoice(model=model_name(args.model)),
            )
            planned(grid.with_reference("checked"), train=chosen.train)
        except BadInput as error:  # of several folders with files of the same names
            raise BadInput(f"{one.folder.name}: {error.what}", error.remedy) from error
        grids.append(grid.with_reference(chosen.attached(db, one.task).id))
    failed = [_sweep(home, db, grid, args) for grid in grids]
    from core.cli.replication_card import write_card

    out = args.out or home.folder / "replication"
    write_card(db, study, out, as_json=args.json)
    if sum(failed):
        raise WidesetError(
            f"{sum(failed)} runs failed, and the card is of the others.",
            "The same command tries them again.",
        )
    return 0


def _sweep(home: "Home", db: "Database", grid: "Grid", args: argparse.Namespace) -> int:
    """Run one task's sweep to its end; how many of its runs failed."""
    from core.cli.following import see_through
    from core.cli.sweep_report import SweepProgress, found_of
    from core.cli.sweeping import begun

    record, job = begun(db, grid, args)
    with SweepProgress(
        sys.stderr, look=lambda: found_of(db, record.id, grid), grid=grid
    ) as progress:
        progress.note(f"{grid.name}: {grid.runs} runs of {grid.texts // grid.runs} texts.")
        progress.tell(quietly=True)
        if job is not None:
            job, state = see_through(home, db, job.id, handlers=args.handlers, progress=progress)
            if state != "done":
                raise WidesetError(
                    f"The sweep of {grid.task.name} is {state}. {job.message}".strip(),
                    "What is done is kept; the same command goes on.",
                )
        progress.tell()
        return found_of(db, record.id, grid).failed
