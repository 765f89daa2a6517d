"""`sweep`: a grid of conditions, generated, measured and repaired."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from core.cli.parser import Commands, one_line
from core.cli.spending_cap import add_cap_to
from core.domain.errors import BadInput, WidesetError

if TYPE_CHECKING:
    from core.jobs.queue import Job, State
    from core.store.database import Database
    from core.store.sweeps import SweepRecord
    from core.sweeps.cost_estimate import DryRun
    from core.sweeps.grid.spec import Grid

_EPILOG = """\
GRID.toml, with what it has unless you say otherwise; task alone must be there:

  name = "..."           # in lists
  study = ""             # shared by the sweeps of a study
  task = "sst2"          # a preset, a saved task, or a file
  reference = "..."      # example, an id or a name in the store, or a folder with
                         # train.csv, test.csv (text, label) and maybe labels.csv
                         # (a label of the files, its phrase in the task)
  per_label = 100        # texts for each label of a run
  seed = 0               # of the first repeat; each further one has the next
  repeats = 1

  [axes]                 # every value is combined with every other
  temperature = [0.3, 0.7, 0.9, 1.3]
  suppression = [0, 7.5]
  seeding = [0, 18]      # real examples; above 0 a reference is needed
  min_p = [0]
  model = ["embedded"]   # or {backend = "openai", model = "...", base_url = "..."}

  [condition]            # any other knob: top_p, prompt, texts_a_request, ...
  [condition.suppression]  # tokens, scope, floor, method
  [repair]
  inspect = [0, 90, 180, 270, "all"]
  repeats = 5
  weight = 0.3
  out_of_scope = false
  [train]
  kind = "probe"         # fine-tuning (with seeds, model, max_epochs, ...), none
  [limits]
  conditions = 1000
  money = 5              # of servers' models, all runs together; also tokens, requests

Ctrl-C stops and keeps, and so does a cap of [limits]; the same command, with a higher
cap, goes on. What was done before with equal settings is not done again.
"""


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "sweep",
        help="run a grid of conditions",
        description="Generate, measure and repair texts under every condition of a grid, and\n"
        "train on them.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("grid", type=Path, metavar="GRID.toml", help="the grid, see below")
    parser.add_argument(
        "--dry-run", action="store_true", help="only say what it takes; nothing is stored"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    parser.add_argument(
        "--ray", metavar="ADDRESS|local", help="run it on a Ray cluster (pip install '.[ray]')"
    )
    parser.add_argument(
        "--workers", type=int, metavar="N", help="processes or nodes side by side (by the machine)"
    )
    parser.add_argument(
        "--cap", type=int, metavar="N", help="the highest number of conditions (the file's, 1000)"
    )
    model = parser.add_argument_group("a model in place of the grid's")
    model.add_argument("--backend", choices=("local", "openai"), help="where it runs")
    model.add_argument("--base-url", metavar="URL", help="of a server with OpenAI's API")
    model.add_argument(
        "--model", metavar="ID", help="embedded, a Hugging Face id, a folder, a server's model"
    )
    model.add_argument(
        "--key-variable",
        metavar="NAME",
        help="environment variable (or entry of .streamlit/secrets.toml) with the server's key; "
        "remembered with the connection",
    )
    add_cap_to(
        parser.add_argument_group("what servers' models may take, all runs together"),
        instead="the file's",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command.

    Raises:
        WidesetError: the input is refused (before anything is spent), or the sweep did not finish.
    """
    if args.workers is not None and not 1 <= args.workers <= 256:
        raise BadInput(f"--workers is {args.workers}.", "Choose from 1 to 256.")
    from core.cli.lookup import find_task
    from core.cli.sweep_reference import choose_reference
    from core.cli.sweeping import begun, remember_servers, what_it_takes, with_options
    from core.domain.settings import home_from
    from core.store.database import open_database
    from core.sweeps.grid.file import read_grid_file
    from core.sweeps.grid.plan import planned

    file = read_grid_file(args.grid, find_task=find_task)
    grid = with_options(file.grid, args)
    with file.naming("axes"):
        grid.check_size()
    home = home_from()
    db = open_database(home)
    chosen = None
    if file.reference is not None:
        with file.naming("reference"):
            chosen = choose_reference(db, file.reference, grid.task)
    with file.naming("axes.seeding"):  # refused before anything is attached
        planned(grid, train=() if chosen is None else chosen.train)
    if args.dry_run:
        return _say_dry_run(what_it_takes(db, grid, chosen), as_json=args.json)
    remember_servers(db, grid, args.key_variable or "")
    if chosen is not None:
        grid = grid.with_reference(chosen.attached(db, grid.task).id)

    from core.cli.following import see_through
    from core.cli.sweep_report import SweepProgress, found_of

    record, job = begun(db, grid, args)
    with SweepProgress(
        sys.stderr, look=lambda: found_of(db, record.id, grid), grid=grid
    ) as progress:
        progress.note(
            f"Sweep {record.id}: {grid.conditions:,} conditions, {grid.runs:,} runs of "
            f"{grid.per_label * len(grid.task.labels):,} texts."
        )
        progress.tell(quietly=True)
        if job is not None:
            job, state = see_through(home, db, job.id, handlers=args.handlers, progress=progress)
        else:
            state = "done"
            progress.note("All of it was done before.")
        progress.tell()
    return _conclude(db, grid, record, job, state, as_json=args.json)


def _say_dry_run(told: "DryRun", *, as_json: bool) -> int:
    from core.cli.sweep_report import dry_run_words

    print(json.dumps(told.to_dict()) if as_json else dry_run_words(told))
    return 0


def _conclude(
    db: "Database",
    grid: "Grid",
    record: "SweepRecord",
    job: "Job | None",
    state: "State",
    *,
    as_json: bool,
) -> int:
    from core.cli.sweep_report import found_of, plain_data, table

    found = found_of(db, record.id, grid)
    if as_json:
        print(plain_data(grid, found, sweep=record.id, name=record.name, state=state), flush=True)
    elif found.results:
        print(table(grid, found), flush=True)
    if state == "done" and not found.failed:
        return 0
    why = {
        "done": f"{found.failed} of {grid.runs} runs of sweep {record.id} failed.",
        "failed": f"Sweep {record.id} failed: {job.message if job else ''}",
        "paused": f"Sweep {record.id} is paused: {job.message if job else ''}",
        "cancelled": f"Sweep {record.id} was stopped.",
        "interrupted": f"Sweep {record.id} was interrupted: its worker ended.",
    }[state]
    remedy = job.remedy if job is not None and state != "done" else ""
    raise WidesetError(
        one_line(f"{why} {remedy}"),
        f"{found.done} of {grid.runs} runs are done and kept; the same command goes on.",
    )
