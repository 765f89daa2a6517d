"""Packed linear layers: the plain layer's values, and the plain layer where they can't be had."""

import pytest
import torch

from core.generation import packed_linear
from core.generation.packed_linear import pack_linears, packed_linear_class, packing_pays


def has_operator(dtype: torch.dtype = torch.float32) -> bool:
    try:
        linear = torch.nn.Linear(8, 8).to(dtype)
        packed_linear_class()(linear)(torch.zeros((1, 8), dtype=dtype))
    except (AttributeError, NotImplementedError, RuntimeError):
        return False
    return True


needs_operator = pytest.mark.skipif(not has_operator(), reason="this torch lacks the operator")


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 2e-2)], ids=str
)
def test_it_gives_the_plain_layers_values(bias: bool, dtype: torch.dtype, tolerance: float) -> None:
    if not has_operator(dtype):  # as on a CPU that knows no bfloat16: then nothing is packed
        assert not packing_pays(small_model().to(dtype).eval())
        return
    generator = torch.Generator().manual_seed(4)
    linear = torch.nn.Linear(48, 20, bias=bias)
    for parameter in linear.parameters():
        parameter.data.normal_(generator=generator)
    linear = linear.to(dtype)
    with torch.inference_mode():
        packed = packed_linear_class()(linear)
        for shape in [(1, 48), (20, 48), (33, 48), (3, 7, 48), (2, 1, 48)]:
            x = torch.randn(shape, generator=generator).to(dtype)
            exact = x.double() @ linear.weight.double().T
            exact = exact + linear.bias.double() if bias else exact
            found = packed(x)
            assert found.shape == (*shape[:-1], 20)
            assert found.dtype == dtype
            assert (found.double() - exact).abs().max() <= tolerance * exact.abs().max()
        # a slice is not contiguous
        wide = torch.randn((6, 3, 48), generator=generator).to(dtype)
        assert torch.allclose(packed(wide[:, 1]), packed(wide[:, 1].contiguous()))


def small_model() -> torch.nn.Sequential:
    return torch.nn.Sequential(torch.nn.Linear(16, 32), torch.nn.ReLU(), torch.nn.Linear(32, 8))


@needs_operator
def test_all_linear_layers_are_replaced_where_it_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([1.0, 2.0])  # the packed one is asked first
    monkeypatch.setattr(packed_linear, "seconds_of", lambda call: next(times))
    model = small_model().eval()
    x = torch.randn((5, 16), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        plain = model(x)
        assert packing_pays(model)
        pack_linears(model)
        assert [type(m).__name__ for m in model] == ["PackedLinear", "ReLU", "PackedLinear"]
        assert torch.allclose(model(x), plain, atol=1e-5)


@needs_operator
def test_a_gain_that_is_not_clear_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([0.93, 1.0])
    monkeypatch.setattr(packed_linear, "seconds_of", lambda call: next(times))
    model = small_model().eval()
    assert not packing_pays(model)
    assert [type(m).__name__ for m in model] == ["Linear", "ReLU", "Linear"]


@pytest.mark.parametrize("error", [AttributeError, NotImplementedError, RuntimeError])
def test_without_the_operator_the_model_stays_plain(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    class Missing:
        def __init__(self, linear: torch.nn.Linear) -> None:
            raise error("no such operator")

    monkeypatch.setattr(packed_linear, "packed_linear_class", lambda: Missing)
    model = small_model().eval()
    assert not packing_pays(model)
    assert [type(m).__name__ for m in model] == ["Linear", "ReLU", "Linear"]


def test_one_that_answers_otherwise_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    class Wrong(torch.nn.Module):
        def __init__(self, linear: torch.nn.Linear) -> None:
            super().__init__()
            self.linear = linear

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.linear(x) * 1.1

    times = iter([1.0, 2.0])
    monkeypatch.setattr(packed_linear, "seconds_of", lambda call: next(times))
    monkeypatch.setattr(packed_linear, "packed_linear_class", lambda: Wrong)
    assert not packing_pays(small_model().eval())


def test_a_model_without_linear_layers_is_left_alone() -> None:
    assert not packing_pays(torch.nn.Sequential(torch.nn.ReLU()))
