"""Caps and estimates, with sums worked out by hand."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.conditions import Condition
from core.domain.connections import Prices
from core.domain.errors import BadInput, Pausing
from core.domain.runs import RunSpec
from core.domain.serialization import from_json, to_json
from core.domain.spending import (
    SpendingLimit,
    SpendingLimitReached,
    SpendingProgress,
    SpendingTracker,
    Spent,
    Traffic,
    UsageUnknown,
    check_spending_limit,
    estimate_cost,
)
from core.domain.tasks import Label, Task

PRICES = Prices(tokens_in=2.0, tokens_out=10.0, currency="EUR")
TASK = Task("T", "review", (Label("pos", "good"), Label("neg", "bad")))


@pytest.mark.parametrize(
    ("cap", "prices", "usage", "said"),
    [
        (SpendingLimit(money=1), Prices(), "exact", "needs the price"),
        (SpendingLimit(money=1), Prices(tokens_in=1), "exact", "needs the price"),
        (SpendingLimit(money=1), PRICES, "ignored", "does not report"),
        (SpendingLimit(tokens=5), Prices(), "refused", "does not report"),
        (SpendingLimit(tokens=5), Prices(), "unknown", "is not known to report"),
    ],
)
def test_a_cap_that_cant_be_kept_is_refused(
    cap: SpendingLimit, prices: Prices, usage: str, said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        check_spending_limit(cap, prices=prices, usage=usage)


def test_a_cap_that_can_be_kept_is_not() -> None:
    check_spending_limit(SpendingLimit(money=1, tokens=5), prices=PRICES, usage="exact")
    check_spending_limit(SpendingLimit(requests=5), prices=Prices(), usage="unknown")
    check_spending_limit(SpendingLimit(), prices=Prices(), usage="ignored")


@pytest.mark.parametrize(
    "wrong",
    [
        {"money": 0},
        {"money": float("nan")},
        {"money": True},
        {"money": "1"},
        {"tokens": 0},
        {"tokens": 1.5},
        {"requests": True},
    ],
)
def test_nonsense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        SpendingLimit(**wrong)


def test_a_cap_as_json() -> None:
    cap = SpendingLimit(money=0.5, requests=7)
    assert from_json(SpendingLimit, to_json(cap)) == cap
    assert from_json(SpendingLimit, {}) == SpendingLimit()
    assert (cap.on, cap.needs_usage, SpendingLimit().on) == (True, True, False)
    assert not SpendingLimit(requests=1).needs_usage


def test_an_estimate() -> None:
    spec = RunSpec(TASK, Condition(texts_a_request=20), per_label=50, targets=(("neg", 45),))
    # 3 requests for each label; 95 texts of 12 tokens.
    found = estimate_cost(spec, prompt_tokens=100.4, tokens_a_text=12.0, prices=PRICES)
    assert (found.requests, found.tokens_in, found.tokens_out) == (6, 602, 1140)
    assert found.money == pytest.approx((602 * 2 + 1140 * 10) / 1e6)
    single = estimate_cost(spec, prompt_tokens=100, tokens_a_text=12, prices=PRICES, several=False)
    assert (single.requests, single.tokens_in, single.tokens_out) == (95, 9500, 1140)
    unknown = estimate_cost(spec, prompt_tokens=100, tokens_a_text=None, prices=PRICES)
    assert (unknown.tokens_in, unknown.tokens_out, unknown.money) == (600, None, None)
    unpriced = replace(PRICES, tokens_in=None)
    assert estimate_cost(spec, prompt_tokens=1, tokens_a_text=1, prices=unpriced).money is None


def book(
    tracker: SpendingTracker, tokens_in: int | None, tokens_out: int | None, *, most: int = 10
) -> None:
    admitted = tracker.admit(tokens_in=most, tokens_out=most)
    assert admitted is not None
    tracker.settle(admitted, answered=True, tokens_in=tokens_in, tokens_out=tokens_out)


def test_a_cap_of_requests_lets_exactly_so_many_through() -> None:
    tracker = SpendingTracker(SpendingLimit(requests=3), prices=Prices())
    first = tracker.admit(tokens_in=1, tokens_out=1)
    assert first is not None
    assert tracker.admit(tokens_in=1, tokens_out=1) is not None
    # A failed attempt is one, too, and is no answer without numbers.
    tracker.settle(first, answered=False, tokens_in=None, tokens_out=None)
    assert tracker.spent == Spent(requests=1)
    assert tracker.admit(tokens_in=1, tokens_out=1) is not None
    assert tracker.admit(tokens_in=1, tokens_out=1) is None  # two are under way
    for _ in range(2):
        tracker.settle(first, answered=True, tokens_in=5, tokens_out=5)
    with pytest.raises(SpendingLimitReached, match="cap of 3 requests is reached") as caught:
        tracker.admit(tokens_in=1, tokens_out=1)
    assert isinstance(caught.value, Pausing)
    assert "higher cap" in caught.value.remedy


def test_a_cap_of_tokens_holds_back_what_could_go_beyond() -> None:
    tracker = SpendingTracker(SpendingLimit(tokens=100), prices=Prices())
    big = tracker.admit(tokens_in=20, tokens_out=40)
    assert big is not None
    assert tracker.admit(tokens_in=21, tokens_out=20) is None  # 60 + 41
    small = tracker.admit(tokens_in=20, tokens_out=20)  # 60 + 40
    assert small is not None
    tracker.settle(big, answered=True, tokens_in=20, tokens_out=5)
    tracker.settle(small, answered=True, tokens_in=20, tokens_out=5)
    assert tracker.spent == Spent(requests=2, tokens_in=40, tokens_out=10)
    assert tracker.admit(tokens_in=25, tokens_out=25) is not None


def test_a_cap_of_money() -> None:
    # (1000 x 2 + 300 x 10) / 1e6 = 0.005 a request at most; the second would make 0.0095.
    tracker = SpendingTracker(SpendingLimit(money=0.009), prices=PRICES)
    admitted = tracker.admit(tokens_in=1000, tokens_out=300)
    assert admitted is not None
    tracker.settle(admitted, answered=True, tokens_in=1000, tokens_out=250)
    assert tracker.spent.money(PRICES) == pytest.approx(0.0045)
    with pytest.raises(SpendingLimitReached, match=r"cap of 0\.009 EUR"):
        tracker.admit(tokens_in=1000, tokens_out=300)
    assert tracker.admit(tokens_in=1000, tokens_out=200) is not None


@given(
    st.integers(50, 400),
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=60),
    st.integers(1, 4),
)
def test_no_cap_is_ever_exceeded(cap: int, requests: list[tuple[int, int]], at_once: int) -> None:
    tracker = SpendingTracker(SpendingLimit(tokens=cap), prices=Prices())
    under_way = []
    try:
        for used in requests:
            while (admitted := tracker.admit(tokens_in=30, tokens_out=30)) is None or (
                len(under_way) >= at_once
            ):
                if admitted is not None:
                    tracker.settle(admitted, answered=False, tokens_in=None, tokens_out=None)
                one, (tokens_in, tokens_out) = under_way.pop(0)
                tracker.settle(one, answered=True, tokens_in=tokens_in, tokens_out=tokens_out)
            under_way.append((admitted, used))
    except SpendingLimitReached:
        assert tracker.spent.tokens_in + tracker.spent.tokens_out + 60 > cap
    for one, (tokens_in, tokens_out) in under_way:
        tracker.settle(one, answered=True, tokens_in=tokens_in, tokens_out=tokens_out)
    assert tracker.spent.tokens_in + tracker.spent.tokens_out <= cap


def test_it_stops_when_the_server_stops_reporting() -> None:
    tracker = SpendingTracker(SpendingLimit(tokens=1000), prices=Prices())
    book(tracker, 5, 5)
    book(tracker, 5, None)
    with pytest.raises(UsageUnknown, match="stopped reporting") as caught:
        tracker.admit(tokens_in=1, tokens_out=1)
    assert isinstance(caught.value, Pausing)
    # A cap on requests alone needs no numbers.
    alone = SpendingTracker(SpendingLimit(requests=5), prices=Prices(), spent=tracker.spent)
    assert alone.admit(tokens_in=1, tokens_out=1) is not None


def test_a_resumed_run_counts_what_was_spent_before() -> None:
    tracker = SpendingTracker(
        SpendingLimit(requests=3), prices=Prices(), spent=Spent(requests=3, tokens_in=9)
    )
    with pytest.raises(SpendingLimitReached):
        tracker.admit(tokens_in=1, tokens_out=1)


def test_what_is_in_flight_is_known() -> None:
    tracker = SpendingTracker(SpendingLimit(), prices=Prices())
    first, second = (tracker.admit(tokens_in=1, tokens_out=1) for _ in range(2))
    assert first is not None
    assert second is not None
    tracker.retrying += 1
    assert tracker.traffic == Traffic(in_flight=2, retrying=1)
    tracker.settle(first, answered=False, tokens_in=None, tokens_out=None)
    assert tracker.progress(written=0, target=1).traffic == Traffic(in_flight=1, retrying=1)


def test_progress_projects_to_the_target_and_leaves_the_unknown_unknown() -> None:
    tracker = SpendingTracker(SpendingLimit(money=1.0), prices=PRICES)
    assert tracker.progress(written=0, target=40).projected_tokens is None
    book(tracker, 1000, 500)
    progress = tracker.progress(written=10, target=40)
    assert to_json(progress) == {
        "requests": 1,
        "tokens_in": 1000,
        "tokens_out": 500,
        "money": pytest.approx(0.007),
        "currency": "EUR",
        "projected_tokens": 6000,
        "projected_money": pytest.approx(0.028),
        "cap": {"money": 1.0, "tokens": None, "requests": None},
        "traffic": {"in_flight": 0, "retrying": 0},
    }
    assert from_json(SpendingProgress, to_json(progress)) == progress
    assert tracker.progress(written=50, target=40).projected_tokens == 1500
    free = SpendingTracker(SpendingLimit(), prices=Prices())
    book(free, 10, None)
    data = to_json(free.progress(written=1, target=2))
    assert (data["tokens_in"], data["tokens_out"], data["money"]) == (None, None, None)
    assert (data["projected_tokens"], data["projected_money"], data["cap"]) == (None, None, None)
    assert data["requests"] == 1
