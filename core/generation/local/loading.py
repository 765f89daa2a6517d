"""Arithmetic: in which number type and with which layers a model computes on this machine.

Both are measured once and then remembered beside the converted models: a measurement wavers, and
the same seed must give the same dataset tomorrow.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.domain.runs import EMBEDDED_TITLE, ModelChoice, ModelMetadata
from core.generation.local.conversion import converted_embedded
from core.generation.local.decoding import Engine
from core.generation.local.engines import pick_engine
from core.generation.local.linears import WAYS, quickest
from core.models import measured
from core.models.devices import give_memory_back, half_precision, pick_device, share_the_processor
from core.models.embedded import LLM_SHA256
from core.models.measured import seconds_of
from core.models.pretrained import lacks_weights, mark_of, read_pretrained

if TYPE_CHECKING:
    import torch


_FILE = "arithmetic.json"


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """How a model computes.

    Args:
        dtype: `float32`, `bfloat16` or `float16`.
        linear: how linear layers are computed, a key of `linears.WAYS`.
    """

    dtype: str
    linear: str


def remembered(models: Path, key: str) -> Arithmetic | None:
    """What was measured before under this key; None if nothing was, or the file is unreadable.

    Args:
        models: folder of converted models.
        key: model, device, version of torch and number of threads in one text.
    """
    try:
        stored = measured.recalled(models / _FILE, key)
        return None if stored is None or stored["linear"] not in WAYS else Arithmetic(**stored)
    except (TypeError, KeyError):
        return None


def remember(models: Path, key: str, arithmetic: Arithmetic) -> None:
    """Keep a measurement; where nothing can be written, the next load measures again."""
    measured.remember(models / _FILE, key, asdict(arithmetic))


def settled(
    models: Path, key: str, *, dtype: str | None, measure: Callable[[], Arithmetic]
) -> Arithmetic:
    """The remembered arithmetic, else the measured one, which is remembered from now on.

    Args:
        models: folder of converted models.
        key: see `remembered`.
        dtype: what a resumed run computed in: a memory of another type does not count.
        measure: measures, for that type if there is one.
    """
    known = remembered(models, key)
    if known is not None and dtype in (None, known.dtype):
        return known
    fresh = measure()
    remember(models, key, fresh)
    return fresh


# bfloat16 must beat float32 by this much on a CPU before it is chosen, so that the choice does not
# waver between two loads on one machine.
_CLEARLY_FASTER = 0.8


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model ready to decode.

    Args:
        model: a transformers causal language model, for its configuration; texts come from the
            engine, which may have taken its layers out of it.
        tokenizer: its tokenizer.
        engine: makes a fresh engine of the kind that suits the model.
        metadata: what was resolved.
    """

    model: Any
    tokenizer: Any
    engine: Callable[[], Engine]
    metadata: ModelMetadata


def load(choice: ModelChoice, *, models: Path, dtype: str | None = None) -> LoadedModel:
    """Load a model and fit it to the device.

    Args:
        choice: `embedded`, a Hugging Face id or a local folder; and the device.
        models: folder for converted models.
        dtype: `float32`, `bfloat16` or `float16`, as a resumed run used it; None decides, on a CPU
            by a short measurement.

    Raises:
        BackendFailed: the model or the device is not to be had; the message says what is.
    """
    share_the_processor()
    import torch
    import transformers

    transformers.utils.logging.disable_progress_bar()  # on a terminal, ours is the only one
    device = pick_device(choice.device)
    model, tokenizer = read_model(choice, models=models)
    mark = mark_of(choice.model, model, embedded=LLM_SHA256)

    def measure() -> Arithmetic:
        kind = dtype or pick_dtype(model, device)
        torch.nn.Module.to(model, dtype=getattr(torch, kind))
        return Arithmetic(kind, quickest(model) if device == "cpu" else "plain")

    key = f"{mark} {device} torch {torch.__version__} threads {torch.get_num_threads()}"
    arithmetic = settled(models, key, dtype=dtype, measure=measure)
    torch.nn.Module.to(model, device=device, dtype=getattr(torch, arithmetic.dtype)).eval()
    engine = pick_engine(model, way=arithmetic.linear)
    give_memory_back()
    metadata = ModelMetadata(
        model=EMBEDDED_TITLE if choice.model == "embedded" else choice.model,
        fingerprint=mark,
        device=device,
        dtype=arithmetic.dtype,
        engine=engine.kind,
        forward=engine.forward,
        linear=engine.way,
        threads=torch.get_num_threads(),
        torch=str(torch.__version__),
        transformers=transformers.__version__,
    )
    return LoadedModel(model, tokenizer, engine.make, metadata)


def read_model(choice: ModelChoice, *, models: Path) -> tuple[Any, Any]:
    """A causal language model in float32 on the CPU, and its tokenizer.

    Raises:
        BackendFailed: it is not to be had, or lacks weights; the message says what is.
    """
    source = str(converted_embedded(models)) if choice.model == "embedded" else choice.model
    called = f"model '{choice.model}'"
    model, tokenizer, loading_info = read_pretrained("AutoModelForCausalLM", source, called=called)
    if loading_info["missing_keys"]:
        raise lacks_weights(
            called,
            min(loading_info["missing_keys"]),
            "Get its files again; a file of a part of the model alone does not do.",
        )
    return model, tokenizer


def pick_dtype(model: Any, device: str) -> str:
    """The number type to compute in: by measurement on a CPU, half precision elsewhere."""
    import torch

    half = half_precision(device)
    if half is not None:
        return half
    linears = [module for module in model.modules() if isinstance(module, torch.nn.Linear)]
    if not linears:
        return "float32"
    # The head is the largest layer but runs once a step; the largest of the repeated ones decides.
    by_size = {linear.weight.numel(): linear for linear in linears}
    sizes = sorted(by_size)
    decisive = by_size[sizes[-2] if len(sizes) > 1 else sizes[-1]]
    return "bfloat16" if bfloat16_pays(decisive) else "float32"


def bfloat16_pays(linear: "torch.nn.Linear") -> bool:
    """Whether a layer runs clearly faster in bfloat16 here, at 64 rows (a few milliseconds)."""
    import torch

    with torch.inference_mode():
        wide = torch.randn((64, linear.in_features), generator=torch.Generator().manual_seed(0))
        weight = linear.weight.detach().float()
        narrow, narrow_weight = wide.bfloat16(), weight.bfloat16()
        slow = seconds_of(lambda: torch.nn.functional.linear(wide, weight))
        fast = seconds_of(lambda: torch.nn.functional.linear(narrow, narrow_weight))
    return fast < _CLEARLY_FASTER * slow
