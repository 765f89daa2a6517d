"""Fluency summed up by hand."""

import math

import pytest

from core.diversity.measures.fluency import fluency_of


def test_what_is_not_known_is_left_out() -> None:
    found = fluency_of([-1.0, None, -2.0, -math.inf, math.nan, -3.0])
    assert (found.mean, found.sd, found.n) == (-2, pytest.approx(1), 3)


def test_one_text_has_no_spread_and_none_no_mean() -> None:
    one = fluency_of([-1.5, None])
    assert (one.mean, one.sd, one.n) == (-1.5, None, 1)
    none = fluency_of([None, None])
    assert (none.mean, none.sd, none.n) == (None, None, 0)
    assert fluency_of([]).n == 0
