"""Token ids of a served model: from the server, tiktoken, or a Hugging Face tokenizer.

Never guessed: without a known tokenizer there are no ids, and so no logit suppression.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit

from core.domain.connections import Connection, TokenizerKind
from core.domain.errors import BackendFailed, BadInput, WidesetError
from core.domain.serialization import Json, value_at
from core.generation.prompts import QUOTE
from core.generation.servers.http_client import ServerClient
from core.models.devices import WORKS_OFFLINE, loading_options, why_not_loaded

OTHER_TOKENIZERS = (
    "Choose the server's own tokenizer (vLLM and llama.cpp have one), tiktoken for OpenAI's "
    "models, or a Hugging Face id or folder; or an approximation of suppression."
)
# How tokenizers that fall back on bytes (Llama 2's) name that of the double quote.
_QUOTE_BYTE = "<0x22>"


class Tokenizer(Protocol):
    """A served model's tokenizer; texts are encoded without special tokens."""

    @property
    def name(self) -> str:
        """Where the ids come from, such as `server` or `tiktoken o200k_base`."""

    @property
    def vocabulary_size(self) -> int | None:
        """How many ids there are, 0 to `vocabulary_size` - 1; None if that is not to be known."""

    @property
    def end_tokens(self) -> frozenset[int]:
        """End and other special tokens, as far as they are known."""

    @property
    def quote_tokens(self) -> frozenset[int]:
        """Tokens that hold a double quote, as far as they are known; each ends a text."""

    def encode(self, text: str) -> list[int]:
        """The ids of a text.

        Raises:
            BackendFailed: the server that tokenizes did not answer.
        """

    def token_text(self, token: int) -> str:
        """How a token reads, its leading space included.

        Raises:
            BackendFailed: the server that tokenizes did not answer.
        """


class TiktokenTokenizer:
    """tiktoken's; see `tokenizers.Tokenizer` for the members.

    Args:
        model: tells the encoding, unless that is named.
        encoding: such as `o200k_base`; empty takes the model's.

    Raises:
        BadInput: tiktoken knows neither.
        BackendFailed: its table is not on this machine and can't be downloaded.
    """

    def __init__(self, model: str, encoding: str = "") -> None:
        import tiktoken

        try:
            if encoding:
                self._table = tiktoken.get_encoding(encoding)
            else:
                self._table = tiktoken.encoding_for_model(model)
        except (KeyError, ValueError) as error:
            if "Hash mismatch" in str(error):
                raise self._no_table(encoding or model) from error
            unknown = f"an encoding '{encoding}'" if encoding else f"the model '{model}'"
            raise BadInput(
                f"tiktoken does not know {unknown[:200]}.",
                "Name the encoding, such as o200k_base, or choose another tokenizer.",
            ) from error
        except Exception as error:  # whatever its downloader raises, and what its files can hold
            raise self._no_table(encoding or model) from error

    @staticmethod
    def _no_table(wanted: str) -> BackendFailed:
        return BackendFailed(
            f"tiktoken's table for '{wanted[:200]}' is not on this machine, and its download "
            "failed.",
            f"Connect to the network once, or put the table into the folder TIKTOKEN_CACHE_DIR. "
            f"{OTHER_TOKENIZERS}",
        )

    @property
    def name(self) -> str:
        return f"tiktoken {self._table.name}"

    @property
    def vocabulary_size(self) -> int:
        return self._table.n_vocab

    @cached_property
    def end_tokens(self) -> frozenset[int]:
        special = self._table.special_tokens_set
        return frozenset(self._table.encode_single_token(text) for text in special)

    @cached_property
    def quote_tokens(self) -> frozenset[int]:
        pieces = ((token, self._bytes(token)) for token in range(self.vocabulary_size))
        return frozenset(token for token, piece in pieces if QUOTE.encode() in piece)

    def encode(self, text: str) -> list[int]:
        return self._table.encode_ordinary(text)

    def token_text(self, token: int) -> str:
        return self._bytes(token).decode("utf-8", "replace")

    def _bytes(self, token: int) -> bytes:
        try:
            return self._table.decode_single_token_bytes(token)
        except KeyError:  # some encodings leave numbers out
            return b""


