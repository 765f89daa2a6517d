"""The interface between the loop and a language model, and what passes through it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from core.domain.conditions import Condition
from core.domain.errors import BackendFailed
from core.domain.runs import ModelMetadata
from core.generation.prompts import Prompt
from core.models.pretrained import timed_mark


@dataclass(frozen=True, slots=True)
class Request:
    """One iteration: texts of one label under one prompt.

    Args:
        prompt: what is sent.
        indices: which texts of the iteration are wanted, each with its own random stream.
        biases: (token id, logit bias) added before the temperature.
        entropy: whole numbers that, with a text's index, seed its random stream.
    """

    prompt: Prompt
    indices: tuple[int, ...]
    biases: tuple[tuple[int, float], ...]
    entropy: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Completion:
    """One finished text.

    Args:
        request: position of its request in the list given to `complete`.
        index: which of the request's texts it is.
        text: what was written before the closing quote, outer white space removed.
        finish_reason: one of `core.domain.registries.finish_reasons`, or a server's own.
        fluency: mean natural log-probability per token under the unmodified model; None if unknown.
        token_ids: the tokens drawn, without closing and end tokens.
        stripped: what was taken off around the text, see `core.generation.servers.wrappings`.
    """

    request: int
    index: int
    text: str
    finish_reason: str
    fluency: float | None
    token_ids: tuple[int, ...]
    stripped: tuple[str, ...] = ()


class Backend(Protocol):
    """A language model that writes texts under a condition."""

    @property
    def metadata(self) -> ModelMetadata:
        """What was resolved when it was opened."""
        ...

    @property
    def repeatable(self) -> bool:
        """Whether a repeated request gives the same texts, each by its own random stream; where it
        does not, only missing texts are requested."""
        ...

    @property
    def exempt_tokens(self) -> frozenset[int]:
        """Closing and end tokens, never suppressed."""
        ...

    def token_text(self, token: int) -> str:
        """How a token reads."""
        ...

    def complete(
        self,
        requests: Sequence[Request],
        condition: Condition,
        *,
        first_soon: bool,
        between_steps: Callable[[], None],
    ) -> Iterator[list[Completion]]:
        """Write the texts of all requests, each handed on as soon as it is finished.

        Args:
            requests: the iterations to write together.
            condition: the knobs, the same for all.
            first_soon: somebody waits for the very first text; it may cost a little speed.
            between_steps: called between two steps of the model; what it raises ends the call.

        Yields:
            The texts that one step finished, at least one.

        Raises:
            BackendFailed: the model failed.
        """
        ...


# A run whose model differs in one of these can't go on as the same dataset.
_IDENTITY = ("model", "fingerprint", "device", "dtype", "linear", "engine", "forward", "tokenizer")


def check_identity(before: ModelMetadata | None, now: ModelMetadata) -> None:
    """Check that a run can go on as the same dataset.

    Args:
        before: of the model when the run began; None for one that has not.
        now: of the model that is open.

    Raises:
        BackendFailed: they differ in what decides the texts.
    """
    for name in _IDENTITY if before is not None else ():
        stored, found = getattr(before, name), getattr(now, name)
        if stored != found and not (name == "fingerprint" and _is_earlier_mark(stored, now)):
            raise BackendFailed(
                f"The model's {name} was '{stored}' when this run began and is '{found}' now, so"
                " it can't go on as the same dataset.",
                "Start a new run with the same settings.",
            )


def _is_earlier_mark(stored: str | None, now: ModelMetadata) -> bool:
    """Whether a run of an earlier version, which marked files by their times, had the same ones."""
    return (
        now.backend == "local" and "@" in (stored or "") and stored == timed_mark(now.model or "")
    )
