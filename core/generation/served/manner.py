"""Manner: how requests are sent, whatever they ask for."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.generation.served.client import DEADLINE
from core.generation.served.retrying import Retrying

if TYPE_CHECKING:
    import httpx2


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How requests are sent; a test hands in its own.

    Args:
        deadline: seconds for a request with its whole answer.
        retrying: the rules for trying again.
        streaming: requests for one text are read piece by piece, and what came before a break is
            kept.
        transport: carries requests; None opens connections.
        clock: seconds that only grow.
        sleep: waits so many seconds.
    """

    deadline: float = DEADLINE
    retrying: Retrying = field(default_factory=Retrying)
    streaming: bool = False
    transport: "httpx2.AsyncBaseTransport | None" = None
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