class HuggingFaceTokenizer:
    """A Hugging Face tokenizer; see `tokenizers.Tokenizer` for the members.

    Args:
        source: an id of the hub or a local folder. Code that comes with it is never run.

    Raises:
        BackendFailed: it is not to be had.
    """

    def __init__(self, source: str) -> None:
        import transformers

        self.name = f"huggingface {source}"
        try:
            tokenizer: Any = transformers.AutoTokenizer.from_pretrained(
                source, **loading_options(source)
            )
        except Exception as error:  # damaged files raise of every kind
            raise BackendFailed(
                f"The tokenizer '{source}' could not be loaded: {why_not_loaded(source, error)}",
                WORKS_OFFLINE,
            ) from error
        self._tokenizer = tokenizer

    @property
    def vocabulary_size(self) -> int:
        return len(self._tokenizer)

    @property
    def end_tokens(self) -> frozenset[int]:
        return frozenset(self._tokenizer.all_special_ids)

    @cached_property
    def quote_tokens(self) -> frozenset[int]:
        pieces = self._tokenizer.get_vocab().items()
        return frozenset(id_ for piece, id_ in pieces if QUOTE in piece or piece == _QUOTE_BYTE)

    def encode(self, text: str) -> list[int]:
        return list(self._tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])

    def token_text(self, token: int) -> str:
        return str(self._tokenizer.decode([token], clean_up_tokenization_spaces=False))


_SAMPLE = "A quick test, isn't it? 1234"
# What a quote usually stands beside in the texts that models write.
_QUOTED = ('"', ' "', '."', '!"', '?"', ',"', '",', '".', '"\n', '...")', '""')
_CACHE = 100_000


class ServerTokenizer:
    """Asks the server; see `tokenizers.Tokenizer` for the members.

    Args:
        client: asks it.
        model: the served model's name.

    Raises:
        BackendFailed: the server has no such routes, or they give other texts back.
    """

    name = "server"

    def __init__(self, client: ServerClient, model: str) -> None:
        self._client = client
        self._model = model
        self._texts: dict[int, str] = {}
        self._ids: dict[str, list[int]] = {}
        self._shape: Literal["llama.cpp", "vLLM"] = "llama.cpp"
        for shape in ("llama.cpp", "vLLM"):
            self._shape = shape
            ids = self._tokenize(_SAMPLE)
            if ids and (self._detokenize(ids) or "").strip() == _SAMPLE:
                break
        else:
            raise BackendFailed(
                "The server has no /tokenize and /detokenize that give a text back as it was.",
                "Choose another tokenizer for the connection: tiktoken, or a Hugging Face id.",
            )
        self.vocabulary_size = self._size()
        self.quote_tokens = frozenset(
            token
            for text in _QUOTED
            for token in self.encode(text)
            if QUOTE in self.token_text(token)
        )
        self.end_tokens = self._end_tokens()

    def encode(self, text: str) -> list[int]:
        if not text:
            return []
        ids = self._ids.get(text)
        if ids is None:
            ids = self._tokenize(text)
            if ids is None:
                raise BackendFailed(
                    "The server did not tokenize a text.", "Check that it still runs."
                )
            if len(self._ids) < _CACHE:
                self._ids[text] = ids
        return list(ids)

    def token_text(self, token: int) -> str:
        """How a token reads, as the server gives it.

        Raises:
            BadInput: the server knows no such token.
        """
        if token not in self._texts:
            text = self._detokenize([token])
            if text is None:
                raise BadInput(
                    f"The server knows no token {token}.",
                    "Give token ids of this model's own tokenizer.",
                )
            self._texts[token] = text
        return self._texts[token]

    def _tokenize(self, text: str, *, special: bool = False) -> list[int] | None:
        if self._shape == "llama.cpp":
            body: dict[str, Json] = {
                "content": text,
                "add_special": False,
                "parse_special": special,
            }
        else:
            body = {"model": self._model, "prompt": text, "add_special_tokens": False}
        ids = self._ask("/tokenize", body, "tokens")
        if not isinstance(ids, list) or not all(type(token) is int for token in ids):
            return None
        return ids

    def _detokenize(self, ids: list[int]) -> str | None:
        if self._shape == "llama.cpp":
            text = self._ask("/detokenize", {"tokens": ids}, "content")
        else:
            text = self._ask("/detokenize", {"model": self._model, "tokens": ids}, "prompt")
        return text if isinstance(text, str) else None

    def _ask(self, path: str, body: dict[str, Json], key: str) -> Json:
        response = self._client.ask(path, body, root=True)
        return value_at(response.data, key) if response.ok else None

    def _size(self) -> int | None:
        """The vocabulary's size, which llama.cpp reports with its models."""
        if self._shape != "llama.cpp":
            return None
        listed = value_at(self._client.ask("/models").data, "data")
        sizes = [
            value_at(entry, "meta", "n_vocab")
            for entry in (listed if isinstance(listed, list) else ())
            if value_at(entry, "meta")
        ]
        size = sizes[0] if len({*map(str, sizes)}) == 1 else None  # several models: whose is it?
        return size if type(size) is int and size > 0 else None

    def _end_tokens(self) -> frozenset[int]:
        """The end tokens that llama.cpp reports; they can stand in no text anyway."""
        if self._shape != "llama.cpp":
            return frozenset()
        response = self._client.ask("/props", root=True)
        end_tokens: set[int] = set()
        for key in ("bos_token", "eos_token"):
            text = value_at(response.data, key) if response.ok else None
            ids = self._tokenize(text, special=True) if isinstance(text, str) and text else None
            if ids is not None and len(ids) == 1:
                end_tokens.update(ids)
        return frozenset(end_tokens)


