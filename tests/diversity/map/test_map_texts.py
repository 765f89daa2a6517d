"""Which texts a map shows."""

from core.diversity.map.projection import choose_texts
from core.domain.datasets import Dataset
from core.domain.texts import text_hash


def dataset(key: str, texts: list[str], labels: list[str]) -> Dataset:
    ids = tuple(f"{key}{number}" for number in range(len(texts)))
    unknown = (None,) * len(texts)
    return Dataset(key, key, ("x", "y"), ids, tuple(texts), tuple(labels), unknown)


def test_each_text_is_shown_once_in_the_order_of_hashes() -> None:
    chosen = choose_texts(
        [dataset("one", ["a", "b", "a"], ["x", "x", "y"]), dataset("two", ["b", "B"], ["x", "x"])],
        limit=9,
        seed=0,
    )
    assert list(chosen.texts.items()) == sorted((text_hash(text), text) for text in ("a", "b", "B"))
    assert (chosen.of, chosen.note) == (3, "")


def test_a_sample_has_each_dataset_and_label_in_proportion() -> None:
    many = dataset("one", [f"a{n}" for n in range(40)], ["x"] * 30 + ["y"] * 10)
    # The first twenty are those of the other, and count there.
    more = dataset("two", [*many.texts[:20], *(f"b{n}" for n in range(40))], ["x"] * 60)
    chosen = choose_texts([many, more], limit=16, seed=3)
    shown = set(chosen.texts.values())
    assert (len(shown), chosen.of) == (16, 80)
    parts = (many.texts[:30], many.texts[30:], more.texts[20:])
    assert [len(shown & set(part)) for part in parts] == [6, 2, 8]
    assert chosen.note == (
        "The map was fitted on 16 of 80 different texts, drawn at random with each dataset and"
        " label in proportion."
    )
    assert choose_texts([many, more], limit=16, seed=3) == chosen
    assert choose_texts([many, more], limit=16, seed=4) != chosen


def test_of_no_text_none_is_chosen() -> None:
    chosen = choose_texts([dataset("one", [], [])], limit=9, seed=0)
    assert (dict(chosen.texts), chosen.of, chosen.note) == ({}, 0, "")
