"""The sampler: logit biases, penalties, temperature, min-p, top-p, and the draw."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Self

from core.domain.conditions import Condition
from core.domain.errors import BadInput

if TYPE_CHECKING:
    from torch import Tensor


Entries = tuple[tuple[int, float], ...]
"""Token and bias; those of one token are summed."""


def dense_biases(
    listed: Sequence[Entries], *, vocabulary: int, device: Any
) -> "list[Tensor | None]":
    """A bias for each prompt, float32 (vocabulary,); None where it has no entry.

    Equal entries give one tensor, the same object, which `decoding.decode` notices.

    Args:
        listed: the entries of each prompt.
        vocabulary: the model's number of tokens.
        device: where the tensors lie.

    Raises:
        BadInput: a token is outside of the vocabulary.
    """
    import torch

    made: dict[Entries, Tensor | None] = {(): None}
    for entries in dict.fromkeys(listed):
        over = [token for token, _ in entries if token >= vocabulary]
        if over:
            raise BadInput(
                f"Token {over[0]} is outside the model's vocabulary of {vocabulary}.",
                "Give token ids of this model's own tokenizer.",
            )
        if entries:
            dense = torch.zeros(vocabulary)
            for token, bias in entries:
                dense[token] += bias
            made[entries] = dense.to(device)
    return [made[entries] for entries in listed]


_BLOCK = 256
_NUCLEUS_FIRST = 512
# Knobs may be smaller than float32 can hold; as 0 they would divide by zero or keep no token.
_LEAST = 1e-37


@dataclass(frozen=True, slots=True)
class Knobs:
    """The part of a condition that acts on one step.

    Args:
        temperature: 0 to 2; 0 takes the likeliest token.
        top_p: above 0 to 1.
        min_p: 0 to 1.
        frequency_penalty: -2 to 2.
    """

    temperature: float
    top_p: float
    min_p: float
    frequency_penalty: float

    @classmethod
    def of(cls, condition: Condition) -> Self:
        """Those of a condition."""
        return cls(*(getattr(condition, field.name) for field in fields(cls)))


def adjusted_logits(
    logits: "Tensor", knobs: Knobs, *, bias: "Tensor | None", drawn: "Tensor | None"
) -> "Tensor":
    """Add the bias and take off the frequency penalty.

    Args:
        logits: float32 (rows, vocabulary), left untouched.
        knobs: `frequency_penalty` is used here.
        bias: float32 (rows or 1, vocabulary), or None.
        drawn: int64 (rows, steps), the tokens each row holds already; -1 where there is none.

    Returns:
        float32 (rows, vocabulary), a new tensor or `logits` itself where nothing changes.
    """
    changed = logits if bias is None else logits + bias
    if knobs.frequency_penalty and drawn is not None and drawn.shape[1]:
        changed = changed.clone() if changed is logits else changed
        penalty = (drawn >= 0).to(changed.dtype) * -knobs.frequency_penalty
        changed.scatter_add_(1, drawn.clamp(min=0), penalty)
    return changed


def sampling_weights(logits: "Tensor", knobs: Knobs) -> "Tensor":
    """Unnormalised probabilities after temperature, min_p and top_p.

    Args:
        logits: float32 (rows, vocabulary), biased and penalised; left untouched.
        knobs: `temperature` must be above 0.

    Returns:
        float32 (rows, vocabulary): 0 for a token that was cut, 1 for the row's likeliest.
    """
    peak = logits.amax(dim=-1, keepdim=True)
    weights = ((logits - peak) / max(knobs.temperature, _LEAST)).exp_()
    if knobs.min_p > 0:
        weights.masked_fill_(weights < knobs.min_p, 0.0)
    if knobs.top_p < 1:
        weights = _nucleus(weights, knobs.top_p)
    return weights


def draw(weights: "Tensor", uniforms: "Tensor") -> "Tensor":
    """Draw one token per row in proportion to the weights.

    Sums of blocks find the block, a cumulative sum inside it the token, so that the whole
    vocabulary is added up only once and in float64 where it matters.

    Args:
        weights: float32 (rows, vocabulary), at least one above 0 per row.
        uniforms: float64 (rows,), in [0, 1).

    Returns:
        int64 (rows,): token ids, never one of weight 0.
    """
    import torch

    rows, vocabulary = weights.shape
    if vocabulary % _BLOCK:
        weights = torch.nn.functional.pad(weights, (0, _BLOCK - vocabulary % _BLOCK))
    blocks = weights.view(rows, -1, _BLOCK)
    ends = blocks.sum(dim=-1, dtype=torch.float64).cumsum(dim=-1)
    aim = uniforms[:, None] * ends[:, -1:]
    block = _first_above(ends, aim)
    before = ends.gather(1, (block - 1).clamp(min=0)) * (block > 0)
    inside = blocks[torch.arange(rows, device=weights.device), block[:, 0]]
    place = _first_above(inside.to(torch.float64).cumsum(dim=-1), (aim - before).clamp(min=0))
    return (block * _BLOCK + place)[:, 0]


def _first_above(ends: "Tensor", aim: "Tensor") -> "Tensor":
    """Index (rows, 1) of the first end above the aim; by rounding none may be: then the last
    place at which the sum still grew."""
    above = ends > aim
    last = (ends >= ends[:, -1:]).to(ends.dtype).argmax(dim=-1, keepdim=True)
    first = above.to(ends.dtype).argmax(dim=-1, keepdim=True)
    return first.where(above[:, -1:], last)


def _nucleus(weights: "Tensor", top_p: float) -> "Tensor":
    """Keep the smallest set of likeliest tokens that holds at least top_p of the mass."""
    import torch

    wanted = weights.sum(dim=-1, keepdim=True) * max(top_p, _LEAST)
    width = min(_NUCLEUS_FIRST, weights.shape[1])
    # The nucleus nearly always lies within the likeliest few hundred: sorting only these is forty
    # times faster than sorting the vocabulary, which is left for the rows that need it.
    head, order = weights.topk(width, dim=-1)
    kept = torch.zeros_like(weights).scatter_(1, order, _within(head, wanted))
    wide = head.sum(dim=-1) < wanted[:, 0]
    if width < weights.shape[1] and bool(wide.any()):
        head, order = weights[wide].sort(dim=-1, descending=True)
        kept[wide] = torch.zeros_like(head).scatter_(1, order, _within(head, wanted[wide]))
    return kept


def _within(ranked: "Tensor", wanted: "Tensor") -> "Tensor":
    before = ranked.cumsum(dim=-1) - ranked
    return ranked * (before < wanted)
