"""Loading a causal language model for the local backend: which files, which device, which type."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.devices import (
    WORKS_OFFLINE,
    give_memory_back,
    half_precision,
    loading_options,
    pick_device,
    share_the_processor,
    why_not_loaded,
)
from core.embedded import LLM_SHA256
from core.errors import BackendFailed
from core.generation.agreement import pick_engine
from core.generation.arithmetic import Arithmetic, settled
from core.generation.conversion import EMBEDDED_NAME, converted_embedded
from core.generation.decoding import Engine
from core.generation.linears import quickest
from core.measured import seconds_of
from core.runs import ModelChoice

if TYPE_CHECKING:
    import torch

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
        facts: JSON-ready: model, fingerprint, device, dtype, engine, forward, linear, threads,
            torch, transformers.
    """

    model: Any
    tokenizer: Any
    engine: Callable[[], Engine]
    facts: dict[str, Any]


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
    mark = fingerprint(choice, model)

    def measure() -> Arithmetic:
        kind = dtype or pick_dtype(model, device)
        torch.nn.Module.to(model, dtype=getattr(torch, kind))
        return Arithmetic(kind, quickest(model) if device == "cpu" else "plain")

    key = f"{mark} {device} torch {torch.__version__} threads {torch.get_num_threads()}"
    arithmetic = settled(models, key, dtype=dtype, measure=measure)
    torch.nn.Module.to(model, device=device, dtype=getattr(torch, arithmetic.dtype)).eval()
    engine = pick_engine(model, way=arithmetic.linear)
    give_memory_back()
    facts = {
        "backend": "local",
        "model": EMBEDDED_NAME if choice.model == "embedded" else choice.model,
        "fingerprint": mark,
        "device": device,
        "dtype": arithmetic.dtype,
        "engine": engine.kind,
        "forward": engine.forward,
        "linear": engine.way,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }
    return LoadedModel(model, tokenizer, engine.make, facts)


def read_model(choice: ModelChoice, *, models: Path) -> tuple[Any, Any]:
    """A causal language model in float32 on the CPU, and its tokenizer.

    Raises:
        BackendFailed: it is not to be had, or lacks weights; the message says what is.
    """
    import torch
    import transformers

    source = str(converted_embedded(models)) if choice.model == "embedded" else choice.model
    try:
        asked = loading_options(source)
        tokenizer = transformers.AutoTokenizer.from_pretrained(source, **asked)
        loaded: Any = transformers.AutoModelForCausalLM.from_pretrained(
            source,
            dtype=torch.float32,
            use_safetensors=True,
            output_loading_info=True,
            **asked,
        )
    except Exception as error:  # damaged files raise of every kind, safetensors one of its own
        raise BackendFailed(
            f"The model '{choice.model}' could not be loaded: {why_not_loaded(source, error)}",
            WORKS_OFFLINE,
        ) from error
    model, found = loaded
    if found["missing_keys"]:  # transformers would go on with random numbers in their place
        raise BackendFailed(
            f"The model '{choice.model}' lacks weights, {min(found['missing_keys'])} for one.",
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


def fingerprint(choice: ModelChoice, model: Any) -> str:
    """What tells this model's weights from others': a digest or a commit, as far as is known."""
    if choice.model == "embedded":
        return f"sha256:{LLM_SHA256[:16]}"
    commit = getattr(model.config, "_commit_hash", None)
    if commit:
        return f"commit:{commit}"
    folder = Path(choice.model)
    files = sorted(folder.glob("*.safetensors"))
    sizes = "-".join(f"{file.stat().st_size}@{int(file.stat().st_mtime)}" for file in files)
    return f"files:{sizes or 'unknown'}"
