"""Linear layers in other ways: the plain layer's values, and plain ones where they can't be had."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from core.generation.local import linears
from core.generation.local.linears import WAYS, quickest, replace_linears
from tests.generation.local.tiny import halved_precision, tiny_gpt2, tiny_llama

WIDTHS = (48, 20)


def has(way: str, dtype: torch.dtype = torch.float32) -> bool:
    try:
        WAYS[way](torch.zeros((8, 8), dtype=dtype), None)(torch.zeros((1, 8), dtype=dtype))
    except (AttributeError, NotImplementedError, RuntimeError, ValueError):
        return False
    return True


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("way", "dtype", "tolerance"),
    [
        ("plain", torch.float32, 1e-5),
        ("packed", torch.float32, 1e-5),
        ("half", torch.float32, 1e-5),
        ("packed", torch.bfloat16, 2e-2),
    ],
    ids=str,
)
def test_a_way_gives_the_exact_product(
    way: str, bias: bool, dtype: torch.dtype, tolerance: float
) -> None:
    if not has(way, dtype):
        pytest.skip("this torch or this processor lacks the operator")
    generator = torch.Generator().manual_seed(4)
    weight = torch.randn((20, 48), generator=generator).half().to(dtype)
    added = torch.randn(20, generator=generator).to(dtype) if bias else None
    with torch.inference_mode():
        apply = WAYS[way](weight, added)
        for shape in [(1, 48), (20, 48), (33, 48), (3, 7, 48), (2, 1, 48)]:
            x = torch.randn(shape, generator=generator).to(dtype)
            exact = x.double() @ weight.double().T
            exact = exact if added is None else exact + added.double()
            found = apply(x)
            assert found.shape == (*shape[:-1], 20)
            assert found.dtype == dtype
            assert (found.double() - exact).abs().max() <= tolerance * exact.abs().max()
        # a slice is not contiguous
        wide = torch.randn((6, 3, 48), generator=generator).to(dtype)
        assert torch.allclose(apply(wide[:, 1]), apply(wide[:, 1].contiguous()))


def test_half_refuses_weights_that_it_would_round() -> None:
    weight = torch.full((4, 4), 0.1)  # has no end in binary
    with pytest.raises(ValueError, match="does not hold"):
        WAYS["half"](weight, None)
    with pytest.raises(ValueError, match="does not hold"):
        WAYS["half"](weight.half(), None)


def small_model(*, exact_in_half: bool = True) -> torch.nn.Sequential:
    model = torch.nn.Sequential(torch.nn.Linear(16, 32), torch.nn.ReLU(), torch.nn.Linear(32, 8))
    return (halved_precision(model) if exact_in_half else model).eval()


def timed(monkeypatch: pytest.MonkeyPatch, **seconds: float) -> None:
    """Let each way take so long; those not named, forever."""
    by_call = {WAYS[way].__name__: taken for way, taken in seconds.items()}
    made: list[str] = []

    def naming(way: str) -> Callable[..., Any]:
        original = WAYS[way]

        def make(weight: torch.Tensor, bias: torch.Tensor | None) -> Any:
            made.append(original.__name__)
            return original(weight, bias)

        return make

    for way in WAYS:
        monkeypatch.setitem(WAYS, way, naming(way))
    monkeypatch.setattr(linears, "seconds_of", lambda call: by_call.get(made[-1], float("inf")))


@pytest.mark.parametrize(
    ("seconds", "way"),
    [
        ({"plain": 1.0, "packed": 0.5, "half": 0.4}, "half"),
        ({"plain": 1.0, "packed": 0.4, "half": 0.58}, "half"),  # it reads half as much
        ({"plain": 1.0, "packed": 0.4, "half": 0.6}, "packed"),
        ({"plain": 1.0, "packed": 0.92, "half": 1.34}, "plain"),  # no clear gain
        ({"plain": 1.0, "packed": 0.92, "half": 1.32}, "half"),
    ],
)
def test_the_quickest_way_is_taken(
    monkeypatch: pytest.MonkeyPatch, seconds: dict[str, float], way: str
) -> None:
    if not (has("packed") and has("half")):
        pytest.skip("this torch or this processor lacks an operator")
    timed(monkeypatch, **seconds)
    assert quickest(small_model()) == way


@pytest.mark.skipif(not has("half"), reason="this torch lacks the operator")
def test_half_must_hold_every_layer_and_not_just_the_widest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    timed(monkeypatch, plain=1.0, half=0.1)
    model = small_model()
    assert quickest(model) == "half"
    model[2].weight.data[0, 0] = 0.1
    assert quickest(model) == "plain"


@pytest.mark.parametrize("error", [AttributeError, NotImplementedError, RuntimeError])
def test_without_the_operators_it_is_plain(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def missing(*_: Any) -> Any:
        raise error("no such operator")

    monkeypatch.setitem(WAYS, "packed", missing)
    monkeypatch.setitem(WAYS, "half", missing)
    assert quickest(small_model()) == "plain"


def test_one_that_answers_otherwise_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    timed(monkeypatch, plain=1.0, packed=0.1)
    right = WAYS["packed"]

    def wrong(weight: torch.Tensor, bias: torch.Tensor | None) -> Any:
        apply = right(weight * 1.1, bias)
        return apply

    monkeypatch.setitem(WAYS, "packed", wrong)
    assert quickest(small_model()) == "plain"


def test_a_model_without_linear_layers_stays_as_it_is() -> None:
    assert quickest(torch.nn.Sequential(torch.nn.ReLU())) == "plain"


@pytest.mark.parametrize("way", ["packed", "half"])
def test_all_linear_layers_of_a_model_are_replaced(way: str) -> None:
    if not has(way):
        pytest.skip("this torch or this processor lacks the operator")
    model = halved_precision(tiny_llama())
    ids = torch.tensor([[4, 5, 6]])
    with torch.inference_mode():
        own = model(ids).logits
        assert replace_linears(model, way)
        assert not any(type(module) is torch.nn.Linear for module in model.modules())
        assert torch.allclose(model(ids).logits, own, atol=1e-4)


def test_plain_replaces_nothing() -> None:
    model = tiny_llama()
    assert not replace_linears(model, "plain")
    assert type(model.lm_head) is torch.nn.Linear


@pytest.mark.skipif(not has("packed"), reason="this torch lacks the operator")
def test_a_model_that_reads_a_weight_itself_keeps_its_layers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = tiny_gpt2()
    forward = model.forward

    def reading(*args: Any, **kwargs: Any) -> Any:
        assert model.lm_head.weight is not None
        return forward(*args, **kwargs)

    monkeypatch.setattr(model, "forward", reading)
    assert not replace_linears(model, "packed")
    assert type(model.lm_head) is torch.nn.Linear
