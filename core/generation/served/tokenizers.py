"""Token ids of a served model: from the server, tiktoken, or a Hugging Face tokenizer.

Never guessed: without a known tokenizer there are no ids, and so no logit suppression.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Protocol
from urllib.parse import urlsplit

from core.connections import Connection, TokenizerKind
from core.errors import BadInput, WidesetError
from core.generation.served.local_tokens import OTHERS, HubTokens, TiktokenTokens
from core.generation.served.server_tokens import ServerTokens
from core.generation.served.wire import Asking


class Tokens(Protocol):
    """A served model's tokenizer; texts are encoded without special tokens."""

    @property
    def name(self) -> str:
        """Where the ids come from, such as `server` or `tiktoken o200k_base`."""
        ...

    @property
    def vocabulary(self) -> int | None:
        """How many ids there are, 0 to `vocabulary` - 1; None if that is not to be known."""
        ...

    @property
    def ends(self) -> frozenset[int]:
        """End and other special tokens, as far as they are known."""
        ...

    @property
    def quotes(self) -> frozenset[int]:
        """Tokens that hold a double quote, as far as they are known; each ends a text."""
        ...

    def encode(self, text: str) -> list[int]:
        """The ids of a text.

        Raises:
            BackendFailed: the server that tokenizes did not answer.
        """
        ...

    def text(self, token: int) -> str:
        """How a token reads, its leading space included.

        Raises:
            BackendFailed: the server that tokenizes did not answer.
        """
        ...


def tokens_for(connection: Connection, model: str, client: Asking) -> Tokens:
    """The tokenizer that a connection names for a model.

    Args:
        connection: says where token ids come from.
        model: the served model's name, which tells tiktoken the encoding.
        client: asks the server, where that is the one to tokenize.

    Raises:
        BadInput: there is none, or it does not know the model.
        BackendFailed: it can't be had: no network, no such route.
    """
    kind, name = connection.tokenizer, connection.tokenizer_name
    if kind == "server":
        return ServerTokens(client, model)
    if kind == "tiktoken":
        return TiktokenTokens(model, name)
    if kind == "huggingface":
        return HubTokens(name)
    raise BadInput(
        "The connection names no tokenizer, and token ids are never guessed: logit suppression "
        "is not possible.",
        OTHERS,
    )


def find_tokens(
    connection: Connection, model: str, client: Asking
) -> tuple[Tokens | None, TokenizerKind, str]:
    """The tokenizer that a connection names, else one that is the model's beyond doubt.

    Where none is named, the server is asked for its own, and at OpenAI's own address tiktoken.

    Returns:
        (tokenizer or None, its kind, a sentence on why there is none).
    """
    kind = connection.tokenizer
    if kind == "none":
        at_openai = urlsplit(connection.base_url).hostname == "api.openai.com"
        kind = "tiktoken" if at_openai else "server"
    try:
        return tokens_for(replace(connection, tokenizer=kind), model, client), kind, ""
    except WidesetError as error:
        return None, "none", str(error)


def check_ids(tokens: Tokens, ids: Iterable[int]) -> None:
    """Refuse token ids that the model can't have, before anything is sent.

    Raises:
        BadInput: an id is below 0, or at or above the vocabulary's size where that is known.
    """
    for token in ids:
        if token < 0 or (tokens.vocabulary is not None and token >= tokens.vocabulary):
            known = "" if tokens.vocabulary is None else f" of {tokens.vocabulary}"
            raise BadInput(
                f"Token {token} is outside the model's vocabulary{known}.",
                "Give token ids of this model's own tokenizer.",
            )
