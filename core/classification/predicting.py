"""Predicting: texts through a classifier, of like length together."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from core.memory import Portion, is_out_of_memory

if TYPE_CHECKING:
    from torch import Tensor


def tokens_of(tokenizer: Any, texts: Sequence[str], *, max_tokens: int) -> list[list[int]]:
    """Each text's token ids with special ones, cut after `max_tokens` or what the model takes."""
    longest = min(max_tokens, tokenizer.model_max_length)
    encoded = tokenizer(list(texts), truncation=True, max_length=longest)
    tokens: list[list[int]] = encoded["input_ids"]
    return tokens


def padded(tokens: Sequence[Sequence[int]], *, pad: int, device: str) -> "dict[str, Tensor]":
    """A batch as the model takes it: int64 (texts, longest) each, padded on the right."""
    import torch

    longest = max(len(ids) for ids in tokens)
    ids = torch.full((len(tokens), longest), pad, dtype=torch.int64)
    mask = torch.zeros((len(tokens), longest), dtype=torch.int64)
    for row, own in enumerate(tokens):
        ids[row, : len(own)] = torch.tensor(own, dtype=torch.int64)
        mask[row, : len(own)] = 1
    return {"input_ids": ids.to(device), "attention_mask": mask.to(device)}


def pad_of(tokenizer: Any) -> int:
    """The token that fills a batch up; masked, so any does where the tokenizer names none."""
    return 0 if tokenizer.pad_token_id is None else int(tokenizer.pad_token_id)


def autocast(device: str, precision: str) -> AbstractContextManager[Any]:
    """The context in which a model computes with that precision, `float32` or `bfloat16`."""
    import torch

    if precision == "float32":
        return nullcontext()
    return torch.autocast(device, dtype=getattr(torch, precision))


def logits_of(
    model: Any,
    tokens: Sequence[Sequence[int]],
    *,
    pad: int,
    device: str,
    precision: str,
    portion: Portion,
    between: Callable[[], None] = lambda: None,
) -> npt.NDArray[np.float32]:
    """The head's outputs, float32 (texts, labels), in the order of the texts.

    Args:
        model: a transformers sequence classifier on `device`; left in evaluation mode.
        tokens: token ids of each text, at least one text.
        pad: token that fills up.
        device: `cpu`, `cuda` or `mps`.
        precision: `float32` or `bfloat16`.
        portion: texts at once; halved when memory runs out.
        between: called before every portion; what it raises ends the call.
    """
    import torch

    model.eval()
    order = sorted(range(len(tokens)), key=lambda row: len(tokens[row]))
    logits: npt.NDArray[np.float32] = np.zeros((len(tokens), model.config.num_labels), np.float32)
    start = 0
    while start < len(order):
        between()
        rows = order[start : start + portion.size]
        batch = [tokens[row] for row in rows]
        try:
            with torch.inference_mode(), autocast(device, precision):
                out = model(**padded(batch, pad=pad, device=device)).logits
            logits[rows] = out.float().cpu().numpy()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            out_of_memory = True
        else:
            out_of_memory = False
        if out_of_memory:  # outside of the handler, whose traceback holds on to what filled it
            portion.halve()
        else:
            start += len(rows)
    return logits


def softmax(logits: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Probabilities, float64 (texts, labels), each row adding up to 1."""
    wide = logits.astype(np.float64)
    powers = np.exp(wide - wide.max(axis=1, keepdims=True))
    shares: npt.NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return shares
