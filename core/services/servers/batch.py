"""Generating a run offline, by the files of OpenAI's Batch API: its requests and their results."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from core.domain.connections import Connection
from core.domain.errors import BadInput
from core.domain.registries.capabilities import Capabilities
from core.domain.runs import ModelMetadata, RunSpec
from core.generation.servers.batch_requests import BatchFile, write_batch
from core.generation.servers.batch_results import BatchSummary, read_batch
from core.generation.servers.http_client import HttpClient
from core.generation.servers.keys import key_of
from core.generation.servers.suppression import method_used
from core.generation.servers.tokenizers import Tokenizer, load_tokenizer
from core.store.connections import find_capabilities, find_connection
from core.store.database import Database
from core.store.generation.rounds import rounds_of
from core.store.generation.runs import RunRecord, set_metadata
from core.store.generation.samples import samples_of


def write_requests(db: Database, run: RunRecord, path: Path, *, cycles: int) -> BatchFile:
    """Write the requests of a run's next cycles to a new file.

    Args:
        db: the store.
        run: of a server's model; no job generates it at the time.
        path: a file that does not exist.
        cycles: how many, one request per label each.

    Raises:
        BadInput: the run's model is not behind a server, its tokenizer or key is missing, or the
            file can't be written.
        BackendFailed: the server that tokenizes does not answer.
    """
    capabilities, tokenizer = _server_of(db, run.spec)
    batch = write_batch(
        run,
        history=samples_of(db, run.id),
        rounds=rounds_of(db, run.id),
        capabilities=capabilities,
        tokenizer=tokenizer,
        cycles=cycles,
    )
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{line}\n" for line in batch.lines)
    except OSError as error:
        raise BadInput(
            f"The file {path} can't be written ({error.strerror}).", "Name another one."
        ) from error
    if run.metadata is None:
        condition, model = run.spec.condition, run.spec.model
        metadata = ModelMetadata(
            backend=model.backend,
            model=model.model,
            device=model.device,
            base_url=model.base_url or None,
            batch=True,
            suppression=method_used(condition),
            tally="of each file's beginning" if condition.suppression.on else "none",
            unwraps=True,
        )
        set_metadata(db, run.id, metadata)
    return batch


def add_results(db: Database, run: RunRecord, lines: Sequence[str]) -> BatchSummary:
    """Add the texts of a results file to its run; those that it has already are left out.

    Raises:
        BadInput: the file is refused, or as `write_requests`.
        BackendFailed: the server that tokenizes does not answer.
    """
    capabilities, tokenizer = _server_of(db, run.spec)
    return read_batch(db, run.id, lines, capabilities=capabilities, tokenizer=tokenizer)


def _server_of(db: Database, spec: RunSpec) -> tuple[Capabilities, Tokenizer | None]:
    """What was probed of a run's model, and its tokenizer where the run suppresses by it."""
    choice, suppression = spec.model, spec.condition.suppression
    if choice.backend != "openai":
        raise BadInput("The run's model is not behind a server.", "Choose a run of a server's.")
    probed = find_capabilities(db, choice.base_url, choice.model)
    capabilities = (
        Capabilities(base_url=choice.base_url, model=choice.model)
        if probed is None
        else probed.capabilities
    )
    if not suppression.on or suppression.method != "logit_bias":
        return capabilities, None
    connection = find_connection(db, choice.base_url) or Connection(base_url=choice.base_url)
    if connection.tokenizer == "none" and capabilities.tokenizer_kind != "none":
        connection = replace(connection, tokenizer=capabilities.tokenizer_kind)
    client = HttpClient(connection.base_url, key=key_of(connection))
    return capabilities, load_tokenizer(connection, choice.model, client)
