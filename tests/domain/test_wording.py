"""Wording: the one way in which numbers, durations, money and lists are written."""

import math

import pytest

from core.domain import wording


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (wording.number(1234), "1,234"),
        (wording.number(0.8125, digits=3), "0.812"),
        (wording.number(2.5), "2.5"),
        (wording.number(None), "unknown"),
        (wording.percent(0.725), "72.5%"),
        (wording.percent(0.725, digits=0), "72%"),
        (wording.points(0.042), "+4.2 points"),
        (wording.points(-0.4), "-40.0 points"),
        (wording.duration(None), "–"),
        (wording.duration(0.4), "0 s"),
        (wording.duration(59.6), "1 min"),
        (wording.duration(125), "2 min 5 s"),
        (wording.duration(3600), "1 h"),
        (wording.duration(11400), "3 h 10 min"),
        (wording.duration(52 * 3600), "2 d 4 h"),
        (wording.clock(5), "0:05"),
        (wording.clock(3723), "1:02:03"),
        (wording.ago(20), "just now"),
        (wording.ago(310), "5 min ago"),
        (wording.ago(3 * 86400), "3 days ago"),
        (wording.money(0, "EUR"), "0 EUR"),
        (wording.money(0.0042, "EUR"), "0.0042 EUR"),
        (wording.money(1234.5, "EUR"), "1,234.50 EUR"),
        (wording.interval(0.79, 0.83), "0.790 to 0.830"),
        (wording.interval(0.79, math.nan), "no interval"),
        (wording.percent_interval(0.612, 0.7), "61.2% to 70.0%"),
        (wording.counted(1, "run"), "1 run"),
        (wording.counted(2000, "run"), "2,000 runs"),
        (wording.counted(2, "query", "queries"), "2 queries"),
        (wording.listed([]), ""),
        (wording.listed(["a"]), "a"),
        (wording.listed(["a", "b", "c"], "or"), "a, b or c"),
        (wording.capitalized("aBC"), "ABC"),
    ],
)
def test_every_kind_of_value_is_written_one_way(written: str, expected: str) -> None:
    assert written == expected


def test_a_missing_value_is_unknown_whatever_its_kind() -> None:
    for missing in (None, math.nan):
        assert wording.number(missing) == wording.percent(missing) == "unknown"
        assert wording.points(missing) == "unknown"
    assert wording.money(None, "EUR") == "unknown"


def test_shown_differences_add_up() -> None:
    # 63.66 and 23.84 are shown as 63.7 and 23.8, whose difference is -39.9, not -39.8.
    assert wording.shown_difference(63.66, 23.84, digits=1) == -39.9
