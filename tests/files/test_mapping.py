"""Columns and labels of a file: what is guessed of them, and in other words than the task has."""

import pytest

from core.domain.errors import BadInput
from core.domain.runs import Example
from core.files.mapping import guessed_columns, guessed_map, read_mapped
from tests.store.making import TASK


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


CSV = b"id,Review,Mood\n1,fine,POS\n2,dull,0\n3,good,pos\n"


def test_columns_and_labels_are_guessed_and_told() -> None:
    mapped = read_mapped(
        [("n.csv", CSV)], task=TASK, label_column="mood", label_map={"0": "neg", "7": "pos"}
    )
    assert mapped.examples == (
        Example("fine", "pos"),
        Example("dull", "neg"),
        Example("good", "pos"),
    )
    assert mapped.origin == {
        "text_column": "Review",
        "label_column": "mood",
        "label_map": {"POS": "pos", "0": "neg"},
    }


def test_many_files_are_one_after_the_other() -> None:
    more = b'{"review": "last", "mood": "neg"}\n'
    mapped = read_mapped(
        [("n.csv", CSV.replace(b"0", b"neg")), ("m.jsonl", more)],
        task=TASK,
        text_column="review",
        label_column="mood",
    )
    assert [example.text for example in mapped.examples] == ["fine", "dull", "good", "last"]
    assert mapped.label_map == {"POS": "pos"}


def test_a_persons_map_goes_before_a_guess() -> None:
    mapped = read_mapped(
        [("n.csv", b"text,label\na,POS\nb,pos\n")], task=TASK, label_map={"POS": "neg"}
    )
    assert [example.label for example in mapped.examples] == ["neg", "pos"]


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (CSV, {}, "Which column of n.csv holds the labels is unclear; its columns are: id, Re"),
        (b"a,label\nx,pos\n", {}, "Which column of n.csv holds the texts is unclear"),
        (CSV, {"label_column": "mood"}, "Row 3 of n.csv has the label '0', which the task lacks"),
        (
            b"text,label\na,x\nb,y\nc,pos\n",
            {},
            r"The file n.csv has 2 labels that the task lacks: 'x' \(row 2\), 'y' \(row 3\)\.",
        ),
        (b"text,label\na,pos\n", {"label_map": {"pos": "meh"}}, "The label 'meh', which a label"),
        (b"text,label\na,pos\nb\n", {}, "Row 3 of n.csv has 1 cells"),
    ],
)
def test_what_is_unclear_is_refused_with_the_names(
    content: bytes, options: dict[str, object], message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        read_mapped([("n.csv", content)], task=TASK, **options)  # type: ignore[arg-type]
