"""Loading a local model, and choosing its number type and linear layers for this machine.

Both are measured once and then stored beside the converted models: measurements vary, and the same
seed must give the same dataset tomorrow.
"""

import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.domain.errors import BackendFailed
from core.domain.runs import EMBEDDED_TITLE, ModelChoice, ModelMetadata
from core.generation.local.decoding import Engine
from core.generation.local.engines import pick_engine
from core.generation.local.linears import WAYS, quickest
from core.models.devices import (
    give_memory_back,
    half_precision,
    pick_device,
    recalled,
    remember,
    seconds_of,
    share_the_processor,
)
from core.models.embedded import LLM_SHA256, find_llm_file, verify
from core.models.pretrained import lacks_weights, mark_of, read_pretrained, timed_mark

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


def recall_or_measure(
    models: Path,
    key: str,
    earlier: str = "",
    *,
    dtype: str | None,
    measure: Callable[[], Arithmetic],
) -> Arithmetic:
    """What was measured before under this key, else a new measurement, which is stored.

    Args:
        models: folder of converted models.
        key: model, device, version of torch and number of threads in one text.
        earlier: the key that an earlier version had for the same.
        dtype: what a resumed run computed in: a stored measurement of another type does not count.
        measure: measures, for that type if there is one.
    """
    with suppress(TypeError):  # nothing stored, or a file of another shape
        known = Arithmetic(**(recalled(models / _FILE, key) or recalled(models / _FILE, earlier)))
        if known.linear in WAYS and dtype in (None, known.dtype):
            return known
    measured = measure()
    remember(models / _FILE, key, asdict(measured))
    return measured


# bfloat16 must beat float32 by this much on a CPU, so that the choice stays the same from load to
# load.
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
        BackendFailed: the model or the device is not available; the message names those that are.
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

    computes = f"{device} torch {torch.__version__} threads {torch.get_num_threads()}"
    keys = [f"{name} {computes}" for name in (mark, timed_mark(choice.model))]
    arithmetic = recall_or_measure(models, *keys, dtype=dtype, measure=measure)
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
        BackendFailed: it is not available or lacks weights; the message says what to do.
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


def converted_embedded(models: Path) -> Path:
    """The folder of the converted embedded model, made now if there is none.

    Reading the packaged GGUF file takes ten to thirty seconds, the converted safetensors under one.
    The weights are 4-bit values with a scale and an offset per block; as float16 they lose nothing
    that matters and take half the room of float32.

    Args:
        models: folder that holds converted models.

    Raises:
        BackendFailed: the package is missing or has another file, or the folder can't be written.
    """
    folder = models / f"{EMBEDDED_TITLE.lower()}-{LLM_SHA256[:12]}"
    if (folder / "config.json").is_file():
        return folder
    source = find_llm_file()
    verify(source, LLM_SHA256)
    try:
        models.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=".converting-", dir=models))
        try:
            _convert(source, unfinished)
            # Another process may have been faster; either result is the same.
            with suppress(FileExistsError, OSError):
                unfinished.rename(folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    except OSError as error:
        raise BackendFailed(
            f"The embedded model could not be converted in {models} ({error}).",
            "Free some space (300 MB) or set WIDESET_HOME to another folder.",
        ) from error
    if not (folder / "config.json").is_file():
        raise BackendFailed(
            f"The embedded model could not be moved to {folder}.",
            "See that the folder can be written to.",
        )
    return folder


def _convert(source: Path, target: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    place = {"pretrained_model_name_or_path": str(source.parent), "gguf_file": source.name}
    AutoTokenizer.from_pretrained(**place).save_pretrained(target)
    model = AutoModelForCausalLM.from_pretrained(**place, dtype=torch.float32)
    # The values are dequantised by now, but the loaded model still calls itself quantised and so
    # refuses to be saved; a fresh one with the same values does not.
    config = model.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    plain = type(model)(config)
    plain.load_state_dict(model.state_dict())
    torch.nn.Module.half(plain)
    plain.save_pretrained(target)
