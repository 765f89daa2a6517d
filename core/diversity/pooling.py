"""Batches of texts of like length, and how a text's one vector comes from its tokens' vectors."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def batches(lengths: Sequence[int], *, budget: int) -> list[list[int]]:
    """Group texts so that little is padded and no batch is larger than the memory allows.

    Args:
        lengths: tokens of each text, at least 1.
        budget: tokens of a batch, padding counted, that are not to be exceeded; a single text of
            more is a batch by itself.

    Returns:
        Places in `lengths`, each in one batch, the longest texts first: what needs the most memory
        comes at once. Equal lengths stay in order.
    """
    groups: list[list[int]] = []
    for place in sorted(range(len(lengths)), key=lambda place: -lengths[place]):
        # The first of a batch is its longest, to which the others are padded.
        if groups and (len(groups[-1]) + 1) * lengths[groups[-1][0]] <= budget:
            groups[-1].append(place)
        else:
            groups.append([place])
    return groups


def padded(rows: Sequence[Sequence[int]], *, padding: int) -> "tuple[Tensor, Tensor]":
    """Token ids of texts as one matrix.

    Args:
        rows: token ids of each text.
        padding: the id that fills up the shorter ones, on the right.

    Returns:
        int64 ids and mask (1 for a token, 0 for padding), both (texts, longest).
    """
    import torch

    shape = (len(rows), max(map(len, rows)))
    ids, mask = torch.full(shape, padding), torch.zeros(shape, dtype=torch.int64)
    for place, row in enumerate(rows):
        ids[place, : len(row)] = torch.tensor(row)
        mask[place, : len(row)] = 1
    return ids, mask


def mean_pooled(hidden: "Tensor", mask: "Tensor") -> "Tensor":
    """The mean over a text's tokens, padding left out; computed in float32.

    Args:
        hidden: vectors of the tokens, (texts, tokens, size), of any float type.
        mask: (texts, tokens), not 0 where a token is.

    Returns:
        float32 (texts, size).
    """
    there = mask.unsqueeze(-1) != 0
    total = hidden.float().masked_fill(~there, 0.0).sum(dim=1)
    return total / there.sum(dim=1)


def cls_pooled(hidden: "Tensor", mask: "Tensor") -> "Tensor":
    """The vector of a text's first token, for encoders trained that way; float32 (texts, size)."""
    del mask
    return hidden[:, 0].float()


POOLINGS = {"mean": mean_pooled, "cls": cls_pooled}
