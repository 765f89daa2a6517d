"""The oracle, its own measure, and people who err."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from core.diversity.measures.remote_clique import unit_vectors
from core.domain.errors import BadInput
from core.interventions.relabelling.oracle import (
    C,
    inspected_by_oracle,
    noisy,
    train_oracle,
)
from tests.interventions.making import clouds


def test_the_oracle_carries_its_accuracy_on_the_test_part() -> None:
    vectors, labels = clouds(60, 60, 60, spread=0.6)
    held_out, truth = clouds(30, 30, 30, spread=0.6, seed=1)
    oracle = train_oracle(vectors, labels, test=(held_out, truth))
    opinion = oracle.judge(["x"] * 90, held_out)
    hits = sum(a == b for a, b in zip(opinion.labels, truth, strict=True))
    assert 45 < hits < 90
    assert oracle.accuracy is not None
    assert (oracle.accuracy.hits, oracle.accuracy.n) == (hits, 90)
    assert (oracle.name, oracle.measured_on) == ("oracle", "the reference's test part")
    model = LogisticRegression(C=C, max_iter=1000).fit(unit_vectors(vectors), labels)
    chances = model.predict_proba(unit_vectors(held_out))
    assert opinion.labels == tuple(model.classes_[chances.argmax(axis=1)])
    assert opinion.confidence == pytest.approx(chances.max(axis=1).tolist())
    assert oracle.judge([], held_out[:0]).labels == ()


def test_without_a_test_part_it_is_cross_validated() -> None:
    vectors, labels = clouds(40, 40, spread=0.9)
    oracle = train_oracle(vectors, labels, seed=3)
    said = cross_val_predict(
        LogisticRegression(C=C, max_iter=1000),
        unit_vectors(vectors),
        labels,
        cv=StratifiedKFold(5, shuffle=True, random_state=3),
    )
    assert oracle.accuracy.hits == int((said == labels).sum()) < 80
    assert oracle.accuracy.n == 80
    assert oracle.measured_on == "5-fold cross-validation on the reference"
    few, names = clouds(2, 9)
    assert train_oracle(few, names).measured_on.startswith("2-fold")


def test_what_can_t_be_learned_from_is_refused() -> None:
    vectors, labels = clouds(1, 9)
    with pytest.raises(BadInput, match="one text of the label 'a' only"):
        train_oracle(vectors, labels)
    with pytest.raises(BadInput, match="fewer than two labels"):
        train_oracle(vectors, ["a"] * 10)
    with pytest.raises(BadInput, match="fewer than two labels"):
        train_oracle(vectors[:0], [])


def test_errors_come_at_their_rate_and_are_any_other_label() -> None:
    labels = ["a", "b", "c"] * 2000
    said = noisy(labels, 0.3, np.random.default_rng(0), label_names=("a", "b", "c"))
    wrong = [(a, b) for a, b in zip(labels, said, strict=True) if a != b]
    assert len(wrong) / 6000 == pytest.approx(0.3, abs=4 * np.sqrt(0.21 / 6000))
    for pair in (("a", "b"), ("a", "c"), ("b", "a"), ("c", "a")):
        share = wrong.count(pair) / 6000
        assert share == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / 6000))


@settings(deadline=None)
@given(st.lists(st.sampled_from("abc"), max_size=30), st.integers(0, 99))
def test_who_never_errs_and_who_always_does(labels: list[str], seed: int) -> None:
    rng = np.random.default_rng(seed)
    names = ("a", "b", "c")
    assert noisy(labels, 0, rng, label_names=names) == tuple(labels)
    said = noisy(labels, 1, rng, label_names=names)
    assert all(a != b and b in names for a, b in zip(labels, said, strict=True))


def test_impossible_errors_are_refused() -> None:
    rng = np.random.default_rng(0)
    for rate in (-0.1, 1.1, float("nan")):
        with pytest.raises(BadInput, match="error rate"):
            noisy(["a"], rate, rng, label_names=("a", "b"))
    with pytest.raises(BadInput, match="single label"):
        noisy(["a"], 0.1, rng, label_names=("a",))
    assert noisy(["a"], 0, rng, label_names=("a",)) == ("a",)


RIGHT = ["a", "b", "c", "b"] * 25


def test_the_draw_follows_the_errors_of_the_same_seed() -> None:
    told, rows = inspected_by_oracle(RIGHT, 30, label_names="abc", error_rate=0.3, seed=4)
    rng = np.random.default_rng(4)
    assert told == noisy(RIGHT, 0.3, rng, label_names="abc")
    assert rows == rng.permutation(100)[:30].tolist()
    assert told != tuple(RIGHT)


def test_who_never_errs_says_what_is_right_and_a_larger_sample_holds_the_smaller() -> None:
    told, rows = inspected_by_oracle(RIGHT, 30, label_names="abc", seed=4)
    assert told == tuple(RIGHT)
    assert inspected_by_oracle(RIGHT, 50, label_names="abc", seed=4)[1][:30] == rows
    assert inspected_by_oracle(RIGHT, 30, label_names="abc", seed=5)[1] != rows
    assert inspected_by_oracle(RIGHT, None, label_names="abc", seed=4)[1] == list(range(100))
