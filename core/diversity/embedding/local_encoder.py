"""Batches of texts of like length, and how a text's one vector comes from its tokens' vectors."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from core.diversity.embedding.encoder import EncoderFacts
from core.diversity.measures.remote_clique import Vectors, no_pause
from core.domain.errors import BackendFailed
from core.models.devices import give_memory_back, is_out_of_memory

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


# Characters that are cut into tokens at once: a few hundredths of a second.
_CHARACTERS = 200_000


class LocalEncoder:
    """A transformers model that gives a vector for each token, and a pooling.

    Args:
        model: on its device, in evaluation mode, its linear layers in the number type of `facts`.
        tokenizer: its tokenizer.
        facts: JSON-ready, with at least fingerprint, pooling, max_tokens and dtype.
        batch_tokens: most tokens of a batch, padding counted.
    """

    def __init__(
        self, model: Any, tokenizer: Any, *, facts: EncoderFacts, batch_tokens: int
    ) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._facts = facts
        self._pool = POOLINGS[facts["pooling"]]
        self._batch_tokens = batch_tokens
        self._halved = 0
        known = (tokenizer.pad_token_id, tokenizer.eos_token_id, tokenizer.unk_token_id, 0)
        self._padding = int(next(token for token in known if token is not None))
        self._size = int(self._encoded([[self._padding]]).shape[1])

    @property
    def fingerprint(self) -> str:
        """Weights, pooling, most tokens of a text and number type."""
        return self._facts["fingerprint"]

    @property
    def facts(self) -> EncoderFacts:
        """What it was given, its size, most tokens of a batch, and how often memory ran out."""
        return {
            **self._facts,
            "size": self._size,
            "batch_tokens": self._batch_tokens,
            "halved": self._halved,
        }

    @property
    def size(self) -> int:
        """Numbers of a vector."""
        return self._size

    def embed(self, texts: Sequence[str], *, between: Callable[[], None] = no_pause) -> Vectors:
        """See `Encoder.embed`.

        In half precision a text's vector hangs a little on the batch it is in: the cosine between
        two of them is above 0.9999.
        """
        rows: list[list[int]] = []
        for part in _parts(texts):
            rows += self._tokens(part)
            between()
        out = np.empty((len(texts), self._size), dtype=np.float32)
        waiting = batches([len(row) for row in rows], budget=self._batch_tokens)[::-1]
        while waiting:
            batch = waiting.pop()
            try:
                vectors = self._encoded([rows[place] for place in batch])
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                vectors = None  # outside of this block the error holds no tensor any more
            if vectors is None:
                waiting += self._halves(batch, rows)[::-1]
            elif np.isfinite(vectors).all():
                out[batch] = vectors
            else:
                raise BackendFailed(
                    f"The encoder gives numbers that are not finite in {self._facts['dtype']}.",
                    "Choose another encoder, or the device cpu.",
                )
            between()
        return out

    def _tokens(self, texts: Sequence[str]) -> list[list[int]]:
        token_ids: list[list[int]] = self._tokenizer(
            list(texts),
            truncation=True,
            max_length=self._facts["max_tokens"],
            padding=False,
            return_attention_mask=False,
            return_token_type_ids=False,
        )["input_ids"]
        # Where a tokenizer frames no text, an empty one has no token at all.
        return [row or [self._padding] for row in token_ids]

    def _encoded(self, rows: Sequence[Sequence[int]]) -> Vectors:
        import torch

        device, dtype = self._model.device, self._facts["dtype"]
        half = torch.bfloat16 if dtype == "float32" else getattr(torch, dtype)
        autocast = torch.autocast(
            device.type, dtype=half, enabled=dtype != "float32", cache_enabled=False
        )
        with torch.inference_mode(), autocast:
            ids, mask = padded(rows, padding=self._padding)
            mask = mask.to(device)
            hidden = self._model(input_ids=ids.to(device), attention_mask=mask).last_hidden_state
            vectors: Vectors = self._pool(hidden, mask).cpu().numpy()
        return vectors

    def _halves(self, batch: list[int], rows: Sequence[Sequence[int]]) -> list[list[int]]:
        """The batch that was too large in two, and no such batch again."""
        self._halved += 1
        self._free()
        if len(batch) == 1:
            raise BackendFailed(
                "The memory does not do for the encoder and a single text.",
                "Close other programs, or choose a smaller encoder or the device cpu.",
            )
        middle = len(batch) // 2
        self._batch_tokens = max(1, len(rows[batch[0]]) * middle)
        return [batch[:middle], batch[middle:]]

    def _free(self) -> None:
        import torch

        give_memory_back()
        if self._model.device.type == "cuda":
            torch.cuda.empty_cache()
        elif self._model.device.type == "mps":
            torch.mps.empty_cache()


def _parts(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """The texts in runs of about `_CHARACTERS` characters."""
    start, length = 0, 0
    for place, text in enumerate(texts):
        length += len(text)
        if length >= _CHARACTERS:
            yield texts[start : place + 1]
            start, length = place + 1, 0
    if start < len(texts):
        yield texts[start:]
