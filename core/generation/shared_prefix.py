"""One prefill a prompt, kept once, whatever number of rows decodes from it.

Twenty texts share a prompt ten times as long as they are. Copying its keys and values to every
row costs memory and, worse, reading them back at every step. Here each prompt's keys and values
stay in one place; a step attends to them by one matrix product a prompt and to the rows' own few
tokens by another, and joins both under one softmax. Rows that finish are dropped by copying only
the rows' own tokens.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import Tensor

ATTENTION_NAME = "wideset_shared_prefix"
_ROOM = 32


@dataclass(frozen=True, slots=True)
class _Plan:
    """Where rows sit in the grid of prompts x places (see `SharedPrefixCache._plan`)."""

    places: int
    grid: "Tensor"
    cell: "Tensor"
    prompt: "Tensor"
    prefix_hidden: "Tensor"


class SharedPrefixCache:
    """Keys and values of prompts (shared) and of rows (their own), for one model.

    Stands in for a transformers cache during one-token steps: `update` takes the new keys and
    values of a layer, `attend` answers for that layer.

    Args:
        layers: number of attention layers.
    """

    is_compileable = False

    def __init__(self, layers: int) -> None:
        self.layers = layers
        self._prefixes: dict[int, list[tuple[Tensor, Tensor]]] = {}
        self._keys: list[Tensor] = []
        self._values: list[Tensor] = []
        self._row_prompts: list[int] = []
        self._lengths: Tensor | None = None
        self._longest = 0
        self._joined: list[tuple[Tensor, Tensor]] = []
        self._joined_order: list[int] = []
        self._plan: _Plan | None = None
        self._hidden: Tensor | None = None

    @property
    def rows(self) -> int:
        """Number of rows under way."""
        return len(self._row_prompts)

    def add_prompt(self, prompt: int, layers: Sequence[tuple["Tensor", "Tensor"]]) -> None:
        """Keep a prompt's keys and values: for each layer (heads, tokens, size)."""
        self._prefixes[prompt] = list(layers)

    def add_rows(self, prompts: Sequence[int]) -> None:
        """Append rows that have no token of their own yet, each with its prompt."""
        import torch

        sample = next(iter(self._prefixes.values()))[0][0]
        heads, _, size = sample.shape
        count = len(prompts)
        room = self._keys[0].shape[2] if self._keys else _ROOM
        fresh = sample.new_zeros((count, heads, room, size))
        lengths = torch.zeros(count, dtype=torch.int64, device=sample.device)
        if self._keys:
            self._change(lambda kept: torch.cat([kept, fresh]))
            assert self._lengths is not None
            self._lengths = torch.cat([self._lengths, lengths])
        else:
            self._keys = [fresh.clone() for _ in range(self.layers)]
            self._values = [fresh.clone() for _ in range(self.layers)]
            self._lengths = lengths
        self._row_prompts.extend(prompts)
        self._rearrange()

    def keep_rows(self, rows: Sequence[int]) -> None:
        """Keep these rows, in this order, and forget prompts that no row needs."""
        import torch

        assert self._lengths is not None
        chosen = torch.tensor(rows, dtype=torch.int64, device=self._lengths.device)
        self._lengths = self._lengths[chosen]
        self._row_prompts = [self._row_prompts[row] for row in rows]
        self._longest = int(self._lengths.max()) if rows else 0
        room = max(_ROOM, -(-(self._longest + 1) // _ROOM) * _ROOM)
        self._change(lambda kept: kept[chosen, :, :room])
        for prompt in set(self._prefixes) - set(self._row_prompts):
            del self._prefixes[prompt]
        self._rearrange()

    def begin_step(self) -> "Tensor":
        """Make room for one more token a row; returns the rows' positions, int64 (rows, 1)."""
        import torch

        assert self._lengths is not None and self._plan is not None
        room = self._keys[0].shape[2]
        if self._longest >= room:
            self._change(lambda kept: torch.nn.functional.pad(kept, (0, 0, 0, _ROOM)))
        self._longest += 1
        steps = torch.arange(self._longest, device=self._lengths.device)
        own = steps[None, :] > self._lengths[:, None]
        self._hidden = torch.cat([self._plan.prefix_hidden, own], dim=1)[:, None, None, :]
        return self._plan.prompt[:, None] + self._lengths[:, None]

    def end_step(self) -> None:
        """Count the token that every row got in this step."""
        assert self._lengths is not None
        self._lengths = self._lengths + 1

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """What transformers asks of a cache; positions are given explicitly, so any value does."""
        return self._longest

    def update(
        self, keys: "Tensor", values: "Tensor", layer_idx: int, *_: Any, **__: Any
    ) -> tuple["Tensor", "Tensor"]:
        """Store a layer's new keys and values, each (rows, heads, 1, size)."""
        import torch

        assert self._lengths is not None
        row = torch.arange(self.rows, device=self._lengths.device)
        self._keys[layer_idx][row, :, self._lengths] = keys[:, :, 0]
        self._values[layer_idx][row, :, self._lengths] = values[:, :, 0]
        return keys, values

    def attend(self, query: "Tensor", layer: int, scaling: float) -> "Tensor":
        """Attention of one new token a row to its prompt and its own tokens.

        Args:
            query: (rows, query heads, 1, size).
            layer: which layer.
            scaling: factor of the scores.

        Returns:
            (rows, 1, query heads, size).
        """
        import torch

        assert self._plan is not None and self._hidden is not None
        plan = self._plan
        prefix_keys, prefix_values = self._joined[layer]
        prompts, heads, prefix, size = prefix_keys.shape
        rows, query_heads = query.shape[0], query.shape[1]
        group = query_heads // heads
        q = (query[:, :, 0] * scaling).view(rows, heads, group, size)

        keys = self._keys[layer][:, :, : self._longest]
        values = self._values[layer][:, :, : self._longest]
        shared = torch.bmm(_to_grid(q, plan), prefix_keys.view(prompts * heads, prefix, size).mT)
        scores = torch.cat([_from_grid(shared, plan, q.shape), q @ keys.mT], dim=-1)
        scores = scores.masked_fill(self._hidden, -torch.inf)
        weights = torch.softmax(scores, dim=-1, dtype=torch.float32).to(q.dtype)
        shared = torch.bmm(
            _to_grid(weights[..., :prefix], plan), prefix_values.view(prompts * heads, prefix, size)
        )
        out = _from_grid(shared, plan, q.shape) + weights[..., prefix:] @ values
        return out.reshape(rows, 1, query_heads, size)

    def _change(self, change: Callable[["Tensor"], "Tensor"]) -> None:
        """Change the rows' keys and values layer by layer: only one is ever there twice."""
        for tensors in (self._keys, self._values):
            for layer, kept in enumerate(tensors):
                tensors[layer] = change(kept)

    def _rearrange(self) -> None:
        """Lay the rows out as a grid, a line for each prompt, so that one batched product serves
        all prompts; a line shorter than the longest is filled with a row whose answer is ignored.
        """
        import torch

        if not self._row_prompts:
            self._plan = None
            return
        order = list(dict.fromkeys(self._row_prompts))
        members = list(enumerate(self._row_prompts))
        lines = [[row for row, own in members if own == prompt] for prompt in order]
        places = max(len(line) for line in lines)
        grid = [line + [line[0]] * (places - len(line)) for line in lines]
        cell = [0] * self.rows
        for number, line in enumerate(lines):
            for place, row in enumerate(line):
                cell[row] = number * places + place
        sample = self._prefixes[order[0]][0][0]
        sizes = torch.tensor(
            [self._prefixes[p][0][0].shape[1] for p in self._row_prompts], device=sample.device
        )
        longest = int(sizes.max())
        self._plan = _Plan(
            places=places,
            grid=torch.tensor(grid, device=sample.device).reshape(-1),
            cell=torch.tensor(cell, device=sample.device),
            prompt=sizes,
            prefix_hidden=torch.arange(longest, device=sample.device)[None, :] >= sizes[:, None],
        )
        if order == self._joined_order:
            return
        self._joined_order = order
        self._joined = [
            (
                _stack([self._prefixes[p][layer][0] for p in order], longest),
                _stack([self._prefixes[p][layer][1] for p in order], longest),
            )
            for layer in range(self.layers)
        ]


def _to_grid(rows: "Tensor", plan: _Plan) -> "Tensor":
    """(rows, heads, group, n) -> (prompts * heads, places * group, n)."""
    _, heads, group, _ = rows.shape
    cells = rows[plan.grid].view(-1, plan.places, heads, group, rows.shape[-1])
    return cells.transpose(1, 2).reshape(-1, plan.places * group, rows.shape[-1])


def _from_grid(grid: "Tensor", plan: _Plan, shape: Sequence[int]) -> "Tensor":
    """(prompts * heads, places * group, n) -> (rows, heads, group, n), as in `shape`."""
    _, heads, group, _ = shape
    cells = grid.view(-1, heads, plan.places, group, grid.shape[-1]).transpose(1, 2)
    return cells.reshape(-1, heads, group, grid.shape[-1])[plan.cell]


def _stack(parts: Sequence["Tensor"], length: int) -> "Tensor":
    """Stack (heads, tokens, size) tensors to (prompts, heads, length, size), zeros at the end."""
    import torch

    if len(parts) == 1:
        return parts[0][None]
    pad = torch.nn.functional.pad
    return torch.stack([pad(part, (0, 0, 0, length - part.shape[1])) for part in parts])


def attention(
    module: "torch.nn.Module",
    query: "Tensor",
    key: "Tensor",
    value: "Tensor",
    attention_mask: "Tensor | None",
    scaling: float | None = None,
    shared_prefix: SharedPrefixCache | None = None,
    **kwargs: Any,
) -> tuple["Tensor", None]:
    """The attention function given to transformers: ours in a step, its own in a prefill."""
    if shared_prefix is None:
        from transformers.integrations.sdpa_attention import sdpa_attention_forward

        result: tuple[Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, **kwargs
        )
        return result
    factor = query.shape[-1] ** -0.5 if scaling is None else scaling
    layer = module.layer_idx
    assert isinstance(layer, int)
    return shared_prefix.attend(query, layer, factor), None
