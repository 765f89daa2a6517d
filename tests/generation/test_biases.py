"""Dense biases from entries."""

import pytest

from core.domain.errors import BadInput
from core.generation.local.sampling import dense_biases


def test_entries_of_one_token_are_summed_and_equal_ones_are_one_tensor() -> None:
    same = ((1, -2.0), (3, 0.5), (1, -1.5))
    first, none, second, other = dense_biases(
        [same, (), same, ((0, 100.0),)], vocabulary=4, device="cpu"
    )
    assert none is None
    assert first is second
    assert first is not None
    assert other is not None
    assert first.tolist() == [0.0, -3.5, 0.0, 0.5]
    assert other.tolist() == [100.0, 0.0, 0.0, 0.0]


def test_a_token_outside_of_the_vocabulary_is_refused() -> None:
    assert dense_biases([((3, 1.0),)], vocabulary=4, device="cpu")[0] is not None
    with pytest.raises(BadInput, match="Token 4 is outside the model's vocabulary of 4"):
        dense_biases([((4, 1.0),)], vocabulary=4, device="cpu")
