"""The embedded model, converted once from its packaged GGUF file to safetensors.

Reading the GGUF takes some ten to thirty seconds, the converted folder under one. The weights are
4-bit values with a scale and an offset a block; as float16 they lose nothing that matters and take
half the room of float32.
"""

import contextlib
import shutil
import tempfile
from pathlib import Path

from core.domain.errors import BackendFailed
from core.domain.runs import EMBEDDED_TITLE
from core.models.embedded import LLM_SHA256, find_llm_file, verify


def converted_embedded(models: Path) -> Path:
    """The folder of the converted embedded model, made now if it is not there yet.

    Args:
        models: folder that holds converted models.

    Raises:
        BackendFailed: the package is missing or another file, or the folder can't be written.
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
            with contextlib.suppress(FileExistsError, OSError):
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
