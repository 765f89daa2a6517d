"""The next token: what the knobs make of the model's distribution, and the alternatives.

Both use the sampler's own functions, so that what is shown is what texts are drawn from.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.domain.next_token import Change, ListedToken
from core.generation.local.decoding import Engine
from core.generation.local.sampling import (
    Knobs,
    adjusted_logits,
    dense_biases,
    sampling_weights,
)

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Step:
    """A token of a text, and the alternatives to it.

    Args:
        token: its id.
        before: its probability under the untouched model, 0 to 1.
        after: its probability under the knobs, 0 to 1.
        rank: its place under the knobs, 1 is the most probable.
        others: the most probable tokens under the knobs, (id, probability), itself included.
    """

    token: int
    before: float
    after: float
    rank: int
    others: tuple[tuple[int, float], ...]


def change(
    logits: "Tensor",
    knobs: Knobs,
    *,
    biases: Mapping[int, float] | None = None,
    drawn: Sequence[int] = (),
    top: int = 30,
) -> Change:
    """Compare the distribution that a token is drawn from with the untouched one.

    Args:
        logits: the model's for the next token, float32 (vocabulary,).
        knobs: temperature 0 puts all mass on the likeliest token.
        biases: logit bias by token id.
        drawn: tokens that the text holds already, for the frequency penalty.
        top: how many tokens to list.
    """
    import torch

    logits = logits.cpu()  # MPS has no float64
    before = torch.softmax(logits.double(), dim=-1)
    after = _drawn_from(logits, knobs, _dense(logits, biases), drawn)
    ranked = torch.maximum(before, after).topk(min(top, len(logits))).indices.sort().values
    order = ranked[before[ranked].argsort(descending=True, stable=True)]
    given = biases or {}
    down = [token for token, bias in given.items() if bias < 0]
    return Change(
        tokens=tuple(
            ListedToken(token, float(before[token]), float(after[token]), given.get(token, 0.0))
            for token in order.tolist()
        ),
        moved=float((before - after).abs().sum() / 2),
        suppressed_before=float(before[down].sum()) if down else 0.0,
        suppressed_after=float(after[down].sum()) if down else 0.0,
        bits_before=_bits(before),
        bits_after=_bits(after),
        possible=int((after > 0).sum()),
    )


def walk(
    engine: Engine,
    prompt: Sequence[int],
    text: Sequence[int],
    knobs: Knobs,
    *,
    biases: Mapping[int, float] | None = None,
    top: int = 10,
    between: Callable[[], None] = lambda: None,
) -> Iterator[Step]:
    """Go through a text token by token, with the alternatives to each.

    Args:
        engine: a fresh one.
        prompt: token ids.
        text: token ids of what followed.
        knobs: those that the text was drawn with.
        biases: logit bias by token id.
        top: how many other tokens to list at each.
        between: called before each token.

    Yields:
        One step per token of the text.
    """
    import torch

    logits = engine.prefill(0, prompt)
    device = logits.device
    bias = _dense(logits.cpu(), biases)
    for place, token in enumerate(text):
        between()
        if place == 1:
            engine.add_rows([0])
        if place:
            logits = engine.step(torch.tensor([text[place - 1]], device=device))[0]
        logits = logits.cpu()
        before = torch.softmax(logits.double(), dim=-1)
        after = _drawn_from(logits, knobs, bias, text[:place])
        best = after.topk(min(top, len(after)))
        yield Step(
            token=token,
            before=float(before[token]),
            after=float(after[token]),
            rank=int((after > after[token]).sum()) + 1,
            others=tuple(zip(best.indices.tolist(), best.values.tolist(), strict=True)),
        )


def _drawn_from(
    logits: "Tensor", knobs: Knobs, bias: "Tensor | None", drawn: Sequence[int]
) -> "Tensor":
    """Probabilities of being drawn, float64 (vocabulary,)."""
    import torch

    held = torch.tensor([list(drawn)], dtype=torch.int64, device=logits.device)
    adjusted = adjusted_logits(logits[None], knobs, bias=bias, drawn=held)
    if knobs.temperature == 0:
        certain = torch.zeros_like(adjusted[0], dtype=torch.float64)
        certain[adjusted[0].argmax()] = 1.0
        return certain
    weights = sampling_weights(adjusted, knobs)[0].double()
    return weights / weights.sum()


def _dense(logits: "Tensor", biases: Mapping[int, float] | None) -> "Tensor | None":
    """A bias for each token, float32 (1, vocabulary); None without any."""
    entries = tuple((biases or {}).items())
    (dense,) = dense_biases([entries], vocabulary=len(logits), device=logits.device)
    return None if dense is None else dense[None]


def _bits(shares: "Tensor") -> float:
    held = shares[shares > 0]
    return max(0.0, float(-(held * held.log2()).sum()))
