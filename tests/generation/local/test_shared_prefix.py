"""The shared-prefix cache against plain attention over every row's whole context, in float64."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.generation.local.shared_prefix import SharedPrefixCache, attend_part, join_parts, lay_out

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


CPU = torch.device("cpu")


def test_a_line_for_each_prompt_in_the_order_of_their_first_rows():
    grid = lay_out([7, 3, 7, 7, 3], CPU)
    assert grid.prompts == (7, 3)
    assert grid.places == 3
    # Prompt 3 has two rows, 1 and 4; its third place holds its first row again.
    assert grid.rows.tolist() == [0, 2, 3, 1, 4, 1]
    assert grid.cells.tolist() == [0, 3, 1, 2, 4]


def test_a_cell_holds_its_rows_groups_head_by_head():
    rows = torch.arange(3 * 2 * 2).view(3, 2, 2, 1)  # row, head, group: 4 row + 2 head + group
    filled = lay_out([0, 1, 0], CPU).fill(rows)
    assert filled.shape == (2, 2, 4, 1)
    assert filled[0, 0, :, 0].tolist() == [0, 1, 8, 9]  # rows 0 and 2
    assert filled[1, 1, :, 0].tolist() == [6, 7, 6, 7]  # row 1 twice


ORDERED = ([0], [0, 0, 0], [4, 4, 1, 1])
MIXED = ([2, 0, 1, 0, 2, 2], [0, 1, 1], [0, 0, 1])


def test_what_is_filled_reads_back():
    for prompts in (*ORDERED, *MIXED):
        rows = torch.randn(len(prompts), 3, 2, 5, generator=torch.Generator().manual_seed(0))
        grid = lay_out(prompts, CPU)
        assert torch.equal(grid.read(grid.fill(rows)), rows)


def test_rows_that_sit_in_order_are_not_moved_and_the_others_are():
    assert [lay_out(prompts, CPU).in_order for prompts in ORDERED] == [True] * 3
    assert [lay_out(prompts, CPU).in_order for prompts in MIXED] == [False] * 3
    for prompts in ORDERED:
        rows = torch.randn(len(prompts), 3, 2, 5, generator=torch.Generator().manual_seed(0))
        grid = lay_out(prompts, CPU)
        assert torch.equal(grid.fill(rows), replace(grid, in_order=False).fill(rows))
