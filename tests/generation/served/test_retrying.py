"""Retries: waits worked out by hand, with and without what the server asks for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.generation.served.failures import Fault, Kind
from core.generation.served.retrying import Next, Retrying, after


def fault(kind: Kind = "server_error", **more: object) -> Fault:
    return Fault(kind=kind, what="w", remedy="r", **more)  # type: ignore[arg-type]


class Halfway:
    """Draws one half, always."""

    def random(self) -> float:
        return 0.5


def step(found: Fault, attempt: int, **rules: float) -> Next:
    return after(found, attempt, retrying=Retrying(**rules), rng=Halfway())  # type: ignore[arg-type]


def test_waits_grow_up_to_the_cap() -> None:
    rules = {"attempts": 9, "first": 1, "growth": 2, "longest": 5}
    waits = [step(fault(), attempt, **rules).seconds for attempt in range(1, 6)]
    assert waits == [0.75, 1.5, 3.0, 3.75, 3.75]
    limited = fault("too_many_requests")
    waits = [step(limited, attempt, **rules).seconds for attempt in range(1, 5)]
    assert waits == [1.5, 3.0, 3.75, 3.75]


def test_the_second_try_comes_soon_and_the_last_outlives_a_restart() -> None:
    waits = [step(fault(), attempt).seconds for attempt in range(1, 6)]
    assert waits == pytest.approx([0.075, 0.3, 1.2, 4.8, 19.2])
    limited = fault("too_many_requests", spent="pause")
    waits = [step(limited, attempt).seconds for attempt in range(1, 6)]
    assert waits == pytest.approx([0.3, 1.2, 4.8, 19.2, 22.5])
    assert step(limited, 6) == Next("pause")


def test_a_huge_number_of_tries_overflows_nothing() -> None:
    assert step(fault(), 5_000, attempts=10_000).seconds == 22.5


def test_what_the_server_asks_is_never_cut() -> None:
    assert step(fault(wait=2.0), 1) == Next("retry", 2.0 + 0.1 * 0.075)
    assert step(fault(wait=60.0), 1).step == "retry"
    assert step(fault(wait=60.1), 1) == Next("pause")


@pytest.mark.parametrize(
    ("found", "tries", "end"),
    [
        (fault(spent="pause"), 6, "pause"),
        (fault("connection_lost"), 6, "lose"),
        (fault("deadline"), 2, "lose"),
        (fault("too_long"), 1, "lose"),
        (fault("quota", then="stop"), 1, "stop"),
    ],
    ids=lambda value: getattr(value, "kind", value),
)
def test_it_ends(found: Fault, tries: int, end: str) -> None:
    steps = [step(found, attempt).step for attempt in range(1, tries + 1)]
    assert steps == ["retry"] * (tries - 1) + [end]


@given(st.integers(1, 100), st.integers(0, 2**32))
def test_jitter_stays_between_half_and_all(attempt: int, seed: int) -> None:
    rules = Retrying(attempts=101)
    found = after(fault(), attempt, retrying=rules, rng=np.random.default_rng(seed))
    full = min(30.0, 0.1 * 4.0 ** (attempt - 1))
    assert full / 2 <= found.seconds <= full
