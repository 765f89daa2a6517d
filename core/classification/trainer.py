"""Trainer: the steps of a training, and its look at the texts held out."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from core.classification.encoders import LoadedEncoder
from core.classification.predicting import autocast, logits_of, pad_of, padded, softmax
from core.classification.settings import FineTuning
from core.memory import Portion, is_out_of_memory

if TYPE_CHECKING:
    from torch import Tensor

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
