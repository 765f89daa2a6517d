"""Tokenizers that run on this machine: tiktoken's tables and Hugging Face's."""

from functools import cached_property
from typing import Any

from core.devices import WORKS_OFFLINE, loading_options, why_not_loaded
from core.errors import BackendFailed, BadInput
from core.generation.prompts import QUOTE

OTHERS = (
    "Choose the server's own tokenizer (vLLM and llama.cpp have one), tiktoken for OpenAI's "
    "models, or a Hugging Face id or folder; or an approximation of suppression."
)
# How tokenizers that fall back on bytes (Llama 2's) name that of the double quote.
_QUOTE_BYTE = "<0x22>"


class TiktokenTokens:
    """tiktoken's; see `tokenizers.Tokens` for the members.

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
            said = f"an encoding '{encoding}'" if encoding else f"the model '{model}'"
            raise BadInput(
                f"tiktoken does not know {said[:200]}.",
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
            f"{OTHERS}",
        )

    @property
    def name(self) -> str:
        """`tiktoken` and the encoding."""
        return f"tiktoken {self._table.name}"

    @property
    def vocabulary(self) -> int:
        """Number of ids, special ones included."""
        return self._table.n_vocab

    @cached_property
    def ends(self) -> frozenset[int]:
        """Special tokens."""
        special = self._table.special_tokens_set
        return frozenset(self._table.encode_single_token(text) for text in special)

    @cached_property
    def quotes(self) -> frozenset[int]:
        """Tokens that hold a double quote."""
        pieces = ((token, self._bytes(token)) for token in range(self.vocabulary))
        return frozenset(token for token, piece in pieces if QUOTE.encode() in piece)

    def encode(self, text: str) -> list[int]:
        """The ids of a text."""
        return self._table.encode_ordinary(text)

    def text(self, token: int) -> str:
        """How a token reads."""
        return self._bytes(token).decode("utf-8", "replace")

    def _bytes(self, token: int) -> bytes:
        try:
            return self._table.decode_single_token_bytes(token)
        except KeyError:  # some encodings leave numbers out
            return b""


class HubTokens:
    """A Hugging Face tokenizer; see `tokenizers.Tokens` for the members.

    Args:
        source: an id of the hub or a local folder. Code that comes with it is never run.

    Raises:
        BackendFailed: it is not to be had.
    """

    def __init__(self, source: str) -> None:
        import transformers

        self.name = f"huggingface {source}"
        try:
            found: Any = transformers.AutoTokenizer.from_pretrained(
                source, **loading_options(source)
            )
        except Exception as error:  # damaged files raise of every kind
            raise BackendFailed(
                f"The tokenizer '{source}' could not be loaded: {why_not_loaded(source, error)}",
                WORKS_OFFLINE,
            ) from error
        self._tokenizer = found

    @property
    def vocabulary(self) -> int:
        """Number of ids, added ones included."""
        return len(self._tokenizer)

    @property
    def ends(self) -> frozenset[int]:
        """Special tokens."""
        return frozenset(self._tokenizer.all_special_ids)

    @cached_property
    def quotes(self) -> frozenset[int]:
        """Tokens that hold a double quote."""
        pieces = self._tokenizer.get_vocab().items()
        return frozenset(id_ for piece, id_ in pieces if QUOTE in piece or piece == _QUOTE_BYTE)

    def encode(self, text: str) -> list[int]:
        """The ids of a text."""
        return list(self._tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])

    def text(self, token: int) -> str:
        """How a token reads."""
        return str(self._tokenizer.decode([token], clean_up_tokenization_spaces=False))
