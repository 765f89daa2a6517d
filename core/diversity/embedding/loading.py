"""Loading an encoder: which files, which device and number type, and what tells it from others."""

import copy
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.diversity.embedding.encoder import Encoder, EncoderChoice, EncoderFacts
from core.diversity.embedding.local_encoder import LocalEncoder
from core.diversity.measures.remote_clique import unit_vectors
from core.domain.errors import BackendFailed
from core.models.devices import (
    WORKS_OFFLINE,
    give_memory_back,
    half_precision,
    loading_options,
    pick_device,
    recalled,
    remember,
    seconds_of,
    share_the_processor,
    why_not_loaded,
)
from core.models.embedded import ENCODER_FILE, ENCODER_SHA256, find_encoder_folder, verify
from core.models.pretrained import folder_digest

EMBEDDED_NAME = "all-MiniLM-L6-v2"
_EMBEDDED_TOKENS = 256  # what its authors set in sentence_bert_config.json
_MOST_TOKENS = 512

_FILE = "encoders.json"
# bfloat16 must beat float32 by this much on a CPU before it is chosen, and agree as well (cosine).
_CLEARLY_FASTER = 0.8
_AGREEMENT = 0.999
_TRIAL = (
    "A short one.",
    "The trains were late again this morning, and nobody at the station could say why.",
    "what time does the library close on saturdays",
    "Two of the three cooks had never made bread before; by noon all of them had flour in their"
    " hair, and the smell brought in half of the street.",
) * 8

# Tokens of a batch, padding counted, for an encoder with as many weights in its layers as
# all-MiniLM-L6-v2: then a batch takes less than a tenth of a second on two cores, and larger ones
# would be no quicker.
_LAYER_WEIGHTS = 10_700_000
_CPU_TOKENS = {"float32": 768, "bfloat16": 1024}
_FEWEST_TOKENS = 64
_DEVICE_TOKENS = 16_384


def load_encoder(choice: EncoderChoice, *, models: Path) -> LocalEncoder:
    """Load an encoder: half a second for the embedded one, some more where its number type is not
    known yet.

    Args:
        choice: which.
        models: folder of converted models, where the number type is remembered.

    Raises:
        BackendFailed: the encoder or the device is not to be had; the message says what is.
    """
    share_the_processor()
    import torch
    import transformers

    device = pick_device(choice.device)
    embedded = choice.model == "embedded"
    source = str(embedded_folder()) if embedded else choice.model
    model, tokenizer = _read(choice.model, source)
    max_tokens = _EMBEDDED_TOKENS if embedded else longest_text(model, tokenizer)
    weights = weights_mark(choice.model, model)

    def encoder(model: Any, dtype: str) -> LocalEncoder:
        narrow_linears(torch.nn.Module.to(model, device=device), dtype).eval()
        facts: EncoderFacts = {
            "choice": choice.to_dict(),
            "model": EMBEDDED_NAME if embedded else choice.model,
            "fingerprint": f"{weights} {choice.pooling} {max_tokens} {dtype}",
            "pooling": choice.pooling,
            "max_tokens": max_tokens,
            "truncation": f"A text counts up to its first {max_tokens} tokens.",
            "device": device,
            "dtype": dtype,
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        }
        return LocalEncoder(
            model, tokenizer, facts=facts, batch_tokens=batch_tokens(model, device, dtype)
        )

    def measure() -> str:
        wide, narrow = encoder(model, "float32"), encoder(copy.deepcopy(model), "bfloat16")
        return "bfloat16" if half_precision_pays(wide, narrow) else "float32"

    key = f"{weights} {choice.pooling} {device} torch {torch.__version__}"
    try:
        loaded = encoder(
            model, half_precision(device) or remembered_dtype(models, key, measure=measure)
        )
    except BackendFailed:
        raise
    except Exception as error:  # a model of another kind raises anything at its first text
        raise BackendFailed(
            f"The model '{choice.model}' gives no vectors: {why_not_loaded(source, error)}",
            "Choose an encoder, such as 'embedded'.",
        ) from error
    give_memory_back()
    return loaded


@functools.cache
def embedded_folder() -> Path:
    """The embedded encoder's folder; its weights are verified once a process.

    Raises:
        BackendFailed: it is not installed, or holds other weights.
    """
    folder = find_encoder_folder()
    verify(folder / ENCODER_FILE, ENCODER_SHA256)
    return folder


def longest_text(model: Any, tokenizer: Any) -> int:
    """Tokens after which a text is cut off: 512, or what tokenizer and positions allow if less."""
    import torch

    limits = [_MOST_TOKENS, int(tokenizer.model_max_length)]
    positions = getattr(model.config, "max_position_embeddings", None)
    if positions:
        # RoBERTa and its kin count positions from behind the one that marks padding.
        skipped = [
            module.padding_idx + 1
            for name, module in model.named_modules()
            if name.endswith("position_embeddings")
            and isinstance(module, torch.nn.Embedding)
            and module.padding_idx is not None
        ]
        limits.append(int(positions) - max(skipped, default=0))
    return min(limits)


