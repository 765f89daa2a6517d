"""Ledgers: no cap is exceeded, and what is told rests on what was reported; sums by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.connections import Prices
from core.errors import Pausing
from core.ledger import CapReached, Ledger, UsageUnknown
from core.spending import Cap, Spent

PRICES = Prices(tokens_in=2.0, tokens_out=10.0, currency="EUR")


def book(ledger: Ledger, tokens_in: int | None, tokens_out: int | None, *, most: int = 10) -> None:
    admitted = ledger.admit(tokens_in=most, tokens_out=most)
    assert admitted is not None
    ledger.settle(admitted, answered=True, tokens_in=tokens_in, tokens_out=tokens_out)


def test_a_cap_of_requests_lets_exactly_so_many_through() -> None:
    ledger = Ledger(Cap(requests=3), prices=Prices())
    first = ledger.admit(tokens_in=1, tokens_out=1)
    assert first is not None
    assert ledger.admit(tokens_in=1, tokens_out=1) is not None
    # A failed attempt is one, too, and is no answer without numbers.
    ledger.settle(first, answered=False, tokens_in=None, tokens_out=None)
    assert ledger.spent == Spent(requests=1)
    assert ledger.admit(tokens_in=1, tokens_out=1) is not None
    assert ledger.admit(tokens_in=1, tokens_out=1) is None  # two are under way
    for _ in range(2):
        ledger.settle(first, answered=True, tokens_in=5, tokens_out=5)
    with pytest.raises(CapReached, match="cap of 3 requests is reached") as caught:
        ledger.admit(tokens_in=1, tokens_out=1)
    assert isinstance(caught.value, Pausing)
    assert "higher cap" in caught.value.remedy


def test_a_cap_of_tokens_holds_back_what_could_go_beyond() -> None:
    ledger = Ledger(Cap(tokens=100), prices=Prices())
    big = ledger.admit(tokens_in=20, tokens_out=40)
    assert big is not None
    assert ledger.admit(tokens_in=21, tokens_out=20) is None  # 60 + 41
    small = ledger.admit(tokens_in=20, tokens_out=20)  # 60 + 40
    assert small is not None
    ledger.settle(big, answered=True, tokens_in=20, tokens_out=5)
    ledger.settle(small, answered=True, tokens_in=20, tokens_out=5)
    assert ledger.spent == Spent(requests=2, tokens_in=40, tokens_out=10)
    assert ledger.admit(tokens_in=25, tokens_out=25) is not None


def test_a_cap_of_money() -> None:
    # (1000 x 2 + 300 x 10) / 1e6 = 0.005 a request at most; the second would make 0.0095.
    ledger = Ledger(Cap(money=0.009), prices=PRICES)
    admitted = ledger.admit(tokens_in=1000, tokens_out=300)
    assert admitted is not None
    ledger.settle(admitted, answered=True, tokens_in=1000, tokens_out=250)
    assert ledger.spent.money(PRICES) == pytest.approx(0.0045)
    with pytest.raises(CapReached, match=r"cap of 0\.009 EUR"):
        ledger.admit(tokens_in=1000, tokens_out=300)
    assert ledger.admit(tokens_in=1000, tokens_out=200) is not None


@given(
    st.integers(50, 400),
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=60),
    st.integers(1, 4),
)
def test_no_cap_is_ever_exceeded(cap: int, requests: list[tuple[int, int]], at_once: int) -> None:
    ledger = Ledger(Cap(tokens=cap), prices=Prices())
    under_way = []
    try:
        for used in requests:
            while (admitted := ledger.admit(tokens_in=30, tokens_out=30)) is None or (
                len(under_way) >= at_once
            ):
                if admitted is not None:
                    ledger.settle(admitted, answered=False, tokens_in=None, tokens_out=None)
                one, (tokens_in, tokens_out) = under_way.pop(0)
                ledger.settle(one, answered=True, tokens_in=tokens_in, tokens_out=tokens_out)
            under_way.append((admitted, used))
    except CapReached:
        assert ledger.spent.tokens_in + ledger.spent.tokens_out + 60 > cap
    for one, (tokens_in, tokens_out) in under_way:
        ledger.settle(one, answered=True, tokens_in=tokens_in, tokens_out=tokens_out)
    assert ledger.spent.tokens_in + ledger.spent.tokens_out <= cap


def test_it_stops_when_the_server_stops_reporting() -> None:
    ledger = Ledger(Cap(tokens=1000), prices=Prices())
    book(ledger, 5, 5)
    book(ledger, 5, None)
    with pytest.raises(UsageUnknown, match="stopped reporting") as caught:
        ledger.admit(tokens_in=1, tokens_out=1)
    assert isinstance(caught.value, Pausing)
    # A cap on requests alone needs no numbers.
    alone = Ledger(Cap(requests=5), prices=Prices(), spent=ledger.spent)
    assert alone.admit(tokens_in=1, tokens_out=1) is not None


def test_a_resumed_run_counts_what_was_spent_before() -> None:
    ledger = Ledger(Cap(requests=3), prices=Prices(), spent=Spent(requests=3, tokens_in=9))
    with pytest.raises(CapReached):
        ledger.admit(tokens_in=1, tokens_out=1)


def test_what_is_in_flight_is_known() -> None:
    ledger = Ledger(Cap(), prices=Prices())
    first, second = (ledger.admit(tokens_in=1, tokens_out=1) for _ in range(2))
    assert first is not None
    assert second is not None
    ledger.retrying += 1
    assert ledger.traffic == {"in_flight": 2, "retrying": 1}
    ledger.settle(first, answered=False, tokens_in=None, tokens_out=None)
    told = ledger.progress(written=0, target=1)
    assert told["traffic"] == {"in_flight": 1, "retrying": 1}


def test_progress_projects_to_the_target_and_leaves_the_unknown_unknown() -> None:
    ledger = Ledger(Cap(money=1.0), prices=PRICES)
    assert ledger.progress(written=0, target=40)["projected_tokens"] is None
    book(ledger, 1000, 500)
    assert ledger.progress(written=10, target=40) == {
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
    assert ledger.progress(written=50, target=40)["projected_tokens"] == 1500
    free = Ledger(Cap(), prices=Prices())
    book(free, 10, None)
    told = free.progress(written=1, target=2)
    assert (told["tokens_in"], told["tokens_out"], told["money"]) == (None, None, None)
    assert (told["projected_tokens"], told["projected_money"], told["cap"]) == (None, None, None)
    assert told["requests"] == 1
