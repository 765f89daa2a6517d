"""`batch`: offline generation by the files of OpenAI's Batch API."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from core.cli.app import App, Session
from core.cli.lookup import find_run
from core.cli.options import JsonOption
from core.cli.output import print_json, print_lines, print_note
from core.domain.errors import BadInput
from core.domain.runs import spec_from_dict
from core.domain.wording import number
from core.generation.servers.batch_results import run_of
from core.jobs.queue import states_of_runs
from core.services.servers.batch import add_results, write_requests
from core.store.database import Database
from core.store.generation.runs import RunRecord, create_run, get_run

app = App(
    help="Generate offline, which is cheaper: write the requests of a run's next cycles into a "
    "file, send it yourself, and read the results file back into the run.",
    epilog="Example: python -m core batch write RUN --out requests.jsonl; "
    "python -m core batch read results.jsonl",
)


@app.add()
def write(
    session: Session,
    source: Annotated[
        str,
        Argument(
            metavar="RUN|SETTINGS.json",
            help="A run by its id or name; or settings of a new one, as show --json prints them.",
        ),
    ],
    out: Annotated[Path, Option(help="The file, a new one.")],
    cycles: Annotated[int, Option(help="Cycles in the file, one request per label each.")] = 1,
    name: Annotated[str, Option(help="A new run's name in lists.")] = "",
) -> None:
    """Write a file of requests."""
    if out.exists():
        raise BadInput(f"The file {out} exists already.", "Name another one.")
    run = _find_or_create_run(session.db, source, name)
    _check_idle(session.db, run)
    batch = write_requests(session.db, run, out, cycles=cycles)
    for note in batch.notes:
        print_note(f"Note: {note}")
    print_lines(
        f"Run {run.id}: {len(batch.lines)} requests for {batch.texts} texts written to {out}. "
        "Read what comes back with python -m core batch read FILE."
    )


@app.add()
def read(
    session: Session,
    file: Annotated[Path, Argument(metavar="FILE", help="The results file, JSONL.")],
    as_json: JsonOption = False,
) -> None:
    """Read a file of results into its run."""
    try:
        lines = file.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise BadInput(f"The file {file} can't be read ({reason}).", "Check it.") from error
    run = get_run(session.db, run_of(lines))
    _check_idle(session.db, run)
    result = add_results(session.db, run, lines)
    if as_json:
        print_json(asdict(result))
        return
    tokens = f"{number(result.tokens_in)} in, {number(result.tokens_out)} out"
    if None in (result.tokens_in, result.tokens_out):
        tokens = "not reported"
    print_lines(
        f"Run {result.run_id}: {result.added} new texts of {result.lines} requests, "
        f"{result.duplicates} of them duplicates; {result.empty} empty and {result.truncated} "
        f"truncated besides; {result.known} known already, {result.errors} requests failed; "
        f"tokens: {tokens}."
    )
    for message in result.messages:
        print_note(f"Note: {message}")


def _find_or_create_run(db: Database, source: str, name: str) -> RunRecord:
    if not source.lower().endswith(".json"):
        return find_run(db, source)
    try:
        data = json.loads(Path(source).read_text(encoding="utf-8"))
        spec = spec_from_dict(data.get("spec", data))
    except OSError as error:
        raise BadInput(
            f"The file {source} can't be read ({error.strerror}).", "Check its name."
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(
            f"The file {source} holds no settings of a run.",
            "Take them from python -m core show RUN --json.",
        ) from error
    if spec.model.backend != "openai":
        raise BadInput("The settings name no server's model.", "Set the model's backend to openai.")
    return create_run(db, spec, name=name)


def _check_idle(db: Database, run: RunRecord) -> None:
    state = states_of_runs(db).get(run.id)
    if state in ("queued", "running"):
        raise BadInput(
            f"Run {run.id} is {state}: it sends requests by itself.",
            "Stop it first, or make another run for the batch.",
        )
