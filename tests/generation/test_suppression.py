"""Logit suppression: the paper's formula by hand, and what holds for every tally."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.conditions import Suppression
from core.generation.suppression import SuppressedToken, Tally, suppressed_tokens

PAPER = Suppression(strength=7.5)


def tally_of(counts: dict[int, int], *, exempt: tuple[int, ...] = ()) -> Tally:
    tally = Tally(exempt)
    for token, count in counts.items():
        tally.add([token] * count)
    return tally


def test_the_papers_own_numbers() -> None:
    # 1,000 tokens: 1.2 % and exactly 1 % get the full bias, 0.4 % gets -3, 0.1 % gets -0.75.
    counts = {50: 12, 51: 10, 52: 4, 53: 1}
    rest = {100 + n: 1 for n in range(973)}
    found = suppressed_tokens(tally_of(counts | rest), PAPER)
    assert [(row.token, row.count) for row in found[:4]] == [(50, 12), (51, 10), (52, 4), (53, 1)]
    assert [row.share for row in found[:4]] == pytest.approx([0.012, 0.01, 0.004, 0.001])
    assert [row.bias for row in found[:4]] == pytest.approx([-7.5, -7.5, -3.0, -0.75])
    assert len(found) == 100


def test_a_floor_of_its_own_cuts_elsewhere() -> None:
    counts = {1: 60, 2: 25, 3: 15}  # 60, 25 and 15 %: -6, -2.5, -1.5 at strength 0.1
    tally = tally_of(counts)
    biases = [row.bias for row in suppressed_tokens(tally, Suppression(strength=0.1, floor=-2))]
    assert biases == pytest.approx([-2.0, -2.0, -1.5])
    lower = suppressed_tokens(tally, Suppression(strength=0.1, floor=-100))
    assert [row.bias for row in lower] == pytest.approx([-6.0, -2.5, -1.5])
    plain = suppressed_tokens(tally, Suppression(strength=0.1))
    assert [row.bias for row in plain] == pytest.approx([-0.1, -0.1, -0.1])


def test_nothing_is_suppressed_without_strength_tokens_or_tally() -> None:
    tally = tally_of({1: 5})
    assert suppressed_tokens(tally, Suppression(strength=0)) == []
    assert suppressed_tokens(tally, Suppression(strength=7.5, tokens=0)) == []
    assert suppressed_tokens(Tally(), PAPER) == []
    assert suppressed_tokens(tally_of({1: 5}, exempt=(1,)), PAPER) == []


def test_only_so_many_tokens_and_ties_go_to_the_lower_id() -> None:
    tally = tally_of({9: 2, 4: 2, 7: 5, 5: 2, 3: 1})
    found = suppressed_tokens(tally, Suppression(strength=1, tokens=3, floor=-100))
    assert found == [
        SuppressedToken(7, 5, 5 / 12, pytest.approx(-500 / 12)),
        SuppressedToken(4, 2, 2 / 12, pytest.approx(-200 / 12)),
        SuppressedToken(5, 2, 2 / 12, pytest.approx(-200 / 12)),
    ]


def test_exempt_tokens_count_neither_for_themselves_nor_in_the_total() -> None:
    tally = tally_of({0: 900, 8: 3, 9: 1}, exempt=(0,))
    assert tally.total == 4
    found = suppressed_tokens(tally, Suppression(strength=0.01, floor=-100))
    assert [(row.token, row.share, row.bias) for row in found] == [
        (8, 0.75, pytest.approx(-0.75)),
        (9, 0.25, pytest.approx(-0.25)),
    ]


TEXTS = st.lists(st.lists(st.integers(0, 12), max_size=30), max_size=12)
SETTINGS = st.builds(
    Suppression,
    strength=st.floats(0, 20),
    tokens=st.integers(0, 8),
    floor=st.none() | st.floats(-100, 0),
)


@settings(deadline=None)
@given(TEXTS, SETTINGS, st.sets(st.integers(0, 12), max_size=3))
def test_what_holds_for_every_tally(
    texts: list[list[int]], suppression: Suppression, exempt: set[int]
) -> None:
    tally = Tally(exempt)
    for text in texts:
        tally.add(text)
    counted = Counter(token for text in texts for token in text if token not in exempt)
    found = suppressed_tokens(tally, suppression)
    if suppression.strength > 0:
        assert len(found) == min(suppression.tokens, len(counted))
    else:
        assert found == []
    assert tally.total == counted.total()
    for row in found:
        assert row.count == counted[row.token]
        assert suppression.lowest <= row.bias <= 0
        exact = -suppression.strength * 100 * counted[row.token] / counted.total()
        assert row.bias == pytest.approx(max(suppression.lowest, exact))
    for one, next_ in pairwise(found):
        assert (-one.count, one.token) < (-next_.count, next_.token)
        assert one.bias <= next_.bias
    left_out = set(counted) - {row.token for row in found}
    if found and left_out:
        assert max(counted[token] for token in left_out) <= found[-1].count


@settings(deadline=None)
@given(TEXTS, st.randoms(use_true_random=False))
def test_the_order_of_texts_and_of_their_tokens_does_not_matter(
    texts: list[list[int]], random: "object"
) -> None:
    one, other = Tally(), Tally()
    for text in texts:
        one.add(text)
    every = [token for text in texts for token in text]
    random.shuffle(every)  # type: ignore[attr-defined]
    other.add(every)
    assert suppressed_tokens(one, PAPER) == suppressed_tokens(other, PAPER)
