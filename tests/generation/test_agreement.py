"""Which engine a model gets: the quick ones only where they give the model's own answers."""

from typing import Any

import pytest
import torch
from transformers import Gemma2Config, Gemma2ForCausalLM

from core.generation.local import engines
from core.generation.local.engines import SharedPrefixEngine, pick_engine
from core.generation.local.llama import LlamaForward
from core.generation.local.shared_prefix import ATTENTION_NAME
from tests.generation.tiny import (
    SIZES,
    halved_precision,
    lively,
    tiny_gpt2,
    tiny_llama,
    tiny_mistral,
)


def answer(model: Any, tokens: list[int]) -> torch.Tensor:
    with torch.inference_mode():
        return model(torch.tensor([tokens])).logits[0, -1]


def test_a_llama_runs_by_our_forward_pass_and_frees_its_own_layers() -> None:
    model = tiny_llama()
    own = answer(tiny_llama(), [4, 5, 6])
    picked = pick_engine(model)
    assert (picked.kind, picked.forward) == ("shared prefix", "llama")
    assert sum(parameter.numel() for parameter in model.parameters()) < 1.1 * 32 * 320
    assert torch.allclose(picked.make().prefill(0, [4, 5, 6]), own, atol=1e-4)
    assert picked.make() is not picked.make()


@pytest.mark.parametrize(
    "make",
    [tiny_gpt2, lambda: tiny_mistral(None), lambda: tiny_mistral(512)],
    ids=["gpt2", "mistral", "a window past all contexts"],
)
def test_full_causal_attention_of_another_make_may_mix(make: Any) -> None:
    model = make()
    picked = pick_engine(model)
    assert (picked.kind, picked.forward) == ("shared prefix", "transformers")
    assert model.config._attn_implementation == ATTENTION_NAME


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
    picked = pick_engine(model)
    assert (picked.kind, picked.forward) == ("expanded cache", "transformers")
    assert model.config._attn_implementation == own
    tokens = [11, 12, 13] * 30
    assert torch.equal(answer(model, tokens), answer(make(), tokens))


def test_a_llama_of_another_activation_is_left_to_transformers() -> None:
    assert pick_engine(tiny_llama(hidden_act="gelu")).forward == "transformers"


def test_an_attention_that_adds_something_of_its_own_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The model's own attention weighs its scores otherwise; ours would silently not.
    model = tiny_llama()
    for layer in model.model.layers:
        monkeypatch.setattr(layer.self_attn, "forward", halved(layer.self_attn))
    own = answer(model, [4, 5, 6])
    assert pick_engine(model).kind == "expanded cache"
    assert model.config._attn_implementation == "sdpa"
    assert torch.equal(answer(model, [4, 5, 6]), own)


def halved(attention: Any) -> Any:
    forward = attention.forward

    def changed(*args: Any, **kwargs: Any) -> Any:
        own = attention.config._attn_implementation != ATTENTION_NAME
        out, weights = forward(*args, **kwargs)
        return (out * 0.5 if own else out), weights

    return changed


def test_a_model_that_fails_under_our_engine_gets_the_other_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = tiny_llama()

    def refuse(self: Any, *_: Any) -> None:
        raise TypeError("no such cache")

    monkeypatch.setattr(SharedPrefixEngine, "step", refuse)
    assert pick_engine(model).kind == "expanded cache"
    assert model.config._attn_implementation == "sdpa"
    assert answer(model, [4, 5]).shape == (320,)


@pytest.mark.parametrize("row", [0, 1, 2])
@pytest.mark.parametrize("make", [tiny_llama, tiny_gpt2])
def test_one_row_that_differs_is_enough(
    monkeypatch: pytest.MonkeyPatch, make: Any, row: int
) -> None:
    step = SharedPrefixEngine.step

    def off(self: Any, tokens: torch.Tensor) -> torch.Tensor:
        logits = step(self, tokens).clone()
        logits[row] = logits[row] * 0.9
        return logits

    monkeypatch.setattr(SharedPrefixEngine, "step", off)
    assert pick_engine(make()).kind == "expanded cache"


def test_half_precision_agrees_within_its_rounding() -> None:
    assert pick_engine(tiny_llama().to(torch.bfloat16)).forward == "llama"
    assert pick_engine(tiny_gpt2().to(torch.bfloat16)).kind == "shared prefix"


def test_a_way_that_does_not_suit_the_weights_is_not_taken() -> None:
    # These weights are not what float16 holds: the ones of the model itself are used.
    own = answer(tiny_llama(), [4, 5, 6])
    picked = pick_engine(tiny_llama(), way="half")
    assert (picked.kind, picked.way) == ("shared prefix", "plain")
    assert torch.allclose(picked.make().prefill(0, [4, 5, 6]), own, atol=1e-4)


def test_the_way_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    class Spy(LlamaForward):
        def __init__(self, model: Any, way: str) -> None:
            seen.append(way)
            super().__init__(model, way)

    monkeypatch.setattr(engines, "LlamaForward", Spy)
    picked = pick_engine(halved_precision(tiny_llama()), way="half")
    assert (picked.forward, picked.way) == ("llama", "half")
    assert seen == ["half"]
    other = tiny_mistral(None)
    picked = pick_engine(halved_precision(other), way="half")
    assert (picked.kind, picked.way) == ("shared prefix", "half")
    assert type(other.lm_head).__name__ == "Replaced"
