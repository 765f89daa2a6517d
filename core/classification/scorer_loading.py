"""Loading a causal language model to score phrases with."""

from pathlib import Path

from core.classification.phrase_scorer import PhraseScorer
from core.devices import half_precision, pick_device, share_the_processor
from core.embedded import LLM_SHA256
from core.generation.loading import pick_dtype, read_model
from core.pretrained import mark_of
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
    model, tokenizer = read_model(choice, models=models)
    dtype = half_precision(device) or pick_dtype(model, device)
    torch.nn.Module.to(model, device=device, dtype=getattr(torch, dtype)).eval()
    facts = {
        "model": choice.model,
        "fingerprint": mark_of(choice.model, model, embedded=LLM_SHA256),
        "device": device,
        "dtype": dtype,
    }
    return PhraseScorer(model, tokenizer, facts)
