"""Drawing texts so that labels keep their shares."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core.classification.splitting import stratified_draw, stratified_split


def test_a_split_by_hand() -> None:
    labels = ["a"] * 20 + ["b"] * 2 + ["c"] * 7
    train, held_out = stratified_split(labels, 0.1, rng=np.random.default_rng(0))
    assert Counter(labels[row] for row in held_out) == {"a": 2, "b": 1, "c": 1}
    assert sorted([*train, *held_out]) == list(range(29))
    again = stratified_split(labels, 0.1, rng=np.random.default_rng(0))
    assert again[1].tolist() == held_out.tolist()
    other = stratified_split(labels, 0.1, rng=np.random.default_rng(1))
    assert other[1].tolist() != held_out.tolist()


def test_every_label_is_on_both_sides() -> None:
    train, held_out = stratified_split(["a", "a", "b", "b"], 0.5, rng=np.random.default_rng(0))
    assert len(train) == len(held_out) == 2
    assert {("a", "a", "b", "b")[row] for row in train} == {"a", "b"}


@given(
    st.lists(st.sampled_from("abcd"), min_size=1, max_size=60), st.integers(1, 70), st.integers(0)
)
def test_a_draw_keeps_shares(labels: list[str], size: int, seed: int) -> None:
    rows = stratified_draw(labels, size, rng=np.random.default_rng(seed))
    assert len(rows) == min(size, len(labels))
    assert len(set(rows.tolist())) == len(rows)
    assert rows.tolist() == sorted(rows.tolist())
    counts, drawn = Counter(labels), Counter(labels[row] for row in rows)
    assert all(drawn[name] <= counts[name] for name in drawn)
    if size >= 2 * len(counts):
        assert all(drawn[name] >= min(2, counts[name]) for name in counts)


def test_a_draw_by_hand() -> None:
    labels = ["a"] * 60 + ["b"] * 30 + ["c"] * 10
    drawn = stratified_draw(labels, 20, rng=np.random.default_rng(3))
    assert Counter(labels[row] for row in drawn) == {"a": 12, "b": 6, "c": 2}
    rare = ["a"] * 98 + ["b"] * 2
    drawn = stratified_draw(rare, 10, rng=np.random.default_rng(3))
    assert Counter(rare[row] for row in drawn) == {"a": 8, "b": 2}
