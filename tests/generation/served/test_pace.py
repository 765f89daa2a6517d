"""Pace: one more after as many successes as are allowed, half after a 429, nobody forgotten."""

import asyncio

import pytest

from core.generation.served.pace import Pace


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_additive_increase_up_to_the_most() -> None:
    pace = Pace(5)
    assert pace.limit == 4
    for _ in range(4):
        pace.succeeded()
    assert 4.9 < pace.limit <= 5
    for _ in range(9):
        pace.succeeded()
    assert pace.limit == 5
    assert Pace(2).limit == 2


def test_halved_once_for_requests_that_were_under_way_together() -> None:
    clock = Clock()
    pace = Pace(64, clock=clock)
    pace.limit = 40.0
    clock.now = 10.0
    for begun in (8.0, 9.0, 10.0):
        pace.slower(begun)
    assert pace.limit == 20
    clock.now = 12.0
    pace.slower(11.0)
    assert pace.limit == 10
    for second in range(13, 30):
        clock.now = float(second + 1)
        pace.slower(second + 0.5)
    assert pace.limit == 1  # never none


@pytest.mark.parametrize("cancelled", [False, True])
def test_no_more_than_the_limit_and_all_get_their_turn(cancelled: bool) -> None:
    pace = Pace(3)
    most, served = 0, []

    async def one(number: int) -> None:
        nonlocal most
        await pace.enter()
        try:
            most = max(most, pace.under_way)
            await asyncio.sleep(0.001)
            served.append(number)
        finally:
            pace.leave()

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
    assert pace.under_way == 0


def test_a_wait_that_was_asked_for_holds_all() -> None:
    clock = Clock()
    pace = Pace(3, clock=clock, sleep=clock.sleep)
    pace.slower(0.0, wait=5.0)

    async def main() -> list[float]:
        return [await pace.enter() for _ in range(1)]

    assert asyncio.run(main()) == [5.0]
