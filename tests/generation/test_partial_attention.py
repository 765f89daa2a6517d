"""Attention in two parts against plain attention over all keys."""

import pytest
import torch

from core.generation.local.shared_prefix import attend_part, join_parts


def random(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def naive(query, keys, values, hidden, scaling):
    scores = (query * scaling) @ keys.mT
    return scores.masked_fill(hidden, -torch.inf).softmax(dim=-1) @ values


@pytest.mark.parametrize(("split", "dtype"), [(1, torch.float32), (5, torch.float32), (8, None)])
def test_two_parts_joined_are_attention_to_all_keys(split, dtype):
    dtype = dtype or torch.float64
    query, keys, values = (random(2, 3, n, 8, seed=n) for n in (4, 9, 10))
    values = values[:, :, :9]
    hidden = torch.zeros(2, 1, 1, 9, dtype=torch.bool)
    hidden[1, ..., split:][..., 1:] = True  # of the second part the second batch sees one key
    expected = naive(query, keys, values, hidden, 0.3)
    mask = torch.zeros(hidden.shape, dtype=dtype).masked_fill(hidden, -torch.inf)
    parts = [
        attend_part(
            query.to(dtype),
            keys[:, :, part].to(dtype),
            values[:, :, part].to(dtype),
            mask=mask[..., part],
            scaling=0.3,
        )
        for part in (slice(None, split), slice(split, None))
    ]
    joined = join_parts(*parts[0], *parts[1])
    assert joined.dtype == dtype
    torch.testing.assert_close(joined.double(), expected, atol=1e-6, rtol=1e-5)


def test_the_sum_of_a_hand_computed_case():
    query = torch.tensor([[[[2.0]]]])
    keys = torch.tensor([[[[1.0], [3.0], [5.0]]]])
    mask = torch.tensor([[[[0.0, 0.0, -torch.inf]]]])
    out, log_sum = attend_part(query, keys, keys, mask=mask, scaling=0.5)
    # Scores 1 and 3: the sum is e + e^3, the answer (1 e + 3 e^3) / (e + e^3).
    assert log_sum.item() == pytest.approx(3.126928, abs=1e-5)
    assert out.item() == pytest.approx(2.761594, abs=1e-5)


def test_keys_far_apart_leave_no_nan():
    query = torch.full((1, 1, 1, 4), 100.0)
    near, far = torch.full((1, 1, 1, 4), 50.0), torch.full((1, 1, 1, 4), -50.0)
    mask = torch.zeros(1, 1, 1, 1)
    one = attend_part(query, near, near, mask=mask, scaling=1.0)
    other = attend_part(query, far, far, mask=mask, scaling=1.0)
    torch.testing.assert_close(join_parts(*one, *other), near)
    torch.testing.assert_close(join_parts(*other, *one), near)


@pytest.mark.parametrize("queries", [1, 3])
def test_other_devices_get_the_same_answers(queries, monkeypatch):
    query, keys, values = (random(2, 3, n, 8, seed=n).float() for n in (queries, 6, 6))
    mask = torch.zeros(2, 1, 1, 6)
    mask[0, ..., 4:] = -torch.inf
    here = attend_part(query, keys, values, mask=mask, scaling=0.3)

    class Elsewhere(torch.Tensor):
        """A tensor that says it lies on another device."""

        device = torch.device("meta")

    there = attend_part(query.as_subclass(Elsewhere), keys, values, mask=mask, scaling=0.3)
    for mine, its in zip(here, there, strict=True):
        torch.testing.assert_close(mine, its.as_subclass(torch.Tensor))
