"""Ways to compute a linear layer on a CPU, and which of them is the quickest here.

`plain` is PyTorch's own, which lays the weight out anew at every product; with few rows (the tail
of a batch) that costs more than the product. `packed` lays it out once for oneDNN. `half` keeps the
weight in float16 and multiplies in float32 (FBGEMM): half the memory to read at every step, and the
very same numbers where float16 holds the weights exactly, as it does for models stored in it.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from core.models.devices import seconds_of

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    Linear = Callable[[Tensor], Tensor]

_ROWS = 32
# Factors of the measured times, so that noise decides little: packed must be
# clearly quicker than plain, while half, which halves what every step reads and all lanes share,
# may even look somewhat slower in a product by itself.
_COUNTS = {"plain": 1.0, "packed": 1.1, "half": 0.75}


def plain(weight: "Tensor", bias: "Tensor | None") -> "Linear":
    """x @ weight.T + bias for x (..., in), weight (out, in) and bias (out,)."""
    import torch

    return lambda x: torch.nn.functional.linear(x, weight, bias)


def packed(weight: "Tensor", bias: "Tensor | None") -> "Linear":
    """As `plain`, with a weight laid out once.

    Raises:
        AttributeError, NotImplementedError, RuntimeError: this torch or this machine can't.
    """
    import torch

    outputs, inputs = weight.shape
    laid_out = torch.ops.mkldnn._reorder_linear_weight(weight, _ROWS)

    def apply(x: "Tensor") -> "Tensor":
        flat = x.reshape(-1, inputs)
        out: Tensor = torch.ops.mkldnn._linear_pointwise(flat, laid_out, bias, "none", [], "")
        return out.view(*x.shape[:-1], outputs)

    return apply


def half(weight: "Tensor", bias: "Tensor | None") -> "Linear":
    """As `plain`, with a float32 weight kept in float16.

    Raises:
        ValueError: float16 does not hold the weight exactly, or the weight is not float32.
        AttributeError, NotImplementedError, RuntimeError: this torch or this machine can't.
    """
    import torch

    if weight.dtype != torch.float32 or not _fits_half(weight):
        raise ValueError("float16 does not hold this weight")
    laid_out = torch.ops.quantized.linear_prepack_fp16(weight, bias)

    def apply(x: "Tensor") -> "Tensor":
        out: Tensor = torch.ops.quantized.linear_dynamic_fp16(x, laid_out)
        return out

    return apply


WAYS: dict[str, Callable[["Tensor", "Tensor | None"], "Linear"]] = {
    "plain": plain,
    "packed": packed,
    "half": half,
}


def quickest(model: "torch.nn.Module") -> str:
    """The way to compute this CPU model's linear layers, tried on its widest one.

    Returns:
        A key of `WAYS`; another than `plain` only if it serves every layer, agrees and pays.
    """
    import torch

    linears = [linear for _, _, linear in _linears(model)]
    if not linears:
        return "plain"
    widest = max(linears, key=lambda linear: linear.out_features)
    best, best_seconds = "plain", float("inf")
    with torch.inference_mode():
        x = torch.randn(
            (_ROWS, widest.in_features),
            dtype=widest.weight.dtype,
            generator=torch.Generator().manual_seed(0),
        )
        for way in WAYS:
            seconds = _seconds(way, widest, x) * _COUNTS[way]
            if seconds < best_seconds and (
                way != "half" or all(_fits_half(linear.weight.detach()) for linear in linears)
            ):
                best, best_seconds = way, seconds
    return best


def replace_linears(model: "torch.nn.Module", way: str) -> bool:
    """Replace a CPU model's linear layers by ones computed in another way; its values stay.

    A model that reads a layer's weight itself can't do with the others: it is left as it was.

    Args:
        model: a causal language model in evaluation mode.
        way: a key of `WAYS`.

    Returns:
        Whether they were replaced.
    """
    import torch

    class Replaced(torch.nn.Module):
        def __init__(self, linear: torch.nn.Linear) -> None:
            super().__init__()
            self.in_features, self.out_features = linear.in_features, linear.out_features
            self._apply_to = WAYS[way](linear.weight.detach(), linear.bias)

        def forward(self, x: "Tensor") -> "Tensor":
            return self._apply_to(x)

    if way == "plain":
        return False
    before = _linears(model)
    try:
        for parent, name, linear in before:
            setattr(parent, name, Replaced(linear))
        with torch.inference_mode():
            model(torch.zeros((1, 2), dtype=torch.int64))
    except Exception:  # whatever a foreign model raises, its own layers serve it
        for parent, name, linear in before:
            setattr(parent, name, linear)
        return False
    return True


def _linears(model: "torch.nn.Module") -> "list[tuple[torch.nn.Module, str, torch.nn.Linear]]":
    import torch

    return [
        (parent, name, child)
        for parent in model.modules()
        for name, child in parent.named_children()
        if type(child) is torch.nn.Linear
    ]


def _seconds(way: str, linear: "torch.nn.Linear", x: "Tensor") -> float:
    """Seconds of one product; infinite if the way is not available or its result differs."""
    import torch

    try:
        apply = WAYS[way](linear.weight.detach(), linear.bias)
        ours = apply(x)
    except (AttributeError, NotImplementedError, RuntimeError, ValueError):
        return float("inf")
    exact = torch.nn.functional.linear(x, linear.weight, linear.bias)
    close = 1e-4 if x.dtype == torch.float32 else 2e-2
    if not bool(((ours - exact).abs() <= close * exact.abs().amax()).all()):
        return float("inf")
    return seconds_of(lambda: apply(x))


def _fits_half(weight: "Tensor") -> bool:
    import torch

    return torch.equal(weight.half().float(), weight)
