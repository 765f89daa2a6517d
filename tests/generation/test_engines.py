"""The engines against the plain forward pass of tiny random models."""

import copy
from typing import Any

import pytest
import torch

from core.generation.local.engines import (
    ExpandedCacheEngine,
    SharedPrefixEngine,
    TransformersForward,
    install_attention,
)
from core.generation.local.llama import LlamaForward
from core.generation.local.shared_prefix import ATTENTION_NAME
from tests.generation.tiny import SIZES, halved_precision, tiny_gpt2, tiny_llama, tiny_mistral

PROMPTS = ([5, 9, 200, 31, 31, 7, 80], [300, 2], [44] * 11 + [3])


def ours(model: Any) -> Any:
    """A copy of the model that has our attention."""
    install_attention()
    switched = copy.deepcopy(model)
    switched.set_attn_implementation(ATTENTION_NAME)
    return switched


class Followed:
    """An engine whose every answer is compared with a plain forward of the whole context."""

    def __init__(self, engine: Any, plain: Any) -> None:
        self.engine, self.plain = engine, plain
        self.rows: list[list[int]] = []
        self.generator = torch.Generator().manual_seed(1)

    def expected(self, tokens: list[int]) -> torch.Tensor:
        with torch.inference_mode():
            return self.plain(torch.tensor([tokens]), use_cache=False).logits[0, -1]

    def prefill(self, prompt: int) -> None:
        logits = self.engine.prefill(prompt, PROMPTS[prompt])
        assert logits.dtype == torch.float32
        assert torch.allclose(logits, self.expected(PROMPTS[prompt]), atol=2e-4)

    def admit(self, prompt: int, count: int) -> None:
        self.prefill(prompt)
        self.engine.add_rows([prompt] * count)
        self.rows.extend([list(PROMPTS[prompt]) for _ in range(count)])

    def keep(self, rows: list[int]) -> None:
        self.engine.keep_rows(rows)
        self.rows = [self.rows[row] for row in rows]

    def step(self) -> None:
        tokens = torch.randint(0, SIZES["vocab_size"], (len(self.rows),), generator=self.generator)
        logits = self.engine.step(tokens)
        assert logits.dtype == torch.float32
        for row, token, found in zip(self.rows, tokens.tolist(), logits, strict=True):
            row.append(token)
            assert torch.allclose(found, self.expected(row), atol=2e-4)


def as_transformers(model: Any) -> Any:
    return TransformersForward(ours(model))


@pytest.mark.parametrize(
    ("make", "forward"),
    [
        (tiny_llama, as_transformers),
        (tiny_gpt2, as_transformers),
        (tiny_llama, lambda model: LlamaForward(model, "plain")),
        (
            lambda: tiny_llama(attention_bias=True, mlp_bias=True),
            lambda m: LlamaForward(m, "plain"),
        ),
        (lambda: halved_precision(tiny_llama()), lambda model: LlamaForward(model, "half")),
    ],
    ids=["transformers llama", "transformers gpt2", "llama", "llama with biases", "llama in half"],
)
def test_the_shared_prefix_engine_gives_the_plain_models_logits(make: Any, forward: Any) -> None:
    plain = make()
    followed = Followed(SharedPrefixEngine(forward(plain)), plain)
    followed.admit(0, 3)
    followed.step()
    followed.step()
    followed.admit(1, 2)
    followed.step()
    followed.keep([0, 2, 4])
    followed.step()
    followed.admit(2, 1)
    followed.step()
    followed.keep([3])
    for _ in range(33):  # past the room that rows begin with
        followed.step()
    followed.keep([])
    followed.admit(0, 2)
    followed.step()


@pytest.mark.parametrize(
    "make", [tiny_llama, tiny_gpt2, lambda: tiny_mistral(4)], ids=["llama", "gpt2", "window"]
)
def test_the_expanded_cache_engine_gives_any_models_logits(make: Any) -> None:
    plain = make()
    followed = Followed(ExpandedCacheEngine(copy.deepcopy(plain)), plain)
    for prompt, count in ((0, 4), (2, 1), (1, 2)):
        followed.admit(prompt, count)
        while followed.rows:
            followed.step()
            followed.step()
            followed.keep(list(range(1, len(followed.rows))))


def test_the_models_above_look_at_their_whole_context() -> None:
    # Else the comparisons could not fail.
    for model in (tiny_llama(), tiny_gpt2()):
        one, other = list(PROMPTS[0]), list(PROMPTS[0])
        other[0] = 6
        with torch.inference_mode():
            gap = model(torch.tensor([one])).logits - model(torch.tensor([other])).logits
        assert gap[0, -1].abs().max() > 0.05
