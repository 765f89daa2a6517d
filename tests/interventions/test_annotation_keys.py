"""The keys of labels."""

from core.interventions.annotation.session import KEYS, label_keys


def test_digits_first_then_letters_that_nothing_else_needs() -> None:
    names = [f"label {n}" for n in range(35)]
    keys = list(label_keys(names).values())
    assert keys[:11] == ["1", "2", "3", "4", "5", "6", "7", "8", "9", "A", "B"]
    assert keys[len(KEYS) :] == [None] * (35 - len(KEYS))
    assert len(set(KEYS)) == len(KEYS)
    assert not set("CROSZN") & set(KEYS)
