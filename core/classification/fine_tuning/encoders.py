"""Precision: whether training in bfloat16 is quicker on this device, measured once."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from core.models.devices import (
    Portion,
    is_out_of_memory,
    recalled,
    remember,
    seconds_of,
    share_the_processor,
)
from core.models.embedded import ENCODER_FILE, ENCODER_SHA256, find_encoder_folder, verify
from core.models.pretrained import lacks_weights, mark_of, read_pretrained

if TYPE_CHECKING:
    from torch import Tensor


def tokens_of(tokenizer: Any, texts: Sequence[str], *, max_tokens: int) -> list[list[int]]:
    """Each text's token ids with special ones, cut after `max_tokens` or what the model takes."""
    longest = min(max_tokens, tokenizer.model_max_length)
    encoded = tokenizer(list(texts), truncation=True, max_length=longest)
    tokens: list[list[int]] = encoded["input_ids"]
    return tokens


def padded(tokens: Sequence[Sequence[int]], *, pad: int, device: str) -> "dict[str, Tensor]":
    """A batch as the model takes it: int64 (texts, longest) each, padded on the right."""
    import torch

    longest = max(len(ids) for ids in tokens)
    ids = torch.full((len(tokens), longest), pad, dtype=torch.int64)
    mask = torch.zeros((len(tokens), longest), dtype=torch.int64)
    for row, own in enumerate(tokens):
        ids[row, : len(own)] = torch.tensor(own, dtype=torch.int64)
        mask[row, : len(own)] = 1
    return {"input_ids": ids.to(device), "attention_mask": mask.to(device)}


def pad_of(tokenizer: Any) -> int:
    """The token that fills a batch up; masked, so any does where the tokenizer names none."""
    return 0 if tokenizer.pad_token_id is None else int(tokenizer.pad_token_id)


def autocast(device: str, precision: str) -> AbstractContextManager[Any]:
    """The context in which a model computes with that precision, `float32` or `bfloat16`."""
    import torch

    if precision == "float32":
        return nullcontext()
    return torch.autocast(device, dtype=getattr(torch, precision))


def logits_of(
    model: Any,
    tokens: Sequence[Sequence[int]],
    *,
    pad: int,
    device: str,
    precision: str,
    portion: Portion,
    between: Callable[[], None] = lambda: None,
) -> npt.NDArray[np.float32]:
    """The head's outputs, float32 (texts, labels), in the order of the texts.

    Args:
        model: a transformers sequence classifier on `device`; left in evaluation mode.
        tokens: token ids of each text, at least one text.
        pad: token that fills up.
        device: `cpu`, `cuda` or `mps`.
        precision: `float32` or `bfloat16`.
        portion: texts at once; halved when memory runs out.
        between: called before every portion; what it raises ends the call.
    """
    import torch

    model.eval()
    order = sorted(range(len(tokens)), key=lambda row: len(tokens[row]))
    logits: npt.NDArray[np.float32] = np.zeros((len(tokens), model.config.num_labels), np.float32)
    start = 0
    while start < len(order):
        between()
        rows = order[start : start + portion.size]
        batch = [tokens[row] for row in rows]
        try:
            with torch.inference_mode(), autocast(device, precision):
                out = model(**padded(batch, pad=pad, device=device)).logits
            logits[rows] = out.float().cpu().numpy()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            out_of_memory = True
        else:
            out_of_memory = False
        if out_of_memory:  # outside of the handler, whose traceback holds on to what filled it
            portion.halve()
        else:
            start += len(rows)
    return logits


