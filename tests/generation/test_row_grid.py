"""Rows in a grid of prompts x places, and back."""

from dataclasses import replace

import torch

from core.generation.local.shared_prefix import lay_out

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
