"""Retries: waits worked out by hand, with and without what the server asks for."""

import asyncio

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.generation.servers.errors import ErrorKind, ServerError
from core.generation.servers.retries import (
    ConcurrencyLimiter,
    RetryDecision,
    RetryPolicy,
    decide_retry,
)


def server_error(kind: ErrorKind = "server_error", **more: object) -> ServerError:
    return ServerError(kind=kind, what="w", remedy="r", **more)  # type: ignore[arg-type]


class Halfway:
    """Draws one half, always."""

    def random(self) -> float:
        return 0.5


def step(error: ServerError, attempt: int, **rules: float) -> RetryDecision:
    return decide_retry(error, attempt, policy=RetryPolicy(**rules), rng=Halfway())  # type: ignore[arg-type]


def test_waits_grow_up_to_the_cap() -> None:
    rules = {"attempts": 9, "first": 1, "growth": 2, "longest": 5}
    waits = [step(server_error(), attempt, **rules).seconds for attempt in range(1, 6)]
    assert waits == [0.75, 1.5, 3.0, 3.75, 3.75]
    limited = server_error("too_many_requests")
    waits = [step(limited, attempt, **rules).seconds for attempt in range(1, 5)]
    assert waits == [1.5, 3.0, 3.75, 3.75]


def test_the_second_try_comes_soon_and_the_last_outlives_a_restart() -> None:
    waits = [step(server_error(), attempt).seconds for attempt in range(1, 6)]
    assert waits == pytest.approx([0.075, 0.3, 1.2, 4.8, 19.2])
    limited = server_error("too_many_requests", exhausted="pause")
    waits = [step(limited, attempt).seconds for attempt in range(1, 6)]
    assert waits == pytest.approx([0.3, 1.2, 4.8, 19.2, 22.5])
    assert step(limited, 6) == RetryDecision("pause")


def test_a_huge_number_of_tries_overflows_nothing() -> None:
    assert step(server_error(), 5_000, attempts=10_000).seconds == 22.5


def test_what_the_server_asks_is_never_cut() -> None:
    assert step(server_error(retry_after=2.0), 1) == RetryDecision("retry", 2.0 + 0.1 * 0.075)
    assert step(server_error(retry_after=60.0), 1).step == "retry"
    assert step(server_error(retry_after=60.1), 1) == RetryDecision("pause")


@pytest.mark.parametrize(
    ("error", "tries", "end"),
    [
        (server_error(exhausted="pause"), 6, "pause"),
        (server_error("connection_lost"), 6, "lose"),
        (server_error("deadline"), 2, "lose"),
        (server_error("too_long"), 1, "lose"),
        (server_error("quota", retryable=False), 1, "stop"),
    ],
    ids=lambda value: getattr(value, "kind", value),
)
def test_it_ends(error: ServerError, tries: int, end: str) -> None:
    steps = [step(error, attempt).step for attempt in range(1, tries + 1)]
    assert steps == ["retry"] * (tries - 1) + [end]


@given(st.integers(1, 100), st.integers(0, 2**32))
def test_jitter_stays_between_half_and_all(attempt: int, seed: int) -> None:
    rules = RetryPolicy(attempts=101)
    found = decide_retry(server_error(), attempt, policy=rules, rng=np.random.default_rng(seed))
    full = min(30.0, 0.1 * 4.0 ** (attempt - 1))
    assert full / 2 <= found.seconds <= full


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_additive_increase_up_to_the_most() -> None:
    limiter = ConcurrencyLimiter(5)
    assert limiter.limit == 4
    for _ in range(4):
        limiter.succeeded()
    assert 4.9 < limiter.limit <= 5
    for _ in range(9):
        limiter.succeeded()
    assert limiter.limit == 5
    assert ConcurrencyLimiter(2).limit == 2


def test_halved_once_for_requests_that_were_under_way_together() -> None:
    clock = Clock()
    limiter = ConcurrencyLimiter(64, clock=clock)
    limiter.limit = 40.0
    clock.now = 10.0
    for begun in (8.0, 9.0, 10.0):
        limiter.back_off(begun)
    assert limiter.limit == 20
    clock.now = 12.0
    limiter.back_off(11.0)
    assert limiter.limit == 10
    for second in range(13, 30):
        clock.now = float(second + 1)
        limiter.back_off(second + 0.5)
    assert limiter.limit == 1  # never none


@pytest.mark.parametrize("cancelled", [False, True])
def test_no_more_than_the_limit_and_all_get_their_turn(cancelled: bool) -> None:
    limiter = ConcurrencyLimiter(3)
    most, served = 0, []

    async def one(number: int) -> None:
        nonlocal most
        await limiter.acquire()
        try:
            most = max(most, limiter.in_flight)
            await asyncio.sleep(0.001)
            served.append(number)
        finally:
            limiter.release()

    async def main() -> None:
        tasks = [asyncio.create_task(one(number)) for number in range(20)]
        await asyncio.sleep(0)
        if cancelled:
            for task in tasks[3:10]:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(main())
    assert most == 3
    assert served == [0, 1, 2, *(range(10, 20) if cancelled else range(3, 20))]
    assert limiter.in_flight == 0


def test_a_wait_that_was_asked_for_holds_all() -> None:
    clock = Clock()
    limiter = ConcurrencyLimiter(3, clock=clock, sleep=clock.sleep)
    limiter.back_off(0.0, wait=5.0)

    async def main() -> list[float]:
        return [await limiter.acquire() for _ in range(1)]

    assert asyncio.run(main()) == [5.0]
