"""The engines against the plain forward pass of tiny random models."""

import copy
from typing import Any

import pytest
import torch
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    MistralConfig,
    MistralForCausalLM,
)

from core.generation.engines import (
    ExpandedCacheEngine,
    SharedPrefixEngine,
    install_attention,
    mixing_agrees,
)
from core.generation.loading import pick_engine
from core.generation.shared_prefix import ATTENTION_NAME
from tests.generation.tiny import SIZES, lively, tiny_gpt2, tiny_llama

PROMPTS = ([5, 9, 200, 31, 31, 7, 80], [300, 2], [44] * 11 + [3])


def tiny_mistral(window: int | None, **changes: Any) -> Any:
    return lively(MistralForCausalLM(MistralConfig(sliding_window=window, **(SIZES | changes))))


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


@pytest.mark.parametrize("make", [tiny_llama, tiny_gpt2])
def test_the_shared_prefix_engine_gives_the_plain_models_logits(make: Any) -> None:
    plain = make()
    followed = Followed(SharedPrefixEngine(ours(plain)), plain)
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


@pytest.mark.parametrize("make", [tiny_llama, tiny_gpt2, lambda: tiny_mistral(None)])
def test_full_causal_attention_may_mix(make: Any) -> None:
    model = make()
    assert mixing_agrees(model)
    assert model.config._attn_implementation == ATTENTION_NAME
    assert pick_engine(make()) is SharedPrefixEngine


@pytest.mark.parametrize(
    "make",
    [
        lambda: tiny_mistral(4),
        lambda: tiny_mistral(64),  # wider than the probe's prompts, narrower than a real one
        lambda: lively(
            Gemma2ForCausalLM(Gemma2Config(**SIZES, head_dim=8, attn_logit_softcapping=2.0))
        ),
    ],
    ids=["window of 4", "window of 64", "windows and soft caps"],
)
def test_windows_and_caps_get_the_other_engine(make: Any) -> None:
    model = make()
    own = model.config._attn_implementation
    assert not mixing_agrees(model)
    assert model.config._attn_implementation == own
    assert pick_engine(model) is ExpandedCacheEngine
    tokens = [11, 12, 13] * 30
    with torch.inference_mode():
        assert torch.equal(
            model(torch.tensor([tokens])).logits, make()(torch.tensor([tokens])).logits
        )


def test_a_window_that_no_context_can_pass_does_not_matter() -> None:
    assert mixing_agrees(tiny_mistral(512))


def test_an_attention_that_adds_something_of_its_own_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The model's own attention weighs its scores otherwise; ours would silently not.
    model = tiny_llama()
    for layer in model.model.layers:
        monkeypatch.setattr(layer.self_attn, "forward", halved(layer.self_attn))
    assert not mixing_agrees(model)
    assert model.config._attn_implementation == "sdpa"


def halved(attention: Any) -> Any:
    forward = attention.forward

    def changed(*args: Any, **kwargs: Any) -> Any:
        own = attention.config._attn_implementation != ATTENTION_NAME
        out, weights = forward(*args, **kwargs)
        return (out * 0.5 if own else out), weights

    return changed


def test_a_model_that_fails_under_our_attention_gets_the_other_engine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = tiny_llama()

    def refuse(self: Any, *_: Any) -> None:
        raise TypeError("no such cache")

    monkeypatch.setattr(SharedPrefixEngine, "step", refuse)
    assert pick_engine(model) is ExpandedCacheEngine
    assert model.config._attn_implementation == "sdpa"


@pytest.mark.parametrize("row", [0, 1, 2])
def test_one_row_that_differs_is_enough(monkeypatch: pytest.MonkeyPatch, row: int) -> None:
    step = SharedPrefixEngine.step

    def off(self: Any, tokens: torch.Tensor) -> torch.Tensor:
        logits = step(self, tokens).clone()
        logits[row] = logits[row] * 0.9
        return logits

    monkeypatch.setattr(SharedPrefixEngine, "step", off)
    assert not mixing_agrees(tiny_llama())


def test_half_precision_agrees_within_its_rounding() -> None:
    model = tiny_llama().to(torch.bfloat16)
    assert mixing_agrees(model)
