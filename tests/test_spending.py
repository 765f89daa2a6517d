"""Caps and estimates, with sums worked out by hand."""

from dataclasses import replace

import pytest

from core.conditions import Condition
from core.connections import Prices
from core.errors import BadInput
from core.runs import RunSpec
from core.spending import Cap, cap_from_dict, check_cap, estimate
from core.tasks import Label, Task

PRICES = Prices(tokens_in=2.0, tokens_out=10.0, currency="EUR")
TASK = Task("T", "review", (Label("pos", "good"), Label("neg", "bad")))


@pytest.mark.parametrize(
    ("cap", "prices", "usage", "said"),
    [
        (Cap(money=1), Prices(), "exact", "needs the price"),
        (Cap(money=1), Prices(tokens_in=1), "exact", "needs the price"),
        (Cap(money=1), PRICES, "ignored", "does not report"),
        (Cap(tokens=5), Prices(), "refused", "does not report"),
        (Cap(tokens=5), Prices(), "unknown", "is not known to report"),
    ],
)
def test_a_cap_that_cant_be_kept_is_refused(
    cap: Cap, prices: Prices, usage: str, said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        check_cap(cap, prices=prices, usage=usage)


def test_a_cap_that_can_be_kept_is_not() -> None:
    check_cap(Cap(money=1, tokens=5), prices=PRICES, usage="exact")
    check_cap(Cap(requests=5), prices=Prices(), usage="unknown")
    check_cap(Cap(), prices=Prices(), usage="ignored")


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
        {"euros": 1},
    ],
)
def test_nonsense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        cap_from_dict(wrong)


def test_a_cap_as_json() -> None:
    cap = Cap(money=0.5, requests=7)
    assert cap_from_dict(cap.to_dict()) == cap
    assert cap_from_dict(None) == cap_from_dict({}) == Cap()
    assert (cap.on, cap.needs_usage, Cap().on) == (True, True, False)
    assert not Cap(requests=1).needs_usage


def test_an_estimate() -> None:
    spec = RunSpec(TASK, Condition(texts_a_request=20), per_label=50, targets=(("neg", 45),))
    # 3 requests for each label; 95 texts of 12 tokens.
    found = estimate(spec, prompt_tokens=100.4, tokens_a_text=12.0, prices=PRICES)
    assert (found.requests, found.tokens_in, found.tokens_out) == (6, 602, 1140)
    assert found.money == pytest.approx((602 * 2 + 1140 * 10) / 1e6)
    single = estimate(spec, prompt_tokens=100, tokens_a_text=12, prices=PRICES, several=False)
    assert (single.requests, single.tokens_in, single.tokens_out) == (95, 9500, 1140)
    unknown = estimate(spec, prompt_tokens=100, tokens_a_text=None, prices=PRICES)
    assert (unknown.tokens_in, unknown.tokens_out, unknown.money) == (600, None, None)
    unpriced = replace(PRICES, tokens_in=None)
    assert estimate(spec, prompt_tokens=1, tokens_a_text=1, prices=unpriced).money is None
