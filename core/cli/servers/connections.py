"""`connections`: the servers that the store knows, which key each gets, and what it costs."""

from dataclasses import asdict, dataclass, replace
from typing import Annotated, Literal, cast, get_args

from typer import Argument, Option

from core.cli.app import App, OptionGroup, Session
from core.cli.options import JsonListOption, given
from core.cli.output import date_time, print_json, print_lines
from core.domain.connections import Connection, TokenizerKind
from core.domain.errors import BadInput
from core.jobs.handlers.servers import ServerContact, last_contacts
from core.store.connections import (
    delete_connection,
    find_connection,
    get_connection,
    list_connections,
    save_connection,
)
from core.store.database import Database

app = App()


@dataclass(frozen=True)
class ConnectionOptions(OptionGroup):
    """A server and its settings; what is not given stays as it is."""

    panel = "Server"

    base_url: Annotated[
        str | None, Option(metavar="URL", help="Its address; often ends in /v1.")
    ] = None
    name: Annotated[str | None, Option(show_default="its host", help="Its name in lists.")] = None
    model: Annotated[str | None, Option(metavar="NAME", help="The model to propose.")] = None
    key_variable: Annotated[
        str | None, Option(metavar="NAME", help="Environment variable with the key.")
    ] = None
    tokenizer: Annotated[
        str | None,
        Option(
            metavar="KIND[:NAME]",
            help="none, server, tiktoken, tiktoken:ENCODING or huggingface:ID.",
        ),
    ] = None
    price_in: Annotated[float | None, Option(help="Price of a million prompt tokens.")] = None
    price_out: Annotated[float | None, Option(help="Price of a million generated tokens.")] = None
    currency: Annotated[
        str | None, Option(metavar="CODE", show_default="USD", help="Currency of the prices.")
    ] = None
    requests_at_once: Annotated[
        int | None, Option(show_default="8", help="Max parallel requests.")
    ] = None

    def connection(self, db: Database, base_url: str) -> Connection:
        """The store's connection or a new one, with the settings that were given.

        Raises:
            BadInput: a setting is refused.
        """
        connection = with_server_settings(
            find_connection(db, base_url) or Connection(base_url=base_url),
            key_variable=self.key_variable,
            tokenizer=self.tokenizer,
        )
        prices = given(tokens_in=self.price_in, tokens_out=self.price_out, currency=self.currency)
        settings = given(name=self.name, model=self.model, requests_at_once=self.requests_at_once)
        return replace(connection, prices=replace(connection.prices, **prices), **settings)


@app.add(
    epilog="Example: python -m core connections add --base-url https://host/v1 "
    "--key-variable HOST_KEY --price-in 0.5 --price-out 1.5"
)
def connections(
    session: Session,
    options: ConnectionOptions,
    action: Annotated[
        Literal["list", "add", "remove"], Argument(metavar="ACTION", help="What to do.")
    ] = "list",
    as_json: JsonListOption = False,
) -> None:
    """List the servers that the store knows and how each answered last, add one or change its
    settings, or remove one. What is not given stays as it is; runs of a removed one are kept.
    """
    db = session.db
    if action != "list":
        if options.base_url is None:
            raise BadInput("The server is not named.", "Add --base-url URL.")
        if action == "add":
            save_connection(db, options.connection(db, options.base_url))
        else:
            delete_connection(db, get_connection(db, options.base_url).base_url)
    contacts = last_contacts(db)
    rows = [(server, contacts.get(server.base_url)) for server in list_connections(db)]
    if as_json:
        print_json(
            [
                {**asdict(server), "last": None if last is None else asdict(last)}
                for server, last in rows
            ]
        )
    elif rows:
        print_lines(*(_line(server, last) for server, last in rows))
    else:
        print("No servers. Add one with python -m core connections add --base-url URL.")


def with_server_settings(
    connection: Connection, *, key_variable: str | None, tokenizer: str | None
) -> Connection:
    """The connection with another key or tokenizer; None leaves it as it is.

    Raises:
        BadInput: one of them is refused.
    """
    if key_variable is not None:
        connection = replace(connection, key_variable=key_variable)
    if tokenizer is not None:
        kind, _, name = tokenizer.partition(":")
        if kind not in get_args(TokenizerKind):
            raise BadInput(
                f"The tokenizer '{kind[:50]}' is unknown.",
                "Use server, tiktoken, tiktoken:ENCODING or huggingface:ID.",
            )
        connection = replace(connection, tokenizer=cast(TokenizerKind, kind), tokenizer_name=name)
    return connection


def _line(connection: Connection, last: ServerContact | None) -> str:
    prices = connection.prices
    cost = (
        "prices unknown"
        if None in (prices.tokens_in, prices.tokens_out)
        else f"{prices.tokens_in:g} in, {prices.tokens_out:g} out {prices.currency} per million"
    )
    key = f"key in {connection.key_variable}" if connection.key_variable else "no key"
    name = f" '{connection.name}'" if connection.name else ""
    model = f", model {connection.model}" if connection.model else ""
    answer = "never asked"
    if last is not None:
        answer = f"{last.summary} {date_time(last.at)}" + (f": {last.why}" if last.why else "")
    return f"{connection.base_url}{name}: {key}, {cost}{model}; {answer}"
