"""Opening a served model: its key, its tokenizer, and what is known of it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from core.connections import Connection
from core.generation.served.backend import ServedBackend
from core.generation.served.capabilities import Capabilities
from core.generation.served.keys import Key, key_of
from core.generation.served.manner import Manner
from core.generation.served.pace import Pace
from core.generation.served.tokenizers import Tokens, find_tokens
from core.generation.served.wire import Asking, Wire

Probe = Callable[[Connection, str, Asking], Capabilities]


def open_served(
    connection: Connection,
    model: str,
    *,
    known: Capabilities | None,
    probe: Probe,
    find_key: Callable[[Connection], Key | None] = key_of,
    pace: Pace | None = None,
    manner: Manner | None = None,
) -> ServedBackend:
    """A served model, ready to write.

    Args:
        connection: which server.
        model: the server's name for the model.
        known: what probing found of it; None has it probed now.
        probe: finds out what is not known, as `probing.probe`.
        find_key: gives the connection's key.
        pace: shared by all that ask this server for this model.
        manner: how requests are sent.

    Raises:
        BadInput: the key is missing, or the server refuses it or the model.
        BackendFailed: the server does not answer.
    """
    key = find_key(connection)
    wire = Wire(connection.base_url, key=key)
    found = known or probe(connection, model, wire)
    options: dict[str, Any] = {} if manner is None else {"manner": manner}
    return ServedBackend(
        connection,
        model,
        key=key,
        tokens=_tokens(connection, model, wire, found),
        capabilities=replace(found, base_url=connection.base_url, model=model),
        pace=pace,
        **options,
    )


def _tokens(connection: Connection, model: str, wire: Asking, found: Capabilities) -> Tokens | None:
    if connection.tokenizer == "none" and not found.tokenizer:
        return None  # probing looked for one already
    return find_tokens(connection, model, wire)[0]
