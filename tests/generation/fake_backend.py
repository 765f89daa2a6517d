"""A backend that obeys the real protocol and has no model: words drawn from a request's entropy.

What it writes hangs on everything a real model's output hangs on: entropy, index, prompt, biases.
So a loop that gets one of these wrong after a resume gets other texts.
"""

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from core.domain.conditions import Condition
from core.domain.runs import ModelMetadata
from core.generation.backends import Completion, Request

WORDS = ("<end>", '"', "red", "Red", "blue", "green", "odd", "even", "sun", "rain")
END, QUOTE_TOKEN = 0, 1
METADATA = ModelMetadata(
    model="fake",
    fingerprint="f1",
    dtype="float32",
    device="cpu",
    engine="none",
    forward="none",
    linear="none",
)


@dataclass(frozen=True)
class Written:
    """What the fake writes for one text; it is finished after `steps` steps."""

    text: str
    tokens: tuple[int, ...]
    finish_reason: str = "stop"
    steps: int = 1


Writer = Callable[[Request, int], Written | None]


def drawn_text(request: Request, index: int, *, longest: int = 4) -> Written:
    """Up to `longest` words by the biases' odds; one that would go on is cut off."""
    prompt = zlib.crc32(request.prompt.preview().encode())
    rng = np.random.Generator(np.random.PCG64([*request.entropy, index, prompt]))
    bias = np.zeros(len(WORDS))
    for token, value in request.biases:
        bias[token] += value
    odds = np.exp(bias[2:])
    count = int(rng.integers(0, longest + 2))
    tokens = tuple(int(t) + 2 for t in rng.choice(len(odds), count, p=odds / odds.sum()))
    kept = tokens[:longest]
    reason = "stop" if count <= longest else "length"
    return Written(" ".join(WORDS[t] for t in kept), kept, reason, steps=len(kept) + 1)


@dataclass
class FakeBackend:
    """See the top of the file.

    Args:
        write: what is written for a request's index; None is never returned.
        metadata: what a load resolved.
        calls: filled with what `complete` was given: (requests, condition, first_soon).
    """

    write: Writer = drawn_text
    metadata: ModelMetadata = METADATA
    calls: list[tuple[tuple[Request, ...], Condition, bool]] = field(default_factory=list)
    exempt_tokens: frozenset[int] = frozenset({END, QUOTE_TOKEN})
    repeatable: bool = True

    def token_text(self, token: int) -> str:
        return WORDS[token]

    def complete(
        self,
        requests: Sequence[Request],
        condition: Condition,
        *,
        first_soon: bool,
        between_steps: Callable[[], None],
    ) -> Iterator[list[Completion]]:
        self.calls.append((tuple(requests), condition, first_soon))
        planned = [
            (place, index, written)
            for place, request in enumerate(requests)
            for index in request.indices
            if (written := self.write(request, index)) is not None
        ]
        for step in range(1, max((w.steps for _, _, w in planned), default=0) + 1):
            between_steps()
            done = [
                Completion(place, index, w.text, w.finish_reason, -0.5, w.tokens)
                for place, index, w in planned
                if w.steps == step
            ]
            if done:
                yield done


class FakeKeeper:
    """Hands out one backend and records what was asked for."""

    def __init__(self, backend: FakeBackend) -> None:
        self._backend = backend
        self.asked: list[tuple[Any, str | None]] = []

    def backend(self, choice: Any, *, dtype: str | None = None) -> FakeBackend:
        self.asked.append((choice, dtype))
        return self._backend
