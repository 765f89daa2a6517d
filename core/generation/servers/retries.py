"""When and how requests are sent: retries, concurrency, deadlines.

Retries are exponential, with jitter, and heed Retry-After. Most errors are over at once, so the
second try comes soon; the last ones come late enough to outlive a server's restart, and after a 429
the minute that limits on requests are mostly for.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from core.generation.servers.errors import ErrorKind, ServerError
from core.generation.servers.http_client import DEADLINE

if TYPE_CHECKING:
    import httpx2


# A second wait of minutes, or a second answer of megabytes, is seldom worth its price.
_FEWER: dict[ErrorKind, int] = {"deadline": 2, "too_long": 1, "web_page": 3, "bad_json": 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How a request is tried again.

    Args:
        attempts: tries in all.
        first: seconds before the second try, before jitter; after a 429 the wait that would have
            come next.
        growth: each wait is so many times the one before.
        longest: cap of a wait of ours, in seconds.
        longest_asked: longest wait that a server may ask for; a longer one pauses the run.
    """

    attempts: int = 6
    first: float = 0.1
    growth: float = 4.0
    longest: float = 30.0
    longest_asked: float = 60.0


@dataclass(frozen=True, slots=True)
class RetryDecision:
    """What comes after an error: `retry` in so many seconds, `lose` the request, `pause` or `stop`
    the run."""

    step: Literal["retry", "lose", "pause", "stop"]
    seconds: float = 0.0


def decide_retry(
    error: ServerError, attempt: int, *, policy: RetryPolicy, rng: np.random.Generator
) -> RetryDecision:
    """What comes after an error.

    Args:
        error: of this attempt.
        attempt: which it was, from 1.
        policy: the rules.
        rng: draws the jitter: half to all of the exponential wait, so that requests that failed
            together don't come back together. A wait that the server asked for is never cut.
    """
    if not error.retryable:
        return RetryDecision("stop")
    if error.retry_after is not None and error.retry_after > policy.longest_asked:
        return RetryDecision("pause")
    if attempt >= min(policy.attempts, _FEWER.get(error.kind, policy.attempts)):
        return RetryDecision(error.exhausted)
    steps = attempt if error.kind == "too_many_requests" else attempt - 1
    wait = min(policy.longest, policy.first * policy.growth ** min(steps, 60))
    wait *= 0.5 + 0.5 * float(rng.random())
    asked = error.retry_after
    return RetryDecision("retry", wait if asked is None else asked + 0.1 * wait)


def format_wait(seconds: float) -> str:
    """A wait in words: `300 s`, and from two hours on `5.0 hours` or `11.6 days`."""
    hours = seconds / 3600
    if hours < 2:
        return f"{seconds:.0f} s"
    return f"{hours:.1f} hours" if hours < 48 else f"{hours / 24:,.1f} days"


START = 4.0
"""Requests at once in the beginning."""


class ConcurrencyLimiter:
    """How many requests are in flight at once on one server and model; used by one thread.

    Additive increase, multiplicative decrease (Chiu and Jain 1989): one more after as many
    successes as are allowed at once, half as many after a 429. A wait that the server asks for
    holds all of them.

    Args:
        maximum: never more than so many at once, at least 1.
        clock: monotonic seconds.
        sleep: waits so many seconds.
    """

    def __init__(
        self,
        maximum: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.maximum = maximum
        self.limit = min(START, float(maximum))
        self.in_flight = 0
        self._clock = clock
        self._sleep = sleep
        self._held_until = 0.0
        self._halved_at = float("-inf")
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def acquire(self) -> float:
        """Wait for a turn; the time at which it begins. `release` must follow."""
        if self.in_flight < int(self.limit):
            self.in_flight += 1
        else:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self.release()  # its turn had come already
                raise
        try:
            while (held := self._held_until - self._clock()) > 0:
                await self._sleep(held)
        except BaseException:
            self.release()
            raise
        return self._clock()

    def release(self) -> None:
        """A request has ended."""
        self.in_flight -= 1
        self._wake()

    def succeeded(self) -> None:
        """A request was answered: a little more is allowed."""
        self.limit = min(float(self.maximum), self.limit + 1.0 / self.limit)
        self._wake()

    def back_off(self, begun: float, *, wait: float | None = None) -> None:
        """The server asked for fewer requests.

        Args:
            begun: when the request began that was turned down; those that were in flight together
                halve the limit once.
            wait: seconds that it asked to wait.
        """
        if begun > self._halved_at:
            self.limit = max(1.0, self.limit / 2.0)
            self._halved_at = self._clock()
        if wait is not None:
            self._held_until = max(self._held_until, self._clock() + wait)

    def _wake(self) -> None:
        while self.in_flight < int(self.limit) and self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                self.in_flight += 1  # in its name, so that no other takes the place
                turn.set_result(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestPolicy:
    """How requests are sent; a test hands in its own.

    Args:
        deadline: seconds for a request with its whole answer.
        retries: the rules for trying again.
        streaming: requests for one text are read piece by piece, and what came before a break is
            kept.
        transport: carries requests; None opens connections.
        clock: monotonic seconds.
        sleep: waits so many seconds.
        rng: draws the jitter of waits.
    """

    deadline: float = DEADLINE
    retries: RetryPolicy = field(default_factory=RetryPolicy)
    streaming: bool = False
    transport: "httpx2.AsyncBaseTransport | None" = None
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    rng: np.random.Generator = field(default_factory=np.random.default_rng)
