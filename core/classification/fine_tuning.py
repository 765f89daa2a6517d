"""Fine-tuning: an encoder with a linear head learns labels from texts."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core.classification import checkpoints
from core.classification.encoders import LoadedEncoder, load_encoder_with_head, seeded
from core.classification.precision import pick_precision
from core.classification.predicting import tokens_of
from core.classification.schedule import (
    batches_of_an_epoch,
    best_epoch,
    class_weights,
    is_enough,
    rate_factor,
)
from core.classification.settings import FineTuning
from core.classification.splitting import stratified_split
from core.classification.trainer import Trainer
from core.devices import pick_device

_SPLIT, _BATCHES, _DROPOUT = 1, 2, 3  # what a random stream is for


@dataclass(frozen=True, slots=True)
class Step:
    """Where a training is.

    Args:
        epoch: counted from 1.
        step: steps done of this epoch.
        steps: steps of an epoch.
        loss: of the last batch, None before the first.
        seconds_left: until the last epoch, should training not end early; None at first.
        history: for each epoch that ended `epoch`, `loss`, `validation_loss`, `accuracy` (on the
            validation texts, 0 to 1), `learning_rate`, `at_once` (texts that went through the model
            together), `seconds`.
    """

    epoch: int
    step: int
    steps: int
    loss: float | None
    seconds_left: float | None
    history: Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Trained:
    """What came of a training.

    Args:
        folder: of the best epoch, as `AutoModelForSequenceClassification.from_pretrained` takes it.
        history: see `Step`.
        facts: JSON-ready: model, fingerprint, device, precision, rate, batch_size, at_once,
            max_tokens, n_train, n_validation, best_epoch.
    """

    folder: Path
    history: Sequence[dict[str, Any]]
    facts: dict[str, Any]


def fine_tune(
    texts: Sequence[str],
    labels: Sequence[str],
    *,
    label_names: Sequence[str],
    settings: FineTuning,
    seed: int,
    folder: Path,
    models: Path,
    watch: Callable[[Step], None] = lambda _: None,
    timer: Callable[[], float] = time.monotonic,
) -> Trained:
    """Train, from the start or from the last epoch that `folder` holds of the same training.

    All chance comes from the seed and the epoch's number, so a training that was cut off at any
    moment ends as if it had not been (on the same machine, with the same versions).

    Args:
        texts: at least two of each label.
        labels: each text's label.
        label_names: the labels to learn, in the order of the head's outputs; each has texts.
        settings: how.
        seed: of the validation split, the head, the batches and dropout.
        folder: where epochs and the model are kept; see `checkpoints`.
        models: where measurements are remembered.
        watch: told of every step; what it raises ends training, which can go on later.
        timer: seconds that only grow.

    Raises:
        BackendFailed: the encoder or the device is not to be had, or memory ran out with one text.
    """
    device = pick_device(settings.device)
    encoder = load_encoder_with_head(settings.model, label_names=label_names, seed=seed)
    recipe = checkpoints.recipe_of(
        settings.to_dict(), seed, list(label_names), list(texts), list(labels), encoder.fingerprint
    )
    state = checkpoints.open_folder(folder, recipe)
    if state is not None and checkpoints.is_finished(folder):
        return Trained(folder / checkpoints.MODEL, state["history"], state["facts"])
    lessons = _Lessons(encoder, texts, labels, label_names, settings, seed)
    facts: dict[str, Any] = {
        "model": settings.model,
        "fingerprint": encoder.fingerprint,
        "device": device,
        "rate": settings.rate,
        "batch_size": settings.batch_size,
        "at_once": settings.batch_size,
        "max_tokens": settings.max_tokens,
        "n_train": len(lessons.rows),
        "n_validation": len(lessons.held_out),
    }
    facts = (
        state["facts"]
        if state
        else facts | {"precision": pick_precision(encoder, device, models=models)}
    )
    history: list[dict[str, Any]] = list(state["history"]) if state else []
    if history:
        encoder = checkpoints.load_model(folder, len(history), encoder)
    trainer = Trainer(
        encoder, settings, device=device, precision=facts["precision"], at_once=facts["at_once"]
    )
    if history:
        checkpoints.load_optimizer(folder, len(history), trainer.model, trainer.optimizer)

    begun, first = timer(), len(history)

    def tell(epoch: int, step: int, steps: int, loss: float | None) -> None:
        done = epoch - 1 + step / steps - first  # epochs of this sitting
        left = None
        if done > 0:
            left = (timer() - begun) / done * (settings.max_epochs - first - done)
        watch(Step(epoch, step, steps, loss, left, tuple(history)))

    while not is_enough(history, patience=settings.patience, max_epochs=settings.max_epochs):
        epoch, since = len(history) + 1, timer()
        batches = lessons.batches(epoch)
        total, loss = 0.0, None
        with seeded(_number(seed, _DROPOUT, epoch), device):
            for step, rows in enumerate(batches):
                tell(epoch, step, len(batches), loss)
                factor = rate_factor(
                    (epoch - 1) * len(batches) + step,
                    warmup_steps=settings.warmup_epochs * len(batches),
                )
                loss = trainer.step(*lessons.of(rows), lessons.weights[rows], factor=factor)
                total += loss * len(rows)
        validation_loss, accuracy = trainer.validate(*lessons.of(lessons.held_out))
        facts["at_once"] = trainer.portion.size
        history.append(
            {
                "epoch": epoch,
                "loss": total / len(lessons.rows),
                "validation_loss": validation_loss,
                "accuracy": accuracy,
                "learning_rate": trainer.rate,
                "at_once": trainer.portion.size,
                "seconds": timer() - since,
            }
        )
        facts["best_epoch"] = best_epoch(history)
        state = {"epoch": epoch, "recipe": recipe, "history": history, "facts": facts}
        checkpoints.save_epoch(folder, trainer.model, encoder.tokenizer, trainer.optimizer, state)
        tell(epoch, len(batches), len(batches), loss)
    assert state is not None
    return Trained(checkpoints.finish(folder, state), history, facts)


class _Lessons:
    """The texts as tokens, split into those to learn from and those held out."""

    def __init__(
        self,
        encoder: LoadedEncoder,
        texts: Sequence[str],
        labels: Sequence[str],
        label_names: Sequence[str],
        settings: FineTuning,
        seed: int,
    ) -> None:
        places = {name: place for place, name in enumerate(label_names)}
        self.rows, self.held_out = stratified_split(
            labels, settings.validation, rng=np.random.default_rng((seed, _SPLIT))
        )
        self._tokens = tokens_of(encoder.tokenizer, texts, max_tokens=settings.max_tokens)
        self._targets = np.array([places[label] for label in labels], dtype=np.int64)
        self._size, self._seed = settings.batch_size, seed
        self.weights = np.ones(len(texts))
        if settings.class_weights:
            learned = self._targets[self.rows].tolist()
            self.weights = np.array(class_weights(learned, count=len(places)))[self._targets]

    def batches(self, epoch: int) -> list[npt.NDArray[np.int64]]:
        """The rows of an epoch (from 1), batch by batch."""
        lengths = [len(self._tokens[row]) for row in self.rows]
        rng = np.random.default_rng((self._seed, _BATCHES, epoch))
        return [self.rows[own] for own in batches_of_an_epoch(lengths, self._size, rng=rng)]

    def of(self, rows: npt.NDArray[np.int64]) -> tuple[list[list[int]], npt.NDArray[np.int64]]:
        """Token ids and targets of some rows."""
        return [self._tokens[row] for row in rows], self._targets[rows]


def _number(*entropy: int) -> int:
    return int(np.random.SeedSequence(entropy).generate_state(1)[0])
