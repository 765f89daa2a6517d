"""Rows laid out as a grid, a line for each prompt: one batched product then serves all prompts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class RowGrid:
    """Where each row sits.

    A line shorter than the longest is filled up with its first row, whose answer there is ignored.

    Args:
        prompts: the prompts in the order of the lines, which is that of their first rows.
        places: length of the longest line.
        rows: which row sits in each cell, line by line, int64 (prompts * places,).
        cells: in which cell each row sits, int64 (rows,).
        in_order: whether each row sits in the cell of its own number, so that nothing is moved.
    """

    prompts: tuple[int, ...]
    places: int
    rows: "Tensor"
    cells: "Tensor"
    in_order: bool

    def fill(self, rows: "Tensor") -> "Tensor":
        """(rows, heads, group, n) -> (prompts, heads, places * group, n)."""
        _, heads, group, n = rows.shape
        laid = rows if self.in_order else rows[self.rows]
        cells = laid.view(-1, self.places, heads, group, n)
        return cells.transpose(1, 2).reshape(-1, heads, self.places * group, n)

    def read(self, grid: "Tensor") -> "Tensor":
        """(prompts, heads, places * group, n) -> (rows, heads, group, n)."""
        prompts, heads, queries, n = grid.shape
        cells = grid.view(prompts, heads, self.places, queries // self.places, n).transpose(1, 2)
        rows = cells.reshape(prompts * self.places, heads, -1, n)
        return rows if self.in_order else rows[self.cells]


def lay_out(row_prompts: Sequence[int], device: "torch.device") -> RowGrid:
    """The grid of rows, given each one's prompt; at least one row."""
    import torch

    lines: Mapping[int, list[int]] = {prompt: [] for prompt in row_prompts}
    for row, prompt in enumerate(row_prompts):
        lines[prompt].append(row)
    places = max(map(len, lines.values()))
    cells = [0] * len(row_prompts)
    for number, line in enumerate(lines.values()):
        for place, row in enumerate(line):
            cells[row] = number * places + place
    grid = [line + [line[0]] * (places - len(line)) for line in lines.values()]
    flat = [row for line in grid for row in line]
    return RowGrid(
        prompts=tuple(lines),
        places=places,
        rows=torch.tensor(flat, device=device),
        cells=torch.tensor(cells, device=device),
        in_order=flat == list(range(len(row_prompts))),
    )
