"""References: parts without a text in common, label by label."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.errors import BadInput
from core.domain.references import contradictory, divided, split
from core.domain.runs import Example
from core.domain.tasks import preset
from core.domain.texts import fold
from core.files.mapping import read_mapped


def made(**counts: int) -> list[Example]:
    """So many different texts of each label, the labels taking turns."""
    rows = [(n, label) for label, count in counts.items() for n in range(count)]
    return [Example(f"{label} {n}", label) for n, label in sorted(rows)]


def folded(examples: list[Example] | tuple[Example, ...]) -> set[str]:
    return {fold(example.text) for example in examples}


def test_a_split_by_hand() -> None:
    examples = made(a=10, b=4, c=1)
    train, test = split(examples, test_share=0.3, seed=5)
    # 10 * 0.3 = 3; 4 * 0.3 = 1.2 gives 1; the only text of c stays.
    assert Counter(e.label for e in test) == {"a": 3, "b": 1}
    assert Counter(e.label for e in train) == {"a": 7, "b": 3, "c": 1}
    assert train == [e for e in examples if e in train]
    assert test == [e for e in examples if e in test]
    assert (train, test) == split(examples, test_share=0.3, seed=5)
    others = {tuple(split(examples, test_share=0.3, seed=seed)[1]) for seed in range(10)}
    assert len(others) > 5


def test_every_text_is_drawn_about_as_often() -> None:
    examples = made(a=6)
    drawn = Counter(
        e.text for seed in range(600) for e in split(examples, test_share=0.5, seed=seed)[1]
    )
    assert sum(drawn.values()) == 600 * 3
    # 300 expected each, with a standard deviation of 12.
    assert all(240 < count < 360 for count in drawn.values())


texts = st.sampled_from(["a", "A", " a ", "b", "c", "d\te", "D e", "f", "g", "h", "ß", "SS"])
rows = st.lists(st.builds(Example, text=texts, label=st.sampled_from("xyz")), max_size=40)


@given(rows, st.floats(0.01, 0.99), st.integers(0, 2**63 - 1))
def test_no_text_is_in_both_parts_and_none_is_lost(
    examples: list[Example], share: float, seed: int
) -> None:
    twofold = contradictory(examples)
    own: dict[str, set[str]] = {}
    for example in examples:
        if fold(example.text) not in twofold:
            own.setdefault(example.label, set()).add(fold(example.text))
    if all(len(different) < 2 for different in own.values()):
        with pytest.raises(BadInput, match="no label has two different texts of its own"):
            split(examples, test_share=share, seed=seed)
        return
    train, test = split(examples, test_share=share, seed=seed)
    assert not folded(train) & folded(test)
    assert Counter(train) + Counter(test) == Counter(examples)
    assert twofold <= folded(train)
    for label, different in own.items():
        in_test = folded([e for e in test if e.label == label])
        assert in_test <= different
        if len(different) > 1:
            assert 0 < len(in_test) < len(different)
            assert abs(len(in_test) - share * len(different)) <= 1
        else:
            assert not in_test


def test_texts_with_two_labels_stay_in_train_and_are_counted() -> None:
    examples = [*made(x=4, y=4), Example("X  0", "y"), Example("x 1", "x"), Example("X 1", "x")]
    assert contradictory(examples) == {"x 0"}
    for seed in range(20):
        division = divided(examples, test_share=0.5, seed=seed)
        assert {e for e in examples if fold(e.text) == "x 0"} <= set(division.train)
        assert division.origin == {
            "test_share": 0.5,
            "seed": seed,
            # "X  0" of "x 0" and both others of "x 1".
            "copies": 3,
            "contradictory": 1,
            "left_out": 0,
        }


def test_what_is_in_the_test_file_leaves_the_train_file() -> None:
    train = [Example("A fine film", "x"), Example("b", "y"), Example("b", "y"), Example("c", "x")]
    test = [Example("a  FINE film", "x"), Example("d", "y")]
    division = divided(train, test=test)
    assert division.train == tuple(train[1:])
    assert division.test == tuple(test)
    assert division.origin == {
        "test_share": None,
        "seed": None,
        "copies": 1,
        "contradictory": 0,
        "left_out": 1,
    }
    with pytest.raises(BadInput, match="All texts of the train file are in the test file too"):
        divided(train[:1], test=test)
    with pytest.raises(BadInput, match="The test file has no texts"):
        divided(train, test=[])


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, 1.5, float("nan"), float("inf")])
def test_a_share_out_of_range_is_refused(share: float) -> None:
    with pytest.raises(BadInput, match="The share of test texts is"):
        split(made(a=4), test_share=share, seed=0)


@pytest.mark.parametrize(
    "examples", [[], made(a=1), made(a=1, b=1), [Example("a", "x")] * 50], ids=len
)
def test_what_cannot_be_split_says_why(examples: list[Example]) -> None:
    with pytest.raises(BadInput, match="These texts can't be split into train and test: no label"):
        split(examples, test_share=0.3, seed=0)


def test_one_class_is_split() -> None:
    train, test = split(made(a=2), test_share=0.01, seed=0)
    assert (len(train), len(test)) == (1, 1)


@pytest.mark.data
@pytest.mark.parametrize(
    ("folder", "name"),
    [("carer_emotion", "carer"), ("clickbait", "cb"), ("sst2", "sst2"), ("hwu64", "hwu64")],
)
def test_the_example_data_is_divided(folder: str, name: str, data: Path) -> None:
    train, test = (
        read_mapped([(f"{part}.csv", data / folder / f"{part}.csv")], task=preset(name)).examples
        for part in ("train", "test")
    )
    for division in (divided(train, test=test), divided([*train, *test], test_share=0.3, seed=1)):
        assert not folded(division.train) & folded(division.test)
        left_out = division.origin["left_out"]
        assert len(division.train) + len(division.test) + left_out == len(train) + len(test)
        assert {e.label for e in division.test} == set(preset(name).label_names)
