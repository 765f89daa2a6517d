"""Biases: what is added to the logits, spread from a few tokens to the whole vocabulary."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from core.errors import BadInput

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
