"""Lexical measures on cases counted by hand."""

import gzip

import pytest

from core.diversity.measures.lexical import (
    common_openings,
    compression_ratio,
    distinct_n,
    vocabulary_growth,
    words_of,
)

TEXTS = ["I'm so happy today!", "I'm so, so sad.", "What a day"]


def test_words() -> None:
    assert words_of("I’m 2 good-natured; don't!") == ["i’m", "2", "good", "natured", "don't"]
    assert words_of("ÉCOLE Straße 東京 ...") == ["école", "strasse", "東京"]
    assert words_of("'quoted' …") == ["quoted"]


def test_distinct_n_counts_ngrams_within_texts() -> None:
    # i'm so happy today / i'm so so sad / what a day: 11 words, 8 different; 8 bigrams, 7 different
    assert distinct_n(TEXTS, 1) == pytest.approx(8 / 11)
    assert distinct_n(TEXTS, 2) == pytest.approx(7 / 8)
    assert distinct_n(TEXTS, 4) == 1
    assert distinct_n(TEXTS, 5) is None
    assert distinct_n([], 1) is None
    assert distinct_n(["a b", "a b"], 2) == 0.5


def test_compression_is_that_of_gzip_but_for_the_frame() -> None:
    many = [f"text number {n} is not like the one before" for n in range(300)]
    raw = "\n".join(many).encode()
    ratio = compression_ratio(many)
    assert ratio == pytest.approx(len(raw) / (len(gzip.compress(raw, 9)) - 12))
    assert compression_ratio(["the very same"] * 300) > ratio  # type: ignore[operator]
    assert compression_ratio([]) is compression_ratio(["", ""]) is None
    assert compression_ratio(["\ud800 alone"]) is not None


def test_openings_are_counted_and_ranked() -> None:
    found = common_openings(TEXTS)
    assert [(row.words, row.count) for row in found] == [("i'm so", 2)]
    assert found[0].share == pytest.approx(2 / 3)
    ranked = common_openings(["b", "a", "a", "c", "", "c"], words=1, at_least=1)
    assert [(row.words, row.count) for row in ranked] == [("a", 2), ("c", 2), ("b", 1)]
    assert ranked[0].share == pytest.approx(2 / 6)
    assert common_openings([]) == []


def test_the_vocabulary_grows_in_order_of_arrival() -> None:
    assert vocabulary_growth(TEXTS, [0, 1, 2, 3]) == [0, 4, 5, 8]
    assert vocabulary_growth(TEXTS, [2, 2]) == [5, 5]
    assert vocabulary_growth([], []) == []
