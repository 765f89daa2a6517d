"""Line: the way to one model on one server, and what goes along it."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from core.generation.served.capabilities import Capabilities
from core.generation.served.client import Client
from core.generation.served.manner import Manner
from core.generation.served.pace import Pace


@dataclass(frozen=True, slots=True)
class Unit:
    """What one HTTP request asks for.

    Args:
        request: position of the request it serves.
        indices: which of its texts.
    """

    request: int
    indices: tuple[int, ...]


class Purse(Protocol):
    """Keeps a cap; `core.ledger.Ledger` is the real one.

    Attributes:
        retrying: requests that wait to be sent again; kept by whoever sends them.
    """

    retrying: int

    @property
    def needs_usage(self) -> bool:
        """Whether the cap can be kept only while the server reports tokens."""
        ...

    def admit(self, *, tokens_in: int, tokens_out: int) -> Any:
        """Let a request through that takes at most so many tokens; None while it has to wait.

        Raises:
            WidesetError: the cap is reached.
        """
        ...

    def settle(
        self, admitted: Any, *, answered: bool, tokens_in: int | None, tokens_out: int | None
    ) -> None:
        """Book a request that was admitted."""
        ...


@dataclass(kw_only=True)
class Line:
    """The way to one model on one server.

    Args:
        client: sends.
        model: the server's name for it.
        capabilities: what it can do.
        pace: how many requests are under way at once.
        manner: how they are sent.
        rng: draws the jitter of waits.
        lost_in_a_row: requests given up since the last one that was answered.
    """

    client: Client
    model: str
    capabilities: Capabilities
    pace: Pace
    manner: Manner
    rng: np.random.Generator
    lost_in_a_row: int = 0
