"""Attempt: one request as it was sent, whatever became of it."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One request to a server.

    Args:
        cycle: of the iteration it serves, from 1; None for a request outside of a run.
        label_index: the label it asks texts for, in task order; None outside of a run.
        texts_asked: how many texts it asks for.
        texts_returned: how many came back.
        attempt: which try of the same request it is, from 1.
        status: HTTP's; None where no answer came.
        outcome: `ok`, `cancelled`, or the kind of fault (`failures.Kind`).
        message: what went wrong, redacted; empty for `ok`.
        seconds: from sending it to the end of its answer.
        tokens_in: of the prompt, as the server reported; None is unknown.
        tokens_out: generated, as the server reported; None is unknown.
    """

    cycle: int | None
    label_index: int | None
    texts_asked: int
    texts_returned: int
    attempt: int
    status: int | None
    outcome: str
    message: str
    seconds: float
    tokens_in: int | None = None
    tokens_out: int | None = None


Record = Callable[[Attempt], None]


def record_nothing(attempt: Attempt) -> None:
    """Forget an attempt."""
