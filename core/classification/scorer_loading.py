"""Loading a causal language model to score phrases with."""

from pathlib import Path
from typing import Any

from core.classification.phrase_scorer import PhraseScorer
from core.devices import (
    WORKS_OFFLINE,
    half_precision,
    loading_options,
    pick_device,
    share_the_processor,
    why_not_loaded,
)
from core.errors import BackendFailed
from core.generation.conversion import converted_embedded
from core.generation.loading import fingerprint, pick_dtype
from core.runs import ModelChoice


def load_scorer(choice: ModelChoice, *, models: Path) -> PhraseScorer:
    """A scorer around a local causal language model, in the number type that is quickest here.

    Raises:
        BackendFailed: the model or the device is not to be had.
    """
    share_the_processor()
    import torch
    import transformers

    transformers.utils.logging.disable_progress_bar()
    device = pick_device(choice.device)
    source = str(converted_embedded(models)) if choice.model == "embedded" else choice.model
    try:
        options = loading_options(source)
        tokenizer = transformers.AutoTokenizer.from_pretrained(source, **options)
        loaded: Any = transformers.AutoModelForCausalLM.from_pretrained(
            source,
            dtype=torch.float32,
            use_safetensors=True,
            output_loading_info=True,
            **options,
        )
    except Exception as error:  # damaged files raise of every kind, safetensors one of its own
        raise BackendFailed(
            f"The model '{choice.model}' could not be loaded: {why_not_loaded(source, error)}",
            WORKS_OFFLINE,
        ) from error
    model, found = loaded
    if found["missing_keys"]:
        raise BackendFailed(
            f"The model '{choice.model}' lacks weights, {min(found['missing_keys'])} for one.",
            "Get its files again; a file of a part of the model alone does not do.",
        )
    dtype = half_precision(device) or pick_dtype(model, device)
    torch.nn.Module.to(model, device=device, dtype=getattr(torch, dtype)).eval()
    facts = {
        "model": choice.model,
        "fingerprint": fingerprint(choice, model),
        "device": device,
        "dtype": dtype,
    }
    return PhraseScorer(model, tokenizer, facts)
