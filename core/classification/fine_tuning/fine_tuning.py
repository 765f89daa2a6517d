"""Fine-tuning an encoder with a head: learning rate, batches, early stopping, the loop itself."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from core.classification.fine_tuning import checkpoints
from core.classification.fine_tuning.encoders import (
    LoadedEncoder,
    autocast,
    load_encoder_with_head,
    logits_of,
    pad_of,
    padded,
    pick_precision,
    seeded,
    softmax,
    tokens_of,
)
from core.classification.results import Fact, Facts, whole_number
from core.classification.settings import FineTuning
from core.classification.splitting import stratified_split
from core.domain.progress import Epoch
from core.domain.settings_key import settings_key
from core.models.devices import Portion, is_out_of_memory, pick_device

if TYPE_CHECKING:
    from torch import Tensor


def rate_factor(step: int, *, warmup_steps: int) -> float:
    """What the learning rate is multiplied by in a step counted from 0: linear, then 1."""
    return min(1.0, (step + 1) / max(1, warmup_steps))


def batches_of_an_epoch(
    lengths: Sequence[int], size: int, *, rng: np.random.Generator
) -> list[npt.NDArray[np.int64]]:
    """Rows batch by batch: texts of like length together, batches in random order.

    A batch is as long as its longest text, so sorted batches hold little padding. Each length is
    first moved by up to a tenth and one token, so that the same texts don't meet in every epoch.

    Args:
        lengths: tokens of each text.
        size: texts a batch; the last texts may be fewer.
        rng: moves the lengths, orders the batches.
    """
    moved = np.array(lengths) * rng.uniform(0.9, 1.1, len(lengths)) + rng.uniform(
        -1, 1, len(lengths)
    )
    order = np.argsort(moved, kind="stable").astype(np.int64)
    batches = [order[start : start + size] for start in range(0, len(order), size)]
    return [batches[place] for place in rng.permutation(len(batches))]


def class_weights(labels: Sequence[int], *, count: int) -> list[float]:
    """Each label's weight, inverse to its frequency, such that the texts' mean weight is 1.

    n / (labels that occur * texts of the label), as scikit-learn's `balanced`.

    Args:
        labels: each text's label, 0 to count - 1.
        count: how many labels there are; one without texts weighs 0.
    """
    counts = np.bincount(labels, minlength=count)
    present = int((counts > 0).sum())
    return [float(len(labels) / (present * n)) if n else 0.0 for n in counts.tolist()]


def best_epoch(history: Sequence[Epoch]) -> int:
    """Number of the best epoch so far: the most accurate, of equals the one of the lowest loss."""
    return min(history, key=lambda e: (-e.accuracy, e.validation_loss, e.epoch)).epoch


def is_enough(history: Sequence[Epoch], *, patience: int, max_epochs: int) -> bool:
    """Whether training ends after these epochs.

    Patience counts from the last epoch that was the best so far in accuracy or in loss: accuracy on
    a few texts held out moves in coarse steps, and stands still while a model goes on learning. The
    paper names the patience (section 4.2), not of what.
    """
    if not history:
        return False
    done = history[-1].epoch
    lowest = min(history, key=lambda e: (e.validation_loss, e.epoch))
    last = max(best_epoch(history), lowest.epoch)
    return done >= max_epochs or done - last >= patience


_LONGEST_GRADIENT = 1.0  # not stated in the paper; usual for transformers
_AT_ONCE_UNTRAINED = 2  # without gradients twice as many texts fit

Tokens = Sequence[Sequence[int]]


class Trainer:
    """Holds a model and its optimizer; AdamW (Loshchilov and Hutter 2019).

    Args:
        encoder: what is trained; moved to the device.
        settings: rate, weight decay, batch size.
        device: `cpu`, `cuda` or `mps`.
        precision: `float32` or `bfloat16`.
        at_once: texts that go through the model together.
    """

    def __init__(
        self,
        encoder: LoadedEncoder,
        settings: FineTuning,
        *,
        device: str,
        precision: str,
        at_once: int,
    ) -> None:
        import torch

        self.model = encoder.model.to(device)
        self.optimizer: Any = torch.optim.AdamW(
            self.model.parameters(),
            lr=settings.rate,
            weight_decay=settings.weight_decay,
            fused=device != "mps",
        )
        self.portion = Portion(at_once)
        self._rate = settings.rate
        self._pad = pad_of(encoder.tokenizer)
        self._device, self._precision = device, precision

    @property
    def rate(self) -> float:
        """The learning rate of the last step."""
        return float(self.optimizer.param_groups[0]["lr"])

    def step(
        self,
        tokens: Tokens,
        targets: npt.NDArray[np.int64],
        weights: npt.NDArray[np.float64],
        *,
        factor: float,
    ) -> float:
        """Learn from a batch; its mean loss before.

        When memory runs out the batch goes through in smaller portions, whose gradients add up
        to the same.

        Args:
            tokens: token ids of each text.
            targets: each text's label as a place, (texts,).
            weights: what each text's loss counts, (texts,).
            factor: of the learning rate.

        Raises:
            BackendFailed: memory ran out with a single text.
        """
        import torch

        self.model.train()
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate * factor
        loss = self._gradients(tokens, targets, weights)
        while loss is None:
            self.optimizer.zero_grad(set_to_none=True)
            self.portion.halve()
            loss = self._gradients(tokens, targets, weights)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), _LONGEST_GRADIENT)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return loss

    def validate(self, tokens: Tokens, targets: npt.NDArray[np.int64]) -> tuple[float, float]:
        """Mean loss and accuracy on texts that are not learned from."""
        probabilities = softmax(self.logits(tokens))
        own = probabilities[np.arange(len(targets)), targets]
        right = probabilities.argmax(axis=1) == targets
        return float(-np.log(np.maximum(own, 1e-12)).mean()), float(right.mean())

    def logits(self, tokens: Tokens) -> npt.NDArray[np.float32]:
        """The head's outputs, (texts, labels)."""
        return logits_of(
            self.model,
            tokens,
            pad=self._pad,
            device=self._device,
            precision=self._precision,
            portion=Portion(self.portion.size * _AT_ONCE_UNTRAINED),
        )

    def _gradients(
        self, tokens: Tokens, targets: npt.NDArray[np.int64], weights: npt.NDArray[np.float64]
    ) -> float | None:
        """Add up the gradients of a batch's mean loss, portion by portion; None: memory ran out."""
        total = 0.0
        try:
            for rows in self.portion.parts(range(len(tokens))):
                chosen = list(rows)
                loss = self._loss([tokens[row] for row in chosen], targets[chosen], weights[chosen])
                loss = loss / len(tokens)
                loss.backward()
                total += float(loss.detach())
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            return None
        return total

    def _loss(
        self, tokens: Tokens, targets: npt.NDArray[np.int64], weights: npt.NDArray[np.float64]
    ) -> "Tensor":
        import torch

        with autocast(self._device, self._precision):
            batch = padded(tokens, pad=self._pad, device=self._device)
            logits = self.model(**batch).logits.float()  # (texts, labels)
        wanted = torch.from_numpy(targets).to(self._device)
        losses = torch.nn.functional.cross_entropy(logits, wanted, reduction="none")
        counts = torch.from_numpy(weights.astype(np.float32)).to(self._device)
        return (losses * counts).sum()


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
        history: the epochs that ended.
    """

    epoch: int
    step: int
    steps: int
    loss: float | None
    seconds_left: float | None
    history: Sequence[Epoch]


@dataclass(frozen=True, slots=True)
class Trained:
    """What came of a training.

    Args:
        folder: of the best epoch, as `AutoModelForSequenceClassification.from_pretrained` takes it.
        history: see `Step`.
        facts: model, fingerprint, device, precision, rate, batch_size, at_once, max_tokens,
            n_train, n_validation, best_epoch.
    """

    folder: Path
    history: Sequence[Epoch]
    facts: Facts


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
    # Nine parameters, and long: a training loop is read in one piece; data, settings and callbacks.
    device = pick_device(settings.device)
    encoder = load_encoder_with_head(settings.model, label_names=label_names, seed=seed)
    rest = [seed, list(label_names), list(texts), list(labels), encoder.fingerprint]
    recipe = settings_key([settings.with_rate(), *rest])
    earlier = checkpoints.earlier_recipe_of(settings, *rest)
    state = checkpoints.open_folder(folder, recipe, earlier=earlier)
    if state is not None and checkpoints.is_finished(folder):
        return Trained(folder / checkpoints.MODEL, state.history, state.facts)
    lessons = _Lessons(encoder, texts, labels, label_names, settings, seed)
    facts: dict[str, Fact] = {
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
        dict(state.facts)
        if state
        else facts | {"precision": pick_precision(encoder, device, models=models)}
    )
    history = list(state.history) if state else []
    if history:
        encoder = checkpoints.load_model(folder, len(history), encoder)
    trainer = Trainer(
        encoder,
        settings,
        device=device,
        precision=str(facts["precision"]),
        at_once=whole_number(facts["at_once"]),
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
            Epoch(
                epoch=epoch,
                loss=total / len(lessons.rows),
                validation_loss=validation_loss,
                accuracy=accuracy,
                learning_rate=trainer.rate,
                at_once=trainer.portion.size,
                seconds=timer() - since,
            )
        )
        facts["best_epoch"] = best_epoch(history)
        state = checkpoints.State(epoch, recipe, tuple(history), facts)
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
