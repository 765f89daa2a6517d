"""The engines against the plain forward pass of tiny random models."""

import copy
from typing import Any

import pytest
import torch
from transformers import Gemma2Config, Gemma2ForCausalLM

from core.domain.errors import BackendFailed
from core.generation.local import engines
from core.generation.local.engines import (
    ExpandedCacheEngine,
    SharedPrefixEngine,
    TransformersForward,
    install_attention,
    pick_engine,
)
from core.generation.local.llama import LlamaForward
from core.generation.local.shared_prefix import ATTENTION_NAME
from tests.generation.local.tiny import (
    SIZES,
    halved_precision,
    lively,
    tiny_gpt2,
    tiny_hybrid,
    tiny_llama,
    tiny_mamba,
    tiny_mistral,
)

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


@pytest.mark.parametrize("make", [tiny_hybrid, tiny_mamba])
def test_a_state_that_no_row_can_have_a_copy_of_is_read_again(make: Any) -> None:
    plain = make()
    picked = pick_engine(copy.deepcopy(plain), way="packed")
    assert (picked.kind, picked.way) == ("re-reading", "plain")
    followed = Followed(picked.make(), plain)
    for prompt, count in ((0, 4), (2, 1)):
        followed.admit(prompt, count)
        while followed.rows:
            followed.step()
            followed.step()
            followed.keep(list(range(1, len(followed.rows))))


def test_a_model_that_computes_nothing_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_gpt2()

    def fail(*_: Any, **__: Any) -> None:
        raise ValueError("odd shapes\nand more")

    monkeypatch.setattr(model, "forward", fail)
    with pytest.raises(BackendFailed, match="could not compute a trial text: odd shapes") as caught:
        pick_engine(model)
    assert "architectures named in README" in caught.value.remedy


def test_the_models_above_look_at_their_whole_context() -> None:
    # Else the comparisons could not fail.
    for model in (tiny_llama(), tiny_gpt2()):
        one, other = list(PROMPTS[0]), list(PROMPTS[0])
        other[0] = 6
        with torch.inference_mode():
            gap = model(torch.tensor([one])).logits - model(torch.tensor([other])).logits
        assert gap[0, -1].abs().max() > 0.05


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
