"""`batch`: offline generation by the files of OpenAI's Batch API."""

import json
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from core.cli.app import Command, JsonOption, new_app
from core.cli.lookup import find_run
from core.cli.output import print_json
from core.domain.connections import Connection
from core.domain.errors import BadInput
from core.domain.runs import RunSpec, spec_from_dict
from core.domain.settings import home_from
from core.generation.servers.batch.results import read_batch, run_of
from core.generation.servers.batch.write import write_batch
from core.generation.servers.capabilities import Capabilities, capabilities_from_dict
from core.generation.servers.http_client import HttpClient
from core.generation.servers.keys import key_of
from core.generation.servers.suppression import method_used
from core.generation.servers.tokenizers import Tokenizer, load_tokenizer
from core.jobs.queue import states_of_runs
from core.store.connections import find_capabilities, find_connection
from core.store.database import Database, open_database
from core.store.generation.rounds import rounds_of
from core.store.generation.runs import RunRecord, create_run, get_run, set_facts
from core.store.generation.samples import samples_of

app = new_app(
    help="Generate offline, which is cheaper: write the requests of a run's next cycles into a "
    "file, send it yourself, and read the results file back into the run.",
    epilog="Example: python -m core batch write RUN --out requests.jsonl; "
    "python -m core batch read results.jsonl",
)


@app.command(cls=Command)
def write(
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
    db = open_database(home_from())
    run = _run_or_new(db, source, name)
    _check_at_rest(db, run)
    server = _server_of(db, run.spec)
    batch = write_batch(
        run,
        history=samples_of(db, run.id),
        rounds=rounds_of(db, run.id),
        capabilities=server.capabilities,
        tokenizer=server.tokenizer,
        cycles=cycles,
    )
    try:
        with out.open("x", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{line}\n" for line in batch.lines)
    except OSError as error:
        raise BadInput(
            f"The file {out} can't be written ({error.strerror}).", "Name another one."
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
    for note in batch.notes:
        print(f"Note: {note}", file=sys.stderr)
    print(
        f"Run {run.id}: {len(batch.lines)} requests for {batch.texts} texts written to {out}. "
        "Read what comes back with python -m core batch read FILE."
    )


@app.command(cls=Command)
def read(
    file: Annotated[Path, Argument(metavar="FILE", help="The results file, JSONL.")],
    as_json: JsonOption = False,
) -> None:
    """Read a file of results into its run."""
    try:
        lines = file.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise BadInput(f"The file {file} can't be read ({reason}).", "Check it.") from error
    db = open_database(home_from())
    run = get_run(db, run_of(lines))
    _check_at_rest(db, run)
    server = _server_of(db, run.spec)
    result = read_batch(
        db, run.id, lines, capabilities=server.capabilities, tokenizer=server.tokenizer
    )
    if as_json:
        print_json(asdict(result))
        return
    tokens = (
        "not reported"
        if result.tokens_in is None or result.tokens_out is None
        else f"{result.tokens_in:,} in, {result.tokens_out:,} out"
    )
    print(
        f"Run {result.run_id}: {result.added} new texts of {result.lines} requests, "
        f"{result.duplicates} of them duplicates; {result.empty} empty and {result.truncated} "
        f"truncated besides; {result.known} known already, {result.errors} requests failed; "
        f"tokens: {tokens}."
    )
    for message in result.messages:
        print(f"Note: {message}", file=sys.stderr)


@dataclass(frozen=True, slots=True)
class _Server:
    """What is known of a run's model: capabilities, and a tokenizer where suppression needs it."""

    capabilities: Capabilities
    tokenizer: Tokenizer | None = None


def _server_of(db: Database, spec: RunSpec) -> _Server:
    """What was probed of a run's model, and its tokenizer where the run suppresses by it.

    Raises:
        BadInput: the run's model is not behind a server, or its tokenizer or key is missing.
        BackendFailed: the server that tokenizes does not answer.
    """
    choice, suppression = spec.model, spec.condition.suppression
    if choice.backend != "openai":
        raise BadInput("The run's model is not behind a server.", "Choose a run of a server's.")
    stored = find_capabilities(db, choice.base_url, choice.model)
    capabilities = Capabilities(base_url=choice.base_url, model=choice.model)
    if stored is not None:
        capabilities = capabilities_from_dict(stored.result)
    if not suppression.on or suppression.method != "logit_bias":
        return _Server(capabilities)
    connection = find_connection(db, choice.base_url) or Connection(base_url=choice.base_url)
    if connection.tokenizer == "none" and capabilities.tokenizer_kind != "none":
        connection = replace(connection, tokenizer=capabilities.tokenizer_kind)
    client = HttpClient(connection.base_url, key=key_of(connection))
    return _Server(capabilities, load_tokenizer(connection, choice.model, client))


def _run_or_new(db: Database, source: str, name: str) -> RunRecord:
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


def _check_at_rest(db: Database, run: RunRecord) -> None:
    state = states_of_runs(db).get(run.id)
    if state in ("queued", "running"):
        raise BadInput(
            f"Run {run.id} is {state}: it sends requests by itself.",
            "Stop it first, or make another run for the batch.",
        )