def weights_mark(name: str, model: Any) -> str:
    """What tells an encoder's files from others': a digest, or the commit on the hub.

    Args:
        name: `embedded`, a folder or an id.
        model: the loaded model.
    """
    if name == "embedded":
        return f"sha256:{ENCODER_SHA256[:16]}"
    folder = Path(name)
    if folder.is_dir():
        return f"files:{folder_digest(folder)}"
    return f"commit:{getattr(model.config, '_commit_hash', None) or 'unknown'}"


def narrow_linears(model: Any, dtype: str) -> Any:
    """Put a model's linear layers, where the time goes, into a number type; the rest stays.

    `LocalEncoder` runs what lies between them in float32 (autocast): a tenth slower than with all
    of the model in bfloat16, and the vectors are less than half as far from those of float32.
    """
    import torch

    for module in model.modules():
        if type(module) is torch.nn.Linear:  # others may read their weights themselves
            module.to(getattr(torch, dtype))
    return model


def batch_tokens(model: Any, device: str, dtype: str) -> int:
    """Tokens of a batch, padding counted: fewer where each costs more.

    It hangs on the model, not on the clock: equal texts in equal order give equal vectors.
    """
    import torch

    if device != "cpu":
        return _DEVICE_TOKENS
    most = _CPU_TOKENS["float32" if dtype == "float32" else "bfloat16"]
    weights = sum(parameter.numel() for parameter in model.parameters())
    for module in model.modules():
        if isinstance(module, torch.nn.Embedding):
            weights -= module.weight.numel()
    share = min(1.0, _LAYER_WEIGHTS / max(weights, 1))
    return max(_FEWEST_TOKENS, int(most * share))


def half_precision_pays(wide: Encoder, narrow: Encoder) -> bool:
    """Whether the encoder in half precision is clearly faster here and gives the same directions.

    Args:
        wide: in float32.
        narrow: the same one in bfloat16.
    """
    try:
        ours, exact = narrow.embed(_TRIAL), wide.embed(_TRIAL)
        cosines = (unit_vectors(ours) * unit_vectors(exact)).sum(axis=1)
    except (BackendFailed, RuntimeError, ValueError):
        return False  # a layer that has no bfloat16, or no finite numbers in it
    if float(cosines.min()) < _AGREEMENT:
        return False
    slow = seconds_of(lambda: wide.embed(_TRIAL), repeats=3)
    return seconds_of(lambda: narrow.embed(_TRIAL), repeats=3) < _CLEARLY_FASTER * slow


def remembered_dtype(models: Path, key: str, *, measure: Callable[[], str]) -> str:
    """The number type that was measured first: vectors are kept by it, so it must not waver.

    Args:
        models: folder of converted models.
        key: weights, pooling, device and version of torch in one text.
        measure: measures it, `float32` or `bfloat16`.
    """
    known = recalled(models / _FILE, key)
    if isinstance(known, str) and known in _CPU_TOKENS:
        return known
    fresh = measure()
    remember(models / _FILE, key, fresh)
    return fresh


def _read(name: str, source: str) -> tuple[Any, Any]:
    """Model and tokenizer, in float32."""
    import torch
    import transformers

    transformers.utils.logging.disable_progress_bar()  # on a terminal, ours is the only one
    try:
        asked = loading_options(source)
        tokenizer = transformers.AutoTokenizer.from_pretrained(source, **asked)
        loaded: Any = transformers.AutoModel.from_pretrained(
            source, dtype=torch.float32, use_safetensors=True, output_loading_info=True, **asked
        )
    except Exception as error:  # damaged files raise of every kind, safetensors one of its own
        raise BackendFailed(
            f"The encoder '{name}' could not be loaded: {why_not_loaded(source, error)}",
            WORKS_OFFLINE,
        ) from error
    model, loading_info = loaded
    # BERT's pooler is a head that no pooling here uses; encoders are published without it.
    missing = sorted(key for key in loading_info["missing_keys"] if not key.startswith("pooler."))
    if missing:  # transformers would go on with random numbers in their place
        raise BackendFailed(
            f"The encoder '{name}' lacks weights, {missing[0]} for one.",
            "Get its files again; a file of a part of the model alone does not do.",
        )
    return model, tokenizer


class EncoderCache:
    """Loads encoders and keeps the last one.

    Args:
        models: folder of converted models.
    """

    def __init__(self, models: Path) -> None:
        self._models = models
        self._choice: EncoderChoice | None = None
        self._encoder: Encoder | None = None

    def kept(self, choice: EncoderChoice) -> Encoder | None:
        """The encoder of that choice if it is loaded already."""
        return self._encoder if choice == self._choice else None

    def encoder(self, choice: EncoderChoice) -> Encoder:
        """An encoder, loaded unless it is kept.

        Raises:
            BackendFailed: it is not to be had.
        """
        kept = self.kept(choice)
        if kept is not None:
            return kept
        # Free the old one before the new one comes.
        self._choice, self._encoder = None, None
        encoder = load_encoder(choice, models=self._models)
        self._choice, self._encoder = choice, encoder
        return encoder
