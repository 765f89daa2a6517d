"""`connections`: the servers that the store knows, which key each gets, and what it costs."""

import argparse
import json
from dataclasses import asdict, replace
from datetime import datetime
from typing import TYPE_CHECKING

from core.cli.parser import Commands, one_line
from core.domain.connections import Connection
from core.domain.errors import BadInput

if TYPE_CHECKING:
    from core.jobs.server_health import ServerContact
    from core.store.database import Database


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "connections",
        help="list, add or remove servers",
        description="List the servers that the store knows and how each answered last, add one or "
        "change its settings, or remove one. What is not named stays as it is; runs of a removed "
        "one are kept.",
        epilog="Example: python -m core connections add --base-url https://host/v1 "
        "--key-variable HOST_KEY --price-in 0.5 --price-out 1.5",
    )
    parser.add_argument("what", nargs="?", choices=("list", "add", "remove"), default="list")
    parser.add_argument("--base-url", metavar="URL", help="the server's; often ends in /v1")
    parser.add_argument("--name", help="for lists (its host)")
    parser.add_argument("--model", metavar="NAME", help="the one that is proposed")
    parser.add_argument(
        "--key-variable", metavar="NAME", help="the environment variable that holds the key"
    )
    parser.add_argument(
        "--tokenizer",
        metavar="KIND[:NAME]",
        help="none, server, tiktoken, tiktoken:ENCODING or huggingface:ID",
    )
    parser.add_argument("--price-in", type=float, metavar="P", help="of a million prompt tokens")
    parser.add_argument("--price-out", type=float, metavar="P", help="of a million generated ones")
    parser.add_argument("--currency", metavar="CODE", help="of these prices (USD)")
    parser.add_argument("--requests-at-once", type=int, metavar="N", help="at most (8)")
    parser.add_argument("--json", action="store_true", help="print them as JSON on stdout")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command.

    Raises:
        BadInput: there is no such connection, or a setting is refused.
    """
    from core.domain.settings import home_from
    from core.jobs.server_health import last_contacts
    from core.store.connections import (
        delete_connection,
        get_connection,
        list_connections,
        save_connection,
    )
    from core.store.database import open_database

    db = open_database(home_from())
    if args.what != "list":
        if args.base_url is None:
            raise BadInput("The server is not named.", "Add --base-url URL.")
        if args.what == "add":
            save_connection(db, _changed(db, args))
        else:
            delete_connection(db, get_connection(db, args.base_url).base_url)
    known = list_connections(db)
    contacts = last_contacts(db)
    if args.json:
        rows = []
        for connection in known:
            last = contacts.get(connection.base_url)
            rows.append({**connection.to_dict(), "last": None if last is None else asdict(last)})
        print(json.dumps(rows, allow_nan=False))
        return 0
    for connection in known:
        print(_line(connection, contacts.get(connection.base_url)))
    if not known:
        print("No servers. Add one with python -m core connections add --base-url URL.")
    return 0


def _changed(db: "Database", args: argparse.Namespace) -> Connection:
    """The store's connection or a new one, with what was named."""
    from core.cli.servers import connection_of

    name = {"name": args.name} if args.name is not None else {}
    model = {"model": args.model} if args.model is not None else {}
    at_once = {} if args.requests_at_once is None else {"requests_at_once": args.requests_at_once}
    args.model = args.model or ""
    known = connection_of(args, db)
    wanted = {
        "tokens_in": args.price_in,
        "tokens_out": args.price_out,
        "currency": args.currency,
    }
    prices = {key: value for key, value in wanted.items() if value is not None}
    return replace(known, prices=replace(known.prices, **prices), **name, **model, **at_once)


def _line(connection: Connection, last: "ServerContact | None") -> str:
    prices = connection.prices
    cost = (
        "prices unknown"
        if None in (prices.tokens_in, prices.tokens_out)
        else f"{prices.tokens_in:g} in, {prices.tokens_out:g} out {prices.currency} a million"
    )
    key = f"key in {connection.key_variable}" if connection.key_variable else "no key"
    name = f" '{connection.name}'" if connection.name else ""
    model = f", model {connection.model}" if connection.model else ""
    return one_line(f"{connection.base_url}{name}: {key}, {cost}{model}; {_last(last)}")


def _last(last: "ServerContact | None") -> str:
    if last is None:
        return "never asked"
    when = datetime.fromtimestamp(last.at).strftime("%Y-%m-%d %H:%M")
    return f"{last.said} {when}" + (f": {last.why}" if last.why else "")
