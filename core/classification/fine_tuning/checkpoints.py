"""Checkpoints: a training's folder, from which it goes on after whatever ended it.

    epoch-0003/    a whole classifier as transformers loads it, with optimizer.safetensors and
                   training.json: the last epoch, and the best one so far
    model/         the best epoch, once training is over

A folder is written under a temporary name and renamed when it is whole; what was cut off is never
read. All is safetensors and JSON: nothing in it can run.
"""

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.classification.fine_tuning.encoders import LoadedEncoder, load_trained
from core.classification.results import Fact, Facts, whole_number
from core.classification.settings import FineTuning, TrainingSpec
from core.domain.progress import Epoch
from core.domain.serialization import from_json, to_json
from core.domain.settings_key import canonical

MODEL = "model"
_STATE = "training.json"
_OPTIMIZER = "optimizer.safetensors"
_EPOCH = re.compile(r"epoch-(\d{4,})")
_UNFINISHED = ".unfinished-"


# All fields that settings had when recipes were hashes of JSON text.
_EARLIER_TUNING = frozenset(
    [
        "model",
        "device",
        "learning_rate",
        "warmup_epochs",
        "max_epochs",
        "patience",
        "batch_size",
        "validation",
        "class_weights",
        "max_tokens",
        "weight_decay",
    ]
)
_EARLIER_SPEC = frozenset(
    [
        "kind",
        "train",
        "test",
        "fine_tuning",
        "pooling",
        "seeds",
        "size",
        "task",
        "examples",
        "language_model",
        "language_server",
    ]
)


