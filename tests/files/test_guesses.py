"""Guesses about columns and labels."""

import pytest

from core.files.mapping import guessed_columns, guessed_map


@pytest.mark.parametrize(
    ("columns", "guess"),
    [
        (["text", "label"], ("text", "label")),
        (["id", "Review", "Sentiment"], ("Review", "Sentiment")),
        (["label", "label_text", "text"], ("text", "label")),
        (["Review-Body", "star_rating"], ("Review-Body", "star_rating")),
        (["idx", "sentence", "class"], ("sentence", "class")),
        (["message_text", "Intent"], ("message_text", "Intent")),
        # No column serves twice, and "context" is no text.
        (["label_text"], ("label_text", None)),
        (["context", "x"], (None, None)),
        (["", " "], (None, None)),
        ([], (None, None)),
    ],
)
def test_columns(columns: list[str], guess: tuple[str | None, str | None]) -> None:
    assert guessed_columns(columns) == guess


def test_labels_that_read_alike() -> None:
    labels = ["pos", "NEG", "very-pos", "0"]
    assert guessed_map(labels, ("pos", "neg", "Very pos")) == {
        "pos": "pos",
        "NEG": "neg",
        "very-pos": "Very pos",
    }
    # Of two that read alike only the exact one is meant for certain.
    assert guessed_map(["a", "A", "a "], ("a", "A")) == {"a": "a", "A": "A"}
