"""Linear layers whose weights are laid out once for oneDNN, where that is measured to be faster.

PyTorch lays a weight out anew at every product; with few rows (the tail of a batch) that costs
more than the product. A packed weight is laid out at load.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import Tensor

_ROWS = 32
_WORTH = 0.92


def packing_pays(model: "torch.nn.Module") -> bool:
    """Whether the operator exists, agrees and is faster here, tried on the model's widest layer."""
    linears = _linears(model)
    return bool(linears) and _pays(max(linears, key=lambda found: found[2].out_features)[2])


def pack_linears(model: "torch.nn.Module") -> None:
    """Replace a CPU model's linear layers by packed ones.

    Args:
        model: in evaluation mode; its values stay the same.
    """
    packed = packed_linear_class()
    for parent, name, child in _linears(model):
        setattr(parent, name, packed(child))


def _linears(model: "torch.nn.Module") -> "list[tuple[torch.nn.Module, str, torch.nn.Linear]]":
    import torch

    return [
        (parent, name, child)
        for parent in model.modules()
        for name, child in parent.named_children()
        if type(child) is torch.nn.Linear
    ]


def packed_linear_class() -> Any:
    """The module class (made here, as torch must not be imported with this file)."""
    import torch

    class PackedLinear(torch.nn.Module):
        """A linear layer with a packed weight; for inference only."""

        def __init__(self, linear: torch.nn.Linear) -> None:
            super().__init__()
            self.in_features = linear.in_features
            self.out_features = linear.out_features
            self.bias = linear.bias
            self._packed = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach(), _ROWS)

        def forward(self, x: "Tensor") -> "Tensor":
            """x @ weight.T + bias."""
            flat = x.reshape(-1, self.in_features)
            out: Tensor = torch.ops.mkldnn._linear_pointwise(
                flat, self._packed, self.bias, "none", [], ""
            )
            return out.view(*x.shape[:-1], self.out_features)

    return PackedLinear


def _pays(linear: "torch.nn.Linear") -> bool:
    import torch

    with torch.inference_mode():
        x = torch.randn(
            (_ROWS, linear.in_features),
            dtype=linear.weight.dtype,
            generator=torch.Generator().manual_seed(0),
        )
        try:
            packed = packed_linear_class()(linear)
            ours = packed(x)
        except (AttributeError, NotImplementedError, RuntimeError):
            return False  # this build of torch, or this machine, lacks the operator
        plain = linear(x)
        close = 1e-4 if x.dtype == torch.float32 else 2e-2
        scale = plain.abs().amax()
        if not bool(((ours - plain).abs() <= close * scale).all()):
            return False
        return seconds_of(lambda: packed(x)) < _WORTH * seconds_of(lambda: linear(x))


def seconds_of(call: Callable[[], Any], *, repeats: int = 5) -> float:
    """The shortest of some timed calls after a first one that is not counted, in seconds."""
    call()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)
