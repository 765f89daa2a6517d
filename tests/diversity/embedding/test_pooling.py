"""Batches and poolings, by hand."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.diversity.embedding.local_encoder import batches, cls_pooled, mean_pooled, padded


def test_batches_hold_texts_of_like_length_longest_first() -> None:
    # 9 alone fills 9 of 10; 5 + 4 would pad to 10; 3, 2 and 2 to 9; 1 comes last
    assert batches([2, 9, 3, 1, 5, 2, 4], budget=10) == [[1], [4, 6], [2, 0, 5], [3]]
    assert batches([50, 1], budget=10) == [[0], [1]]
    assert batches([], budget=10) == []


@given(st.lists(st.integers(1, 40), max_size=60), st.integers(1, 100))
def test_every_text_is_in_one_batch_within_the_budget(lengths: list[int], budget: int) -> None:
    groups = batches(lengths, budget=budget)
    assert sorted(place for group in groups for place in group) == list(range(len(lengths)))
    for group in groups:
        longest = max(lengths[place] for place in group)
        assert len(group) == 1 or len(group) * longest <= budget
    order = [lengths[place] for group in groups for place in group]
    assert order == sorted(lengths, reverse=True)


def test_rows_are_padded_on_the_right() -> None:
    ids, mask = padded([[5, 6, 7], [8]], padding=1)
    assert ids.tolist() == [[5, 6, 7], [8, 1, 1]]
    assert mask.tolist() == [[1, 1, 1], [1, 0, 0]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_poolings_by_hand(dtype: torch.dtype) -> None:
    hidden = torch.tensor(
        [
            [[1.0, 2.0], [3.0, 4.0], [5.0, 9.0]],
            [[2.0, -2.0], [4.0, 0.0], [float("nan"), float("inf")]],
        ],
        dtype=dtype,
    )
    mask = torch.tensor([[1, 1, 1], [1, 1, 0]])
    mean, first = mean_pooled(hidden, mask), cls_pooled(hidden, mask)
    assert mean.tolist() == [[3.0, 5.0], [3.0, -1.0]]  # what lies under padding counts for nothing
    assert first.tolist() == [[1.0, 2.0], [2.0, -2.0]]
    assert mean.dtype == first.dtype == torch.float32


def test_a_mean_is_computed_in_float32() -> None:
    # 256 + 1 is not to be had in bfloat16
    hidden = torch.tensor([[[256.0], [1.0]]], dtype=torch.bfloat16)
    assert mean_pooled(hidden, torch.ones(1, 2)).tolist() == [[128.5]]
