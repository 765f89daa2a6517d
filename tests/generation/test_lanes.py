"""Lanes: side by side, in an order that hangs on them alone, and ended when their reader goes."""

import threading
import time
from collections.abc import Iterator

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.generation.local.backend import side_by_side


def paced(items: list[int], seconds: list[float]) -> Iterator[int]:
    for item, wait in zip(items, seconds, strict=True):
        time.sleep(wait)
        yield item


@settings(deadline=None, max_examples=30)
@given(st.lists(st.lists(st.integers(0, 2), max_size=5), min_size=1, max_size=4))
def test_the_order_is_a_round_over_the_lanes_whatever_their_speed(waits: list[list[int]]) -> None:
    lanes = [
        paced([100 * number + place for place in range(len(own))], [0.002 * wait for wait in own])
        for number, own in enumerate(waits)
    ]
    rounds = [
        100 * number + place
        for place in range(5)
        for number, own in enumerate(waits)
        if place < len(own)
    ]
    assert list(side_by_side(lanes, threads=1)) == rounds


def test_lanes_run_at_the_same_time() -> None:
    met = threading.Barrier(3, timeout=20)

    def lane(number: int) -> Iterator[int]:
        met.wait()  # passed only if all three are there at once
        yield number

    assert list(side_by_side([lane(n) for n in range(3)], threads=1)) == [0, 1, 2]


def test_a_lane_has_its_own_number_of_threads_and_the_reader_keeps_its() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:

        def lane() -> Iterator[int]:
            yield torch.get_num_threads()

        assert list(side_by_side([lane(), lane()], threads=1)) == [1, 1]
        assert torch.get_num_threads() == 2
        later = []
        thread = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
        thread.start()
        thread.join()
        assert later == [2]
    finally:
        torch.set_num_threads(before)


def test_one_lane_runs_in_its_readers_thread() -> None:
    def lane() -> Iterator[int]:
        yield threading.get_ident()

    assert list(side_by_side([lane()], threads=1)) == [threading.get_ident()]


class Broken(Exception):
    pass


def test_what_a_lane_raises_comes_out_after_what_was_ready_and_ends_the_others() -> None:
    ended = threading.Event()

    def endless() -> Iterator[int]:
        number = 0
        try:
            while True:
                yield (number := number + 1)
        finally:
            ended.set()

    def breaking() -> Iterator[int]:
        yield -1
        raise Broken

    seen = []
    before = threading.active_count()
    with pytest.raises(Broken):
        for item in side_by_side([endless(), breaking()], threads=1):
            seen.append(item)
    assert seen == [1, -1, 2]
    assert threading.active_count() == before


def test_a_reader_that_goes_ends_the_lanes() -> None:
    steps = [0, 0]

    def endless(lane: int) -> Iterator[int]:
        while True:
            steps[lane] += 1
            yield lane

    before = threading.active_count()
    running = side_by_side([endless(0), endless(1)], threads=1)
    assert [next(running) for _ in range(3)] == [0, 1, 0]
    running.close()
    assert threading.active_count() == before
    stopped = list(steps)
    time.sleep(0.05)
    assert steps == stopped