def softmax(logits: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Probabilities, float64 (texts, labels), each row adding up to 1."""
    wide = logits.astype(np.float64)
    powers = np.exp(wide - wide.max(axis=1, keepdims=True))
    shares: npt.NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return shares


@dataclass(frozen=True, slots=True)
class LoadedEncoder:
    """An encoder with a head.

    Args:
        model: a transformers sequence classifier in float32, on the CPU.
        tokenizer: its tokenizer.
        fingerprint: what tells its weights from others', as far as is known.
    """

    model: Any
    tokenizer: Any
    fingerprint: str


def load_encoder_with_head(name: str, *, label_names: Sequence[str], seed: int) -> LoadedEncoder:
    """An encoder with a fresh head for these labels, drawn by the seed.

    Args:
        name: `embedded`, a Hugging Face id, or a local folder.
        label_names: in the order of the head's outputs.
        seed: of the head; the global state of PyTorch's random numbers stays as it is.

    Raises:
        BackendFailed: the model is not to be had, or lacks weights that are not the head's.
    """
    source = name
    if name == "embedded":
        folder = find_encoder_folder()
        verify(folder / ENCODER_FILE, ENCODER_SHA256)
        source = str(folder)
    with seeded(seed, "cpu"):
        model, tokenizer, loading_info = _load(source, shown=name, label_names=label_names)
    prefix = f"{model.base_model_prefix}."
    fresh = {
        key if isinstance(key, str) else key[0]
        for key in _of(loading_info, "missing", "mismatched")
    }
    # A pooler is a part of the head in all but its name: many encoders come without one.
    lacking = sorted(key for key in fresh if key.startswith(prefix) and "pooler" not in key)
    if lacking:
        raise lacks_weights(
            f"model '{name}'", lacking[0], "Get its files again; the files must be an encoder's."
        )
    return LoadedEncoder(model, tokenizer, mark_of(name, model, embedded=ENCODER_SHA256))


def load_trained(folder: Path) -> LoadedEncoder:
    """A classifier out of a folder that was written whole.

    Raises:
        BackendFailed: it can't be loaded, or lacks weights.
    """
    model, tokenizer, loading_info = _load(str(folder), shown=folder.name, label_names=None)
    lacking = _of(loading_info, "missing", "mismatched")
    if lacking:
        first = min(map(str, lacking))
        raise lacks_weights(f"trained model in {folder}", first, "Train it again.")
    return LoadedEncoder(model, tokenizer, f"trained:{folder.name}")


@contextmanager
def seeded(seed: int, device: str) -> Iterator[None]:
    """Draw PyTorch's global random numbers (a head, dropout) by a seed, for a while.

    Dropout knows no generator of its own; so the global state is put aside, seeded, and put back
    at the end: nobody else's draws depend on it.

    Args:
        seed: 0 to 2**63 - 1.
        device: `cpu`, `cuda` or `mps`.
    """
    import torch

    if device == "cpu":
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            yield
    else:
        with torch.random.fork_rng(device_type=device):
            torch.manual_seed(seed)
            yield


def _load(source: str, *, shown: str, label_names: Sequence[str] | None) -> tuple[Any, Any, Any]:
    share_the_processor()
    import transformers

    asked: dict[str, Any] = {}
    if label_names is not None:
        asked = {
            "num_labels": len(label_names),
            "id2label": dict(enumerate(label_names)),
            "label2id": {label: place for place, label in enumerate(label_names)},
            "problem_type": "single_label_classification",
            "ignore_mismatched_sizes": True,  # another classifier's head
        }
    log: Any = transformers.utils.logging
    before = log.get_verbosity()
    log.disable_progress_bar()
    log.set_verbosity_error()  # that the head is fresh is no news
    try:
        model, tokenizer, loading_info = read_pretrained(
            "AutoModelForSequenceClassification", source, called=f"encoder '{shown}'", **asked
        )
    finally:
        log.set_verbosity(before)
    return model, tokenizer, loading_info


def _of(loading_info: Any, *kinds: str) -> list[Any]:
    return [key for kind in kinds for key in loading_info.get(f"{kind}_keys", ())]


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
    known = recalled(models / _FILE, key)
    if known in ("float32", "bfloat16"):
        return str(known)
    seconds = {kind: float("inf") for kind in ("float32", "bfloat16")}
    for _ in range(_ROUNDS):  # in turn, so that what else the machine does falls on both
        for kind, least in seconds.items():
            seconds[kind] = min(least, _seconds(encoder.model, kind))
    faster = seconds["bfloat16"] < _CLEARLY_FASTER * seconds["float32"]
    picked = "bfloat16" if faster else "float32"
    remember(models / _FILE, key, picked)
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
        return seconds_of(passes, repeats=1)
    except RuntimeError:  # an operation that this torch lacks in bfloat16
        if precision == "float32":
            raise
        return float("inf")
    finally:
        model.zero_grad(set_to_none=True)
