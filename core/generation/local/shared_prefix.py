"""Attention of many rows to shared prompts: each prompt's keys and values are kept once.

Softmax over keys that lie in two places is a mean of the softmaxes over each, weighted by the sums
of their exponentials. So neither scores nor keys of the two places need be copied together.
(The same identity is what FlashAttention computes in blocks by: Dao et al. 2022, section 3.1.)
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def attend_part(
    query: "Tensor", keys: "Tensor", values: "Tensor", *, mask: "Tensor", scaling: float
) -> tuple["Tensor", "Tensor"]:
    """Attention to these keys alone.

    Args:
        query: (batch, heads, queries, size).
        keys: (batch, heads, tokens, size).
        values: as the keys.
        mask: (batch, 1, 1, tokens), of the query's dtype: 0, or -inf for a token not to be seen;
            every query sees one at least.
        scaling: factor of the scores.

    Returns:
        (batch, heads, queries, size) of the query's dtype, and the natural logarithm of the sum
        of the scores' exponentials, float32 or wider, (batch, heads, queries).
    """
    import torch

    if query.device.type == "cpu":
        # One pass that stays in the processor's caches; what the public function calls inside,
        # which keeps the sums to itself.
        out, log_sum = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
            query, keys, values, attn_mask=mask, scale=scaling
        )
        return out, log_sum
    scores = ((query * scaling) @ keys.mT + mask).float()
    log_sum = torch.logsumexp(scores, dim=-1)
    return (scores - log_sum[..., None]).exp().to(query.dtype) @ values, log_sum


def join_parts(
    one: "Tensor", one_log_sum: "Tensor", other: "Tensor", other_log_sum: "Tensor"
) -> "Tensor":
    """Attention to the keys of both parts, of the shape of each."""
    import torch

    share = torch.sigmoid(other_log_sum - one_log_sum)[..., None].to(one.dtype)
    return torch.lerp(one, other, share)


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


ATTENTION_NAME = "wideset_shared_prefix"
_ROOM = 32


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
        self._grid: RowGrid | None = None
        self._sizes: Tensor | None = None
        self._prefix_mask: Tensor | None = None
        self._mask: Tensor | None = None
        self._places: Tensor | None = None

    @property
    def rows(self) -> int:
        """Number of rows."""
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
        self._change(lambda kept: kept[:, :, :room].index_select(0, chosen))
        for prompt in set(self._prefixes) - set(self._row_prompts):
            del self._prefixes[prompt]
        self._rearrange()

    def begin_step(self) -> "Tensor":
        """Make room for one more token per row; returns the rows' positions, int64 (rows, 1)."""
        import torch

        assert self._lengths is not None and self._sizes is not None
        room = self._keys[0].shape[2]
        if self._longest >= room:
            self._change(lambda kept: torch.nn.functional.pad(kept, (0, 0, 0, _ROOM)))
        self._longest += 1
        self._places = torch.arange(self.rows, device=self._lengths.device)
        steps = torch.arange(self._longest, device=self._lengths.device)
        self._mask = _mask(steps[None, :] > self._lengths[:, None], self._keys[0].dtype)
        return self._sizes[:, None] + self._lengths[:, None]

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
        assert self._lengths is not None
        self._keys[layer_idx][self._places, :, self._lengths] = keys[:, :, 0]
        self._values[layer_idx][self._places, :, self._lengths] = values[:, :, 0]
        return keys, values

    def attend(self, query: "Tensor", layer: int, scaling: float) -> "Tensor":
        """Attention of one new token per row to its prompt and its own tokens.

        Args:
            query: (rows, query heads, 1, size).
            layer: which layer.
            scaling: factor of the scores.

        Returns:
            (rows, 1, query heads, size).
        """
        assert self._grid is not None
        assert self._prefix_mask is not None and self._mask is not None
        prefix_keys, prefix_values = self._joined[layer]
        rows, query_heads, _, size = query.shape
        heads = prefix_keys.shape[1]
        q = query.view(rows, heads, query_heads // heads, size)
        shared, shared_sum = attend_part(
            self._grid.fill(q),
            prefix_keys,
            prefix_values,
            mask=self._prefix_mask,
            scaling=scaling,
        )
        own, own_sum = attend_part(
            q,
            self._keys[layer][:, :, : self._longest],
            self._values[layer][:, :, : self._longest],
            mask=self._mask,
            scaling=scaling,
        )
        out = join_parts(
            self._grid.read(shared),
            self._grid.read(shared_sum[..., None])[..., 0],
            own,
            own_sum,
        )
        return out.reshape(rows, 1, query_heads, size)

    def _change(self, change: Callable[["Tensor"], "Tensor"]) -> None:
        """Change the rows' keys and values layer by layer, so that only one is in memory twice."""
        for tensors in (self._keys, self._values):
            for layer, kept in enumerate(tensors):
                tensors[layer] = change(kept)

    def _rearrange(self) -> None:
        """Lay the rows out anew; stack the prompts anew if it is others that have rows now."""
        import torch

        if not self._row_prompts:
            self._grid = None
            return
        before = self._grid.prompts if self._grid is not None else ()
        sample = next(iter(self._prefixes.values()))[0][0]
        self._grid = lay_out(self._row_prompts, sample.device)
        prompts = self._grid.prompts
        size_of = {prompt: self._prefixes[prompt][0][0].shape[1] for prompt in prompts}
        self._sizes = torch.tensor([size_of[p] for p in self._row_prompts], device=sample.device)
        if prompts == before:
            return
        longest = max(size_of.values())
        sizes = torch.tensor(list(size_of.values()), device=sample.device)
        steps = torch.arange(longest, device=sample.device)
        self._prefix_mask = _mask(steps[None, :] >= sizes[:, None], sample.dtype)
        self._joined = [
            (
                _stack([self._prefixes[p][layer][0] for p in prompts], longest),
                _stack([self._prefixes[p][layer][1] for p in prompts], longest),
            )
            for layer in range(self.layers)
        ]
        # From now on a prompt's own keys and values are views of these: they are there once.
        for place, prompt in enumerate(prompts):
            self._prefixes[prompt] = [
                (keys[place, :, : size_of[prompt]], values[place, :, : size_of[prompt]])
                for keys, values in self._joined
            ]


def _mask(hidden: "Tensor", dtype: "torch.dtype") -> "Tensor":
    """(n, tokens) of bool to what `attend_part` takes, (n, 1, 1, tokens)."""
    import torch

    mask = torch.zeros(hidden.shape, dtype=dtype, device=hidden.device)
    return mask.masked_fill_(hidden, -torch.inf)[:, None, None, :]


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
