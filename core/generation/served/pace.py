"""Pace: how many requests are under way at once on one server and model.

Additive increase, multiplicative decrease (Chiu and Jain 1989): one more after as many successes as
are allowed at once, half as many after a 429. A wait that the server asks for holds all of them.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable

START = 4.0


class Pace:
    """Lets requests go; used by one thread.

    Args:
        most: never more than so many at once, at least 1.
        clock: seconds that only grow.
        sleep: waits so many seconds.
    """

    def __init__(
        self,
        most: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.most = most
        self.limit = min(START, float(most))
        self.under_way = 0
        self._clock = clock
        self._sleep = sleep
        self._held_until = 0.0
        self._halved_at = float("-inf")
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def enter(self) -> float:
        """Wait for a turn; the time at which it began. `leave` must follow."""
        if self.under_way < int(self.limit):
            self.under_way += 1
        else:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self.leave()  # its turn had come already
                raise
        try:
            while (held := self._held_until - self._clock()) > 0:
                await self._sleep(held)
        except BaseException:
            self.leave()
            raise
        return self._clock()

    def leave(self) -> None:
        """A request that entered has ended."""
        self.under_way -= 1
        self._wake()

    def succeeded(self) -> None:
        """A request was answered: a little more is allowed."""
        self.limit = min(float(self.most), self.limit + 1.0 / self.limit)
        self._wake()

    def slower(self, begun: float, *, wait: float | None = None) -> None:
        """The server asked for fewer requests.

        Args:
            begun: when the request began that it said so to; those that were under way together
                halve the pace once.
            wait: seconds that it asked to wait.
        """
        if begun > self._halved_at:
            self.limit = max(1.0, self.limit / 2.0)
            self._halved_at = self._clock()
        if wait is not None:
            self._held_until = max(self._held_until, self._clock() + wait)

    def _wake(self) -> None:
        while self.under_way < int(self.limit) and self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                self.under_way += 1  # in its name, so that no other takes the place
                turn.set_result(None)
