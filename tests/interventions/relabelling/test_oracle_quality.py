"""The oracle's accuracy under another label mix, and what it makes of labels, by hand."""

import pytest

from core.classification.evaluation.intervals import wilson
from core.interventions.relabelling.label_accuracy import share
from core.interventions.relabelling.oracle import train_oracle
from core.interventions.relabelling.oracle_quality import (
    OracleQuality,
    accuracy_change,
    few_texts_notes,
    likely_worse_notes,
    seems_worse,
    weighed_share,
)
from tests.interventions.making import clouds

NAMES = ("fry", "bake", "boil")
# It recognises all 24 real texts of two labels, and none of the third's three: 48 of 51.
SKEWED = OracleQuality(
    accuracy=share(48, 51),
    measured_on="cross-validation",
    by_label={"fry": share(24, 24), "bake": share(24, 24), "boil": share(0, 3)},
    learned_from={"fry": 24, "bake": 24, "boil": 3},
)
BALANCED = ["fry"] * 20 + ["bake"] * 20 + ["boil"] * 20


def test_accuracy_is_weighed_by_the_mix_of_labels() -> None:
    found = SKEWED.for_labels(BALANCED)
    assert found is not None
    assert found.mean == pytest.approx(2 / 3)
    # (1 - 0.8620) / 3 below for two labels, and 0.5615 / 3 above for the third.
    low, high = wilson(24, 24).low, wilson(0, 3).high
    assert low is not None
    assert high is not None
    assert found.low == pytest.approx(2 / 3 - (2 * ((1 - low) / 3) ** 2) ** 0.5)
    assert found.high == pytest.approx(2 / 3 + high / 3)
    words = SKEWED.words(BALANCED)
    assert words.startswith("66.7% (60.2% to 85.4%) for texts with these labels, 94.1% for the")
    # A mix of one label is that label's share, with its own interval.
    assert weighed_share(SKEWED.by_label, {"fry": 7}) == pytest.approx(wilson(24, 24))
    assert weighed_share(SKEWED.by_label, {}) is None


def test_a_label_that_the_reference_lacks_is_never_right() -> None:
    found = SKEWED.for_labels(["fry", "steam"])
    assert found is not None
    assert found.mean == 0.5
    untested = OracleQuality(
        accuracy=share(1, 1),
        measured_on="test",
        by_label={"fry": share(1, 1), "bake": share(0, 0)},
        learned_from={"fry": 9, "bake": 9},
    )
    assert untested.for_labels(["fry", "bake"]) is None
    assert "for the reference's mix of labels" in untested.words(["fry", "bake"])


def test_few_real_texts_of_a_label_are_told() -> None:
    assert few_texts_notes(NAMES, SKEWED) == [
        "The oracle learned the label 'boil' from 3 real texts only; it recognises 0 of 3 texts of "
        "that label."
    ]


def test_labels_that_are_likely_made_worse_are_told() -> None:
    judged = ["fry"] * 20 + ["bake"] * 20 + ["boil"] * 3 + ["fry"] * 17
    whole, boil = likely_worse_notes(BALANCED, judged, judged, SKEWED, label_names=NAMES)
    assert "The oracle seems to err at least as often as the labels do" in whole
    assert boil.startswith(
        "Labels of 'boil' are likely worse after than before: 17 of 20 texts change, and the "
        "oracle recognises 0 of 3 real texts of it."
    )
    assert likely_worse_notes(BALANCED, BALANCED, judged, SKEWED, label_names=NAMES) == []
    # Labels right on 3 in 5 by an oracle that knows them are made better, without a word.
    fried = ["fry"] * 5
    better = ["fry"] * 3 + ["bake"] * 2
    assert likely_worse_notes(fried, better, better, SKEWED, label_names=NAMES) == []
    assert seems_worse(0.9, 0.5, labels=2)
    assert not seems_worse(0.7, 0.9, labels=2)


def test_the_oracle_does_not_measure_its_own_labels() -> None:
    old, new, judged = ["a", "a", "b", "b"], ["a", "b", "b", "a"], ["a", "b", "a", "a"]
    some = accuracy_change(old, new, judged, inspected={0, 1})
    assert (some.before, some.after, some.n) == (0.0, 0.5, 2)
    every = accuracy_change(old, new, judged, inspected={0, 1, 2, 3})
    assert (every.before, every.after, every.n) == (0.25, None, 4)


def test_a_trained_oracle_counts_by_label() -> None:
    vectors, labels = clouds(40, 5, spread=0.9)
    oracle = train_oracle(vectors, labels)
    assert oracle.quality.learned_from == {"a": 40, "b": 5}
    assert {name: one.n for name, one in oracle.quality.by_label.items()} == {"a": 40, "b": 5}
    assert sum(one.hits for one in oracle.quality.by_label.values()) == oracle.accuracy.hits
