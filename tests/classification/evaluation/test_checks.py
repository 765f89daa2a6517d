"""What is wrong with training and test texts."""

import pytest

from core.classification.evaluation.checks import check
from core.domain.errors import BadInput
from tests.classification.making import dataset

GOOD = [("one", "a"), ("two", "a"), ("three", "b"), ("four", "b")]


def test_a_good_pair_has_nothing_to_say() -> None:
    assert check(dataset(GOOD), dataset(GOOD)) == []


@pytest.mark.parametrize(
    ("train", "test", "said"),
    [
        ([], GOOD, "There are no training texts"),
        (GOOD, [], "There are no test texts"),
        (GOOD[:2], GOOD, "All 2 training texts have the label 'a'.*Add texts with another"),
        ([*GOOD, ("x", "c")], GOOD, "label 'c' has a single training text;.*Add"),
        ([*GOOD, ("x", "c"), ("y", "d")], GOOD, "labels 'c', 'd' have a single .* text each;.*Add"),
        ([*GOOD, (" \n", "a")], GOOD, r"1 of the training texts are empty \(text 5\).*Fill"),
        (GOOD, [("", "a"), ("", "b"), ("x", "a")], r"2 of the test texts are empty \(text 1, 2\)"),
        (GOOD, [("x", "c")], "none of the labels trained on: 'c' against 'a', 'b'.*same labels"),
    ],
)
def test_what_is_refused(
    train: list[tuple[str, str]], test: list[tuple[str, str]], said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        check(dataset(train), dataset(test))


def test_labels_that_the_other_lacks_are_warned_of() -> None:
    train = dataset([*GOOD, ("x", "only train"), ("y", "only train")])
    test = dataset([*GOOD, ("z", "only test")])
    warnings = check(train, test)
    assert len(warnings) == 2
    assert "'only test', so all 1 test texts with it count as wrong" in warnings[0]
    assert "No test text has the label 'only train'" in warnings[1]
