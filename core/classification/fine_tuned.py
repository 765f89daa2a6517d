"""A fine-tuned classifier at work: any texts, after training."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from core.classification.checkpoints import facts_in
from core.classification.encoders import load_trained
from core.classification.predicting import logits_of, pad_of, softmax, tokens_of
from core.devices import pick_device
from core.memory import Portion

_AT_ONCE = 64


class FineTuned:
    """A classifier out of the folder that training left.

    Args:
        folder: `model/` of a training.
        device: where it runs; on the kind that it was trained on it computes as it did there.

    Raises:
        BackendFailed: the folder holds no whole classifier, or the device is not there.
    """

    def __init__(self, folder: Path, *, device: str = "auto") -> None:
        facts = facts_in(folder)
        loaded = load_trained(folder)
        self._device = pick_device(device)
        same = self._device == facts.get("device")
        self._precision = facts.get("precision", "float32") if same else "float32"
        self._max_tokens = int(facts.get("max_tokens", 128))
        self._model = loaded.model.to(self._device)
        self._tokenizer = loaded.tokenizer
        self._portion = Portion(_AT_ONCE)

    @property
    def label_names(self) -> tuple[str, ...]:
        """The labels in the order of the columns."""
        names = self._model.config.id2label
        return tuple(names[place] for place in range(len(names)))

    def probabilities(
        self, texts: Sequence[str], *, between: Callable[[], None] = lambda: None
    ) -> npt.NDArray[np.float64]:
        """Of each label for each text, (texts, labels).

        Args:
            texts: at least one.
            between: called before every batch; what it raises ends the call.

        Raises:
            BackendFailed: memory ran out with a single text.
        """
        logits = logits_of(
            self._model,
            tokens_of(self._tokenizer, texts, max_tokens=self._max_tokens),
            pad=pad_of(self._tokenizer),
            device=self._device,
            precision=self._precision,
            portion=self._portion,
            between=between,
        )
        return softmax(logits)
