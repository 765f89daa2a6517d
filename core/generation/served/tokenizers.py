"""Token ids of a served model: from the server itself, from tiktoken, from a Hugging Face tokenizer.

Never guessed: without a known tokenizer there are no ids, and so no logit suppression.
"""

from typing import Protocol


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
