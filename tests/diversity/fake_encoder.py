"""An encoder that obeys the real protocol and has no model: a text is the sum of its words.

Texts that share words lie near each other, so neighbours, clusters and classes mean something.
"""

import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from core.diversity.embedding.encoder import EncoderChoice
from core.diversity.measures.lexical import words_of
from core.diversity.measures.remote_clique import Vectors
from core.domain.errors import BackendFailed


def nothing() -> None:
    """What `between` does where nobody asks."""


class FakeEncoder:
    """See the top of the file.

    Args:
        size: length of the vectors.
        choice: what it stands for.

    `calls` holds the texts of each call.
    """

    def __init__(self, *, size: int = 16, choice: EncoderChoice | None = None) -> None:
        self.size = size
        self.calls: list[list[str]] = []
        self.facts: Mapping[str, Any] = {
            "choice": (choice or EncoderChoice()).to_dict(),
            "model": "fake",
            "fingerprint": self.fingerprint,
            "size": size,
        }

    @property
    def fingerprint(self) -> str:
        return f"fake-{self.size}"

    def embed(self, texts: Sequence[str], *, between: Callable[[], None] = nothing) -> Vectors:
        self.calls.append(list(texts))
        between()
        rows = np.zeros((len(texts), self.size), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in words_of(text) or [""]:
                rng = np.random.default_rng(zlib.crc32(word.encode("utf-8", "surrogatepass")))
                row += rng.normal(size=self.size)
        return rows


class FakeEncoders:
    """Hands out one encoder, or fails as one that can't be loaded; records what was asked for."""

    def __init__(self, encoder: FakeEncoder | None = None, *, problem: str = "") -> None:
        self.made = encoder or FakeEncoder()
        self.asked: list[EncoderChoice] = []
        self._problem = problem

    def encoder(self, choice: EncoderChoice) -> FakeEncoder:
        self.asked.append(choice)
        if self._problem:
            raise BackendFailed(self._problem, "Use the embedded one.")
        return self.made