def earlier_recipe_of(settings: FineTuning | TrainingSpec, *parts: Any) -> str:
    """The recipe under which a training with these settings was kept before there were keys.

    It was a hash of JSON text. Folders are found by it that no migration of the store reaches.

    Args:
        settings: of the training.
        parts: what else decides the training's result, JSON-ready.

    Returns:
        64 hexadecimal digits; empty where the settings use a field that is newer than such a hash.
    """
    tuning = settings if isinstance(settings, FineTuning) else settings.fine_tuning
    newer = canonical(tuning).keys() - _EARLIER_TUNING
    if isinstance(settings, TrainingSpec):
        newer |= canonical(settings).keys() - _EARLIER_SPEC
    if newer:
        return ""
    earlier: dict[str, object] = {
        name: value for name, value in tuning.to_dict().items() if name in _EARLIER_TUNING
    }
    if isinstance(settings, TrainingSpec):
        spec = settings.to_dict() | {"fine_tuning": earlier}
        earlier = {name: value for name, value in spec.items() if name in _EARLIER_SPEC}
    text = json.dumps([earlier, *parts], sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class State:
    """Where a training was at the end of an epoch.

    Args:
        epoch: the epoch's number, from 1.
        recipe: the key of all that decides the training's result.
        history: the epochs up to it.
        facts: of `Trained`, with the number of the `best_epoch` so far.
    """

    epoch: int
    recipe: str
    history: tuple[Epoch, ...]
    facts: dict[str, Fact]

    @property
    def best_epoch(self) -> int:
        """The number of the best epoch so far."""
        return whole_number(self.facts["best_epoch"])


def open_folder(folder: Path, recipe: str, *, earlier: str = "") -> State | None:
    """Make a training's folder ready; the state of its last whole epoch, None at the start.

    What was cut off is swept out, and so is what another recipe left there.

    Args:
        folder: of the training.
        recipe: the key of all that decides its result: only the same goes on.
        earlier: of `earlier_recipe_of`, which goes on, too.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob(f"{_UNFINISHED}*"):
        shutil.rmtree(path, ignore_errors=True)
    state = _state(folder / MODEL) or next(
        (state for path in reversed(_epochs(folder)) if (state := _state(path)) is not None), None
    )
    other = state is not None and state.recipe not in (recipe, earlier)
    if other or is_finished(folder):
        for path in (*_epochs(folder), *([folder / MODEL] if other else [])):
            shutil.rmtree(path, ignore_errors=True)
    return None if other else state


def is_finished(folder: Path) -> bool:
    """Whether the folder holds a trained model."""
    return _state(folder / MODEL) is not None


def facts_in(model_folder: Path) -> Facts:
    """What is known of how a model was trained; empty for one that was not trained here."""
    state = _state(model_folder)
    return {} if state is None else state.facts


def save_epoch(folder: Path, model: Any, tokenizer: Any, optimizer: Any, state: State) -> None:
    """Save an epoch whole, then drop all others but the best one.

    Args:
        folder: the training's.
        model: a transformers model.
        tokenizer: its tokenizer.
        optimizer: a PyTorch optimizer over the model's parameters, in their order.
        state: of that epoch.
    """
    from safetensors.torch import save_file

    unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=folder))
    unfinished.chmod(0o755)  # mkdtemp's own is for one's own eyes; a model may be handed on
    model.save_pretrained(unfinished)
    tokenizer.save_pretrained(unfinished)
    save_file(_optimizer_tensors(model, optimizer), unfinished / _OPTIMIZER)
    _write_state(unfinished, state)
    target = _epoch_folder(folder, state.epoch)
    shutil.rmtree(target, ignore_errors=True)
    unfinished.rename(target)
    kept = {target, _epoch_folder(folder, state.best_epoch)}
    for path in _epochs(folder):
        if path not in kept:
            shutil.rmtree(path, ignore_errors=True)


def load_model(folder: Path, epoch: int, encoder: LoadedEncoder) -> LoadedEncoder:
    """The classifier as it was at the end of an epoch, in the place of a fresh one."""
    saved = load_trained(_epoch_folder(folder, epoch))
    return LoadedEncoder(saved.model, encoder.tokenizer, encoder.fingerprint)


def load_optimizer(folder: Path, epoch: int, model: Any, optimizer: Any) -> None:
    """Give an optimizer the state it had at the end of an epoch."""
    from safetensors.torch import load_file

    tensors = load_file(_epoch_folder(folder, epoch) / _OPTIMIZER)
    places = {name: place for place, (name, _) in enumerate(model.named_parameters())}
    state: dict[int, dict[str, Any]] = {}
    for key, tensor in tensors.items():
        what, _, name = key.partition(":")
        state.setdefault(places[name], {})[what] = tensor
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def finish(folder: Path, state: State) -> Path:
    """Make the best epoch the training's model, with the whole history; drop the rest."""
    best, target = _epoch_folder(folder, state.best_epoch), folder / MODEL
    shutil.rmtree(target, ignore_errors=True)
    if best != _epoch_folder(folder, state.epoch):
        _write_state(best, state)
    best.rename(target)
    (target / _OPTIMIZER).unlink(missing_ok=True)
    for path in _epochs(folder):
        shutil.rmtree(path, ignore_errors=True)
    return target


def _epoch_folder(folder: Path, epoch: int) -> Path:
    return folder / f"epoch-{epoch:04}"


def _write_state(folder: Path, state: State) -> None:
    unfinished = folder / f".{_STATE}"
    unfinished.write_text(json.dumps(to_json(state)), encoding="utf-8")
    unfinished.replace(folder / _STATE)


def _epochs(folder: Path) -> Sequence[Path]:
    """The epochs' folders, the earliest first."""
    matches = [(_EPOCH.fullmatch(path.name), path) for path in folder.iterdir()]
    return [path for _, path in sorted((int(m.group(1)), path) for m, path in matches if m)]


def _state(folder: Path) -> State | None:
    try:
        return from_json(State, json.loads((folder / _STATE).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None


def _optimizer_tensors(model: Any, optimizer: Any) -> dict[str, Any]:
    saved = optimizer.state_dict()["state"]
    names = [name for name, _ in model.named_parameters()]
    return {
        f"{what}:{names[place]}": tensor.contiguous()
        for place, values in saved.items()
        for what, tensor in values.items()
    }
