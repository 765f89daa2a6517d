"""`probe`: what a model behind a server can do."""

import argparse
import json

from core.cli.parser import Commands, one_line


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "probe",
        help="find out what a server's model can do",
        description="Ask a server about twenty short questions and print which knobs really work "
        "there. What is found is kept in the store.",
        epilog="Example: python -m core probe --base-url http://127.0.0.1:8080/v1 --model llama",
    )
    add_server_to(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def add_server_to(parser: argparse.ArgumentParser) -> None:
    """Add the options that name a server, its model, key and tokenizer."""
    parser.add_argument("--base-url", required=True, metavar="URL", help="often ends in /v1")
    parser.add_argument("--model", required=True, metavar="NAME", help="as the server names it")
    parser.add_argument(
        "--key-variable",
        metavar="NAME",
        help="the environment variable that holds the key (the connection's, else none)",
    )
    parser.add_argument(
        "--tokenizer",
        metavar="KIND[:NAME]",
        help="server, tiktoken, tiktoken:ENCODING or huggingface:ID (the connection's, else the "
        "server's own)",
    )


def run(args: argparse.Namespace) -> int:
    """Run the command.

    Raises:
        BadInput: the address, the key or the model is refused.
        BackendFailed: the server does not answer.
    """
    from dataclasses import replace

    from core.cli.servers import connection_of
    from core.domain.settings import home_from
    from core.generation.servers.capabilities import capabilities_from_dict, capability_table
    from core.generation.servers.http_client import HttpClient
    from core.generation.servers.keys import key_of
    from core.generation.servers.probing.probe import probe
    from core.store.connections import find_capabilities, save_capabilities, save_connection
    from core.store.database import open_database

    db = open_database(home_from())
    connection = connection_of(args, db)
    client = HttpClient(connection.base_url, key=key_of(connection))
    found = probe(connection, args.model, client)
    # One that answered is proposed from now on, unless another is.
    save_connection(db, replace(connection, model=connection.model or args.model))
    save_capabilities(db, connection.base_url, args.model, found.to_dict())
    kept = find_capabilities(db, connection.base_url, args.model)
    assert kept is not None
    found = capabilities_from_dict(kept.result)
    if args.json:
        rows = [
            {"key": row.key, "what": row.title, "support": row.support, "meaning": row.meaning}
            for row in capability_table(found)
        ]
        print(json.dumps({**found.to_dict(), "table": rows}))
        return 0
    server = f" ({one_line(found.server)})" if found.server else ""
    print(f"{one_line(found.model)} at {found.base_url}{server}")
    rows_ = capability_table(found)
    widths = [max(len(row.title) for row in rows_), max(len(row.words) for row in rows_)]
    for row in rows_:
        line = f"  {row.title:<{widths[0]}}  {row.words:<{widths[1]}}  {one_line(row.meaning)}"
        print(line.rstrip())
    tokenizer = found.tokenizer or f"none. {one_line(found.tokenizer_note)}"
    print(f"Tokenizer: {tokenizer}")
    if found.latency_ms is not None:
        print(f"Quickest answer: {found.latency_ms:.0f} ms")
    tokens = [found.tokens_in, found.tokens_out]
    took = "unknown" if None in tokens else f"{tokens[0]} in, {tokens[1]} out"
    print(f"The probe took {found.requests} requests; tokens: {took}.")
    for note in found.notes:
        print(f"Note: {one_line(note)}")
    return 0
