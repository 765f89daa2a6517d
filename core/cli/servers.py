"""Servers by what a person types for them."""

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING, get_args

from core.domain.connections import Connection, TokenizerKind
from core.domain.errors import BadInput
from core.domain.runs import RunSpec
from core.generation.servers.capabilities import Capabilities, capabilities_from_dict
from core.store.connections import find_capabilities, find_connection
from core.store.database import Database

if TYPE_CHECKING:
    from core.generation.servers.tokenizers import Tokenizer


def connection_of(args: argparse.Namespace, db: Database) -> Connection:
    """The store's connection to `--base-url`, or a new one, with the options that were given.

    Raises:
        BadInput: an option is refused.
    """
    known = find_connection(db, args.base_url)
    connection = known or Connection(base_url=args.base_url, model=args.model)
    if args.key_variable is not None:
        connection = replace(connection, key_variable=args.key_variable)
    if args.tokenizer is not None:
        kind, _, name = args.tokenizer.partition(":")
        if kind not in get_args(TokenizerKind):
            raise BadInput(
                f"The tokenizer '{kind[:50]}' is unknown.",
                "Use server, tiktoken, tiktoken:ENCODING or huggingface:ID.",
            )
        connection = replace(connection, tokenizer=kind, tokenizer_name=name)
    return connection


def tokens_of_run(db: Database, spec: RunSpec) -> "tuple[Capabilities, Tokenizer | None]":
    """What was probed of a run's model, and its tokenizer where the run suppresses by it.

    Raises:
        BadInput: the run's model is none of a server, or its tokenizer or key is not to be had.
        BackendFailed: the server that tokenizes does not answer.
    """
    choice, suppression = spec.model, spec.condition.suppression
    if choice.backend != "openai":
        raise BadInput("The run's model is not behind a server.", "Choose a run of a server's.")
    kept = find_capabilities(db, choice.base_url, choice.model)
    found = Capabilities(base_url=choice.base_url, model=choice.model)
    if kept is not None:
        found = capabilities_from_dict(kept.result)
    if not suppression.on or suppression.method != "logit_bias":
        return found, None
    from core.generation.servers.http_client import HttpClient
    from core.generation.servers.keys import key_of
    from core.generation.servers.tokenizers import load_tokenizer

    connection = find_connection(db, choice.base_url) or Connection(base_url=choice.base_url)
    if connection.tokenizer == "none" and found.tokenizer_kind != "none":
        connection = replace(connection, tokenizer=found.tokenizer_kind)
    client = HttpClient(connection.base_url, key=key_of(connection))
    return found, load_tokenizer(connection, choice.model, client)
