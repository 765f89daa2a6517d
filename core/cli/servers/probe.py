"""`probe`: what a model behind a server can do."""

from dataclasses import asdict, replace
from typing import Annotated

from typer import Option

from core.cli.app import App, Session
from core.cli.options import JsonOption
from core.cli.output import print_json, print_lines, table
from core.cli.servers.connections import with_server_settings
from core.domain.connections import Connection
from core.domain.registries.capabilities import Capabilities, capability_table
from core.services.servers.served_models import probe_connection
from core.store.connections import find_connection, save_connection

app = App()


@app.add(epilog="Example: python -m core probe --base-url http://127.0.0.1:8080/v1 --model llama")
def probe(
    session: Session,
    base_url: Annotated[str, Option(metavar="URL", help="Often ends in /v1.")],
    model: Annotated[str, Option(metavar="NAME", help="The model, as the server names it.")],
    key_variable: Annotated[
        str | None,
        Option(
            metavar="NAME",
            show_default="the connection's, else none",
            help="Environment variable with the key.",
        ),
    ] = None,
    tokenizer: Annotated[
        str | None,
        Option(
            metavar="KIND[:NAME]",
            show_default="the connection's, else the server's own",
            help="server, tiktoken, tiktoken:ENCODING or huggingface:ID.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Send a server about twenty short requests and print which knobs really work there. The result
    is kept in the store.
    """
    connection = with_server_settings(
        find_connection(session.db, base_url) or Connection(base_url=base_url, model=model),
        key_variable=key_variable,
        tokenizer=tokenizer,
    )
    capabilities = probe_connection(session.db, connection, model).capabilities
    assert capabilities is not None
    # One that answered is proposed from now on, unless another is.
    save_connection(session.db, replace(connection, model=connection.model or model))
    if as_json:
        rows = [
            {"key": row.key, "what": row.title, "support": row.support, "meaning": row.meaning}
            for row in capability_table(capabilities)
        ]
        print_json({**asdict(capabilities), "table": rows})
    else:
        _print_words(capabilities)


def _print_words(capabilities: Capabilities) -> None:
    server = f" ({capabilities.server})" if capabilities.server else ""
    print_lines(f"{capabilities.model} at {capabilities.base_url}{server}")
    rows = [(row.title, row.words, row.meaning) for row in capability_table(capabilities)]
    print(table(rows, left=(0, 1, 2)))
    tokens = f"{capabilities.tokens_in} in, {capabilities.tokens_out} out"
    if None in (capabilities.tokens_in, capabilities.tokens_out):
        tokens = "unknown"
    quickest = []
    if capabilities.latency_ms is not None:
        quickest = [f"Quickest answer: {capabilities.latency_ms:.0f} ms"]
    print_lines(
        f"Tokenizer: {capabilities.tokenizer or f'none. {capabilities.tokenizer_note}'}",
        *quickest,
        f"The probe took {capabilities.requests} requests; tokens: {tokens}.",
        *(f"Note: {note}" for note in capabilities.notes),
    )
