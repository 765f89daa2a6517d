"""Loading an encoder with a linear head: one to be trained, or one that was."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.devices import share_the_processor
from core.embedded import ENCODER_FILE, ENCODER_SHA256, find_encoder_folder, verify
from core.pretrained import lacks_weights, mark_of, read_pretrained


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
        model, tokenizer, found = _load(source, shown=name, label_names=label_names)
    prefix = f"{model.base_model_prefix}."
    fresh = {key if isinstance(key, str) else key[0] for key in _of(found, "missing", "mismatched")}
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
    model, tokenizer, found = _load(str(folder), shown=folder.name, label_names=None)
    lacking = _of(found, "missing", "mismatched")
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
        model, tokenizer, found = read_pretrained(
            "AutoModelForSequenceClassification", source, called=f"encoder '{shown}'", **asked
        )
    finally:
        log.set_verbosity(before)
    return model, tokenizer, found


def _of(found: Any, *kinds: str) -> list[Any]:
    return [key for kind in kinds for key in found.get(f"{kind}_keys", ())]
