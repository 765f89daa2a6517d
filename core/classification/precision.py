"""Precision: whether training in bfloat16 is quicker on this device, measured once."""

from pathlib import Path
from typing import Any

from core import measured
from core.classification.encoders import LoadedEncoder
from core.classification.predicting import autocast

_FILE = "training-precision.json"
# bfloat16 must be this much quicker than float32 on a CPU, so that noise does not decide.
_CLEARLY_FASTER = 0.85
_TEXTS, _TOKENS = 8, 32
_ROUNDS = 3


def pick_precision(encoder: LoadedEncoder, device: str, *, models: Path) -> str:
    """`bfloat16` where it pays (weights stay float32: autocast), else `float32`.

    On a CPU the forward and backward pass of a small batch are timed once and the outcome is
    remembered, since two precisions give two results.

    Args:
        encoder: what is to be trained, on the CPU.
        device: `cpu`, `cuda` or `mps`.
        models: folder where measurements are remembered.
    """
    import torch

    if device == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    if device != "cpu":
        return "float32"
    threads = torch.get_num_threads()
    key = f"{encoder.fingerprint} {device} torch {torch.__version__} threads {threads}"
    known = measured.recalled(models / _FILE, key)
    if known in ("float32", "bfloat16"):
        return str(known)
    seconds = {kind: float("inf") for kind in ("float32", "bfloat16")}
    for _ in range(_ROUNDS):  # in turn, so that what else the machine does falls on both
        for kind, least in seconds.items():
            seconds[kind] = min(least, _seconds(encoder.model, kind))
    faster = seconds["bfloat16"] < _CLEARLY_FASTER * seconds["float32"]
    picked = "bfloat16" if faster else "float32"
    measured.remember(models / _FILE, key, picked)
    return picked


def _seconds(model: Any, precision: str) -> float:
    import torch

    model.eval()  # no dropout: nothing random is drawn
    vocabulary = int(model.get_input_embeddings().num_embeddings)
    ids = (torch.arange(_TEXTS * _TOKENS) % vocabulary).view(_TEXTS, _TOKENS)
    mask = torch.ones_like(ids)

    def passes() -> None:
        with autocast("cpu", precision):
            model(input_ids=ids, attention_mask=mask).logits.sum().backward()

    try:
        return measured.seconds_of(passes, repeats=1)
    except RuntimeError:  # an operation that this torch lacks in bfloat16
        if precision == "float32":
            raise
        return float("inf")
    finally:
        model.zero_grad(set_to_none=True)
