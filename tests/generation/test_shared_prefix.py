"""The shared-prefix cache against plain attention over every row's whole context, in float64."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.generation.local.shared_prefix import SharedPrefixCache

LAYERS, HEADS, GROUP, SIZE = 2, 2, 3, 4


class Naive:
    """Every row keeps all of its keys and values, the prompt's copied."""

    def __init__(self) -> None:
        self.rows: list[tuple[list[np.ndarray], list[np.ndarray]]] = []

    def add(self, layers: list[tuple[torch.Tensor, torch.Tensor]]) -> None:
        self.rows.append(
            ([k.double().numpy() for k, _ in layers], [v.double().numpy() for _, v in layers])
        )

    def append(self, row: int, layer: int, key: torch.Tensor, value: torch.Tensor) -> None:
        for kept, new in zip(self.rows[row], (key, value), strict=True):
            kept[layer] = np.concatenate([kept[layer], new.double().numpy()[:, None]], axis=1)

    def attend(self, row: int, layer: int, query: torch.Tensor, scaling: float) -> np.ndarray:
        keys, values = (kept[layer] for kept in self.rows[row])
        out = []
        for head in range(HEADS * GROUP):
            score = keys[head // GROUP] @ query[head].double().numpy() * scaling
            weight = np.exp(score - score.max())
            out.append(weight @ values[head // GROUP] / weight.sum())
        return np.stack(out)


class Both:
    """The cache and the naive one, driven side by side."""

    def __init__(self, seed: int) -> None:
        self.generator = torch.Generator().manual_seed(seed)
        self.cache = SharedPrefixCache(LAYERS)
        self.naive = Naive()
        self.prompts: dict[int, list[tuple[torch.Tensor, torch.Tensor]]] = {}
        self.lengths: list[int] = []

    def random(self, *shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=self.generator)

    def add_prompt(self, prompt: int, length: int) -> None:
        layers = [
            (self.random(HEADS, length, SIZE), self.random(HEADS, length, SIZE))
            for _ in range(LAYERS)
        ]
        self.prompts[prompt] = layers
        self.cache.add_prompt(prompt, layers)

    def add_rows(self, prompts: list[int]) -> None:
        self.cache.add_rows(prompts)
        for prompt in prompts:
            self.naive.add(self.prompts[prompt])
            self.lengths.append(self.prompts[prompt][0][0].shape[1])

    def keep_rows(self, rows: list[int]) -> None:
        self.cache.keep_rows(rows)
        self.naive.rows = [self.naive.rows[row] for row in rows]
        self.lengths = [self.lengths[row] for row in rows]

    def step(self) -> None:
        """One token a row through all layers, every answer compared."""
        rows = len(self.lengths)
        assert self.cache.rows == rows
        assert self.cache.begin_step()[:, 0].tolist() == self.lengths
        for layer in range(LAYERS):
            keys, values = self.random(rows, HEADS, 1, SIZE), self.random(rows, HEADS, 1, SIZE)
            query = self.random(rows, HEADS * GROUP, 1, SIZE)
            self.cache.update(keys, values, layer)
            found = self.cache.attend(query, layer, 0.7)
            assert found.shape == (rows, 1, HEADS * GROUP, SIZE)
            for row in range(rows):
                self.naive.append(row, layer, keys[row, :, 0], values[row, :, 0])
                exact = self.naive.attend(row, layer, query[row, :, 0], 0.7)
                assert np.abs(found[row, 0].double().numpy() - exact).max() < 1e-5
        self.cache.end_step()
        self.lengths = [length + 1 for length in self.lengths]


def test_one_prompt_one_row() -> None:
    both = Both(0)
    both.add_prompt(0, 5)
    both.add_rows([0])
    for _ in range(3):
        both.step()


def test_uneven_prompts_with_uneven_numbers_of_rows() -> None:
    both = Both(1)
    for prompt, length in enumerate((7, 1, 12)):
        both.add_prompt(prompt, length)
    both.add_rows([0, 0, 1, 2, 2, 2])
    for _ in range(4):
        both.step()


def test_rows_of_one_prompt_need_not_stand_together() -> None:
    both = Both(2)
    both.add_prompt(4, 3)
    both.add_prompt(9, 6)
    both.add_rows([4, 9, 4, 9, 9])
    both.step()
    both.step()


def test_rows_that_come_late_and_rows_that_go() -> None:
    both = Both(3)
    both.add_prompt(0, 6)
    both.add_rows([0, 0, 0])
    both.step()
    both.step()
    both.add_prompt(1, 9)
    both.add_rows([1, 1])
    both.step()
    both.keep_rows([1, 3, 4])
    both.step()
    both.keep_rows([2, 1])  # the first prompt is needed no more
    both.step()
    both.add_prompt(2, 2)
    both.add_rows([2])
    both.step()
    both.keep_rows([])
    both.add_prompt(3, 4)
    both.add_rows([3, 3])
    both.step()


def test_it_grows_beyond_its_room_and_shrinks_again() -> None:
    both = Both(4)
    both.add_prompt(0, 3)
    both.add_rows([0, 0])
    for _ in range(32):
        both.step()
    both.keep_rows([0, 1])  # full to the last place, nothing dropped
    both.step()
    both.add_prompt(1, 5)
    both.add_rows([1])
    for _ in range(33):
        both.step()
    both.keep_rows([2])  # the short one alone
    for _ in range(32):
        both.step()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.data())
def test_any_order_of_coming_and_going(seed: int, data: st.DataObject) -> None:
    both = Both(seed)
    for prompt in range(data.draw(st.integers(1, 4), label="prompts")):
        both.add_prompt(prompt, data.draw(st.integers(1, 8), label="length"))
        both.add_rows([prompt] * data.draw(st.integers(1, 4), label="rows"))
        for _ in range(data.draw(st.integers(0, 3), label="steps")):
            both.step()
        rows = range(len(both.lengths))
        both.keep_rows(sorted(data.draw(st.sets(st.sampled_from(rows)), label="kept")))
    if both.lengths:
        both.step()


def test_half_precision_stays_close() -> None:
    cache = SharedPrefixCache(1)
    generator = torch.Generator().manual_seed(7)
    keys, values = (torch.randn((HEADS, 20, SIZE), generator=generator) for _ in range(2))
    cache.add_prompt(0, [(keys.bfloat16(), values.bfloat16())])
    cache.add_rows([0])
    cache.begin_step()
    new = torch.randn((2, 1, HEADS, 1, SIZE), generator=generator)
    cache.update(new[0].bfloat16(), new[1].bfloat16(), 0)
    query = torch.randn((1, HEADS * GROUP, 1, SIZE), generator=generator)
    found = cache.attend(query.bfloat16(), 0, 0.5)
    assert found.dtype == torch.bfloat16
    naive = Naive()
    naive.add([(keys, values)])
    naive.append(0, 0, new[0, 0, :, 0], new[1, 0, :, 0])
    exact = naive.attend(0, 0, query[0, :, 0], 0.5)
    assert found[0, 0].double().numpy() == pytest.approx(exact, abs=0.05)
