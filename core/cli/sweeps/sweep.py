"""`sweep`: a grid of conditions, generated, measured and repaired."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from core.cli.app import App, OptionGroup, Session
from core.cli.lookup import find_or_prepare_reference, find_task
from core.cli.options import (
    JsonOption,
    KeyVariableOption,
    SpendingOptions,
    remember_connection,
)
from core.cli.output import one_line, print_json, print_lines
from core.cli.sweeps.running import EndedSweep, ExecutionOptions, results_table, run_sweep
from core.domain.connections import checked_url
from core.domain.errors import BadInput, WidesetError
from core.domain.runs import BackendKind, ModelChoice, absolute_model
from core.domain.serialization import to_json
from core.services.sweep.estimate import estimate_stored_sweep
from core.store.database import Database
from core.sweeps.cost_estimate import CostEstimate
from core.sweeps.grid.file import read_grid_file
from core.sweeps.grid.plan import plan_runs
from core.sweeps.grid.spec import Grid

_EPILOG = """\
GRID.toml, with the defaults of its entries; only `task` is required:

  name = "..."           # in lists
  study = ""             # shared by the sweeps of a study
  task = "sst2"          # a preset, a saved task, or a file
  reference = "..."      # example, an id or a name in the store, or a folder with
                         # train.csv, test.csv (text, label) and maybe labels.csv
                         # (a label of the files, its phrase in the task)
  per_label = 100        # texts per label of a run
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

Ctrl-C stops and keeps what is done, and so does a spending limit; the same command, with
a higher limit, continues. Work that was done before with equal settings is not repeated."""

app = App()


@dataclass(frozen=True)
class SweepModelOptions(OptionGroup):
    """A model in place of the grid's."""

    panel = "A model in place of the grid's"

    backend: Annotated[BackendKind | None, Option(help="Where it runs.")] = None
    base_url: Annotated[
        str | None, Option(metavar="URL", help="Address of a server with OpenAI's API.")
    ] = None
    model: Annotated[
        str | None,
        Option(metavar="ID", help="embedded, a Hugging Face id, a folder, or a server's model."),
    ] = None
    key_variable: KeyVariableOption = ""

    def applied_to(self, grid: Grid) -> Grid:
        """The grid with this model, if one is named.

        Raises:
            BadInput: the options can't be used.
        """
        if self.model is None and self.backend is None and self.base_url is None:
            return grid
        if self.model is None and len(grid.models) > 1:
            raise BadInput("The grid has more than one model.", "Say which with --model.")
        url = "" if self.base_url is None else checked_url(self.base_url)
        backend: BackendKind = self.backend or ("openai" if url else "local")
        name = self.model or grid.models[0].model
        choice = ModelChoice(
            backend=backend,
            model=absolute_model(name) if backend == "local" else name,
            device=grid.models[0].device,
            base_url=url,
        )
        return grid.with_axes(model=(choice,))


@app.add(epilog=_EPILOG)
def sweep(
    session: Session,
    grid_file: Annotated[Path, Argument(metavar="GRID.toml", help="The grid, see below.")],
    execution: ExecutionOptions,
    model: SweepModelOptions,
    limits: SpendingOptions,
    dry_run: Annotated[
        bool, Option("--dry-run", help="Only estimate what it takes; nothing is stored.")
    ] = False,
    as_json: JsonOption = False,
    max_conditions: Annotated[
        int | None, Option("--cap", show_default="the file's, 1000", help="Max conditions.")
    ] = None,
) -> None:
    """Generate, measure and repair texts under every condition of a grid, and train on them."""
    execution.check()
    file = read_grid_file(grid_file, find_task=find_task)
    grid = file.grid
    if max_conditions is not None:
        grid = replace(grid, cap=max_conditions)
    grid = model.applied_to(replace(grid, spend=limits.limit() or grid.spend))
    with file.naming("axes"):
        grid.check_size()
    db = session.db
    reference = None
    if file.reference is not None:
        with file.naming("reference"):
            reference = find_or_prepare_reference(db, file.reference, grid.task)
    train = () if reference is None else reference.train
    with file.naming("axes.seeding"):  # refused before anything is attached
        plan_runs(grid, train=train)
    if dry_run:
        test = () if reference is None else reference.test
        if reference is not None:
            grid = grid.with_reference(reference.known.id if reference.known else "new")
        estimate = estimate_stored_sweep(db, grid, train=train, n_test=len(test))
        print_json(to_json(estimate)) if as_json else print_lines(*_estimate_words(estimate))
        return
    _remember_servers(db, grid, model.key_variable)
    if reference is not None:
        grid = grid.with_reference(reference.attached(db, grid.task).id)
    ended = run_sweep(session, grid, execution)
    if as_json:
        print_json(ended.to_dict())
    elif ended.results:
        print(results_table(ended), flush=True)
    if ended.state != "done" or ended.count("failed"):
        raise _unfinished(ended)


def _unfinished(sweep: EndedSweep) -> WidesetError:
    """Runs are missing."""
    id_, runs = sweep.record.id, sweep.grid.runs
    why = {
        "done": f"{sweep.count('failed')} of {runs} runs of sweep {id_} failed.",
        "failed": f"Sweep {id_} failed: {sweep.message}",
        "paused": f"Sweep {id_} is paused: {sweep.message}",
        "cancelled": f"Sweep {id_} was stopped.",
        "interrupted": f"Sweep {id_} was interrupted: its worker ended.",
    }[sweep.state]
    return WidesetError(
        one_line(f"{why} {sweep.remedy}"),
        f"{sweep.count('done')} of {runs} runs are done and kept; the same command continues.",
    )


def _remember_servers(db: Database, grid: Grid, key_variable: str) -> None:
    """Store the connections of a grid's servers that are new, and the name of their key.

    Args:
        key_variable: the name; empty leaves it as it is.

    Raises:
        BadInput: the key can't be that of several servers, or of none.
    """
    urls = list(dict.fromkeys(model.base_url for model in grid.models if model.base_url))
    if key_variable and len(urls) != 1:
        raise BadInput(
            f"--key-variable is for the key of one server, and the grid has {len(urls) or 'none'}.",
            "Name each server's key with python -m core probe."
            if urls
            else "Leave it out, or name a server.",
        )
    for url in urls:
        remember_connection(db, url, key_variable=key_variable)


def _estimate_words(estimate: CostEstimate) -> list[str]:
    money = "no money"
    if estimate.money is None:
        money = "an unknown amount of money"
    elif estimate.currency:
        money = f"{estimate.money:.2f} {estimate.currency}"
    if estimate.minutes_low is None or estimate.minutes_high is None:
        time = "an unknown time"
    elif estimate.minutes_high < 1:
        time = "less than a minute"
    else:
        time = f"{estimate.minutes_low:,.0f} to {estimate.minutes_high:,.0f} minutes"
    return [
        f"{estimate.conditions:,} conditions, {estimate.runs:,} runs; {estimate.reused:,} of them "
        f"exist already ({estimate.assessed:,} with their assessment).",
        f"{estimate.texts:,} texts to generate: about {estimate.tokens_in:,} tokens in, "
        f"{estimate.tokens_out:,} out.",
        f"It takes {time} and costs {money}.",
        *estimate.notes,
        *estimate.refused_words,
    ]