def load_tokenizer(connection: Connection, model: str, client: ServerClient) -> Tokenizer:
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
        return ServerTokenizer(client, model)
    if kind == "tiktoken":
        return TiktokenTokenizer(model, name)
    if kind == "huggingface":
        return HuggingFaceTokenizer(name)
    raise BadInput(
        "The connection names no tokenizer, and token ids are never guessed: logit suppression "
        "is not possible.",
        OTHER_TOKENIZERS,
    )


@dataclass(frozen=True, slots=True)
class TokenizerSearch:
    """What came of looking for a model's tokenizer.

    Args:
        tokenizer: None where there is none.
        kind: as a connection's `tokenizer`; `none` where there is none.
        why_none: a sentence on why there is none; empty otherwise.
    """

    tokenizer: Tokenizer | None
    kind: TokenizerKind
    why_none: str = ""


def find_tokenizer(connection: Connection, model: str, client: ServerClient) -> TokenizerSearch:
    """The tokenizer that a connection names, else one that is the model's beyond doubt.

    Where none is named, the server is asked for its own, and at OpenAI's own address tiktoken.
    """
    kind = connection.tokenizer
    if kind == "none":
        at_openai = urlsplit(connection.base_url).hostname == "api.openai.com"
        kind = "tiktoken" if at_openai else "server"
    try:
        tokenizer = load_tokenizer(replace(connection, tokenizer=kind), model, client)
    except WidesetError as error:
        return TokenizerSearch(None, "none", str(error))
    return TokenizerSearch(tokenizer, kind)


def exempt_tokens(tokenizer: Tokenizer | None) -> frozenset[int]:
    """End tokens and tokens with a quote in them, as far as they are known."""
    return frozenset() if tokenizer is None else tokenizer.end_tokens | tokenizer.quote_tokens


def check_ids(tokenizer: Tokenizer, ids: Iterable[int]) -> None:
    """Refuse token ids that the model can't have, before anything is sent.

    Raises:
        BadInput: an id is below 0, or at or above the vocabulary's size where that is known.
    """
    size = tokenizer.vocabulary_size
    for token in ids:
        if token < 0 or (size is not None and token >= size):
            of_size = "" if size is None else f" of {size}"
            raise BadInput(
                f"Token {token} is outside the model's vocabulary{of_size}.",
                "Give token ids of this model's own tokenizer.",
            )
