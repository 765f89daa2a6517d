"""Connection: a server with OpenAI's API, which key it gets, and what its tokens cost.

A key is bound to the host it was entered for. It lies in the environment, or in Streamlit's
secrets file, under a name; the connection holds the name alone.
"""

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

from core.domain.errors import BadInput

MAX_URL = 500

TokenizerKind = Literal["none", "server", "tiktoken", "huggingface"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """A person's own prices; Wideset knows none.

    Args:
        tokens_in: for a million tokens of prompts; None is unknown.
        tokens_out: for a million generated tokens; None is unknown.
        currency: for display.
    """

    tokens_in: float | None = None
    tokens_out: float | None = None
    currency: str = "USD"

    def __post_init__(self) -> None:
        for price in (self.tokens_in, self.tokens_out):
            if price is not None and not 0 <= price < 1e6:
                raise BadInput(
                    f"The price {price} is not from 0 to a million.",
                    "Give the price of a million tokens.",
                )
        if not re.fullmatch(r"[A-Za-z€$£¥]{1,5}", self.currency):
            raise BadInput(f"The currency '{self.currency[:20]}' is unusable.", "Write USD or EUR.")

    def cost(self, tokens_in: int | None, tokens_out: int | None) -> float | None:
        """What so many tokens cost; None where a price or a number is unknown.

        Args:
            tokens_in: of prompts.
            tokens_out: generated.
        """
        if self.tokens_in is None or self.tokens_out is None:
            return None
        if tokens_in is None or tokens_out is None:
            return None
        return (tokens_in * self.tokens_in + tokens_out * self.tokens_out) / 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A server as a person named it.

    Args:
        base_url: as `checked_url` gives it; it identifies the connection.
        name: for display; empty takes the host.
        model: the model that is chosen unless a run names another; may be empty.
        key_variable: name of the environment variable, or of the entry of Streamlit's secrets,
            that holds the key; empty for a server that needs none.
        tokenizer: where token ids come from: the server's own /tokenize, tiktoken, a Hugging Face
            tokenizer, or none, which refuses suppression by logit bias.
        tokenizer_name: a Hugging Face id or folder; of tiktoken an encoding, or empty for the
            model's.
        prices: see `Prices`.
        requests_at_once: the highest number of requests under way, 1 to 256.
    """

    base_url: str
    name: str = ""
    model: str = ""
    key_variable: str = ""
    tokenizer: TokenizerKind = "none"
    tokenizer_name: str = ""
    prices: Prices = Prices()
    requests_at_once: int = 8

    def __post_init__(self) -> None:
        object.__setattr__(self, "base_url", checked_url(self.base_url))
        if self.key_variable and not re.fullmatch(
            r"[A-Za-z_][A-Za-z0-9_]{0,99}", self.key_variable
        ):
            raise BadInput(
                "The key's variable is no name of one.",
                "Write the name, such as OPENAI_API_KEY, and never the key itself.",
            )
        if self.tokenizer not in ("none", "server", "tiktoken", "huggingface"):
            raise BadInput(
                f"The tokenizer '{self.tokenizer}' is unknown.",
                "Use none, server, tiktoken or huggingface.",
            )
        if self.tokenizer == "huggingface" and not self.tokenizer_name.strip():
            raise BadInput("The tokenizer has no name.", "Give a Hugging Face id or a folder.")
        at_once = self.requests_at_once
        if not isinstance(at_once, int) or isinstance(at_once, bool) or not 1 <= at_once <= 256:
            raise BadInput(
                f"{at_once} requests at once is not a whole number from 1 to 256.", "Choose 8."
            )


def checked_url(url: str) -> str:
    """A base URL in its one form: scheme and host in small letters, no slash at the end.

    Raises:
        BadInput: it is no http or https URL, or holds a name and password, a query or a fragment.
    """
    remedy = "Give it as http://127.0.0.1:8080/v1 or https://host/v1."
    if not url.strip() or len(url) > MAX_URL or any(ord(char) <= 32 for char in url.strip()):
        raise BadInput("The base URL is empty, too long, or holds white space.", remedy)
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError as error:
        raise BadInput("The base URL can't be read.", remedy) from error
    scheme = parts.scheme.lower()
    if scheme not in ("http", "https") or not parts.hostname:
        raise BadInput("The base URL is no address of http or https.", remedy)
    if parts.username is not None or parts.password is not None:
        raise BadInput(
            "The base URL holds a name or a password.",
            "Leave it out; the key is named by its variable.",
        )
    if parts.query or parts.fragment:
        raise BadInput("The base URL holds a query or a fragment.", remedy)
    host = parts.hostname.lower()
    host = f"[{host}]" if ":" in host else host
    usual = {"http": 80, "https": 443}[scheme]
    place = host if port in (None, usual) else f"{host}:{port}"
    return urlunsplit((scheme, place, parts.path.rstrip("/"), "", ""))
