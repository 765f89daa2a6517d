"""A fine-tuned classifier at work: any texts, after training."""

import io
import json
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from core.classification.fine_tuning.checkpoints import facts_in
from core.classification.fine_tuning.encoders import (
    load_trained,
    logits_of,
    pad_of,
    softmax,
    tokens_of,
)
from core.classification.results import TrainingResult, whole_number
from core.domain.errors import BadInput
from core.domain.serialization import to_json
from core.models.devices import Portion, pick_device

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
        self._precision = str(facts.get("precision", "float32")) if same else "float32"
        self._max_tokens = whole_number(facts.get("max_tokens", 128))
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


def packed(folder: Path, name: str, result: TrainingResult) -> io.BytesIO:
    """A classifier's folder and its `result.json` as a ZIP file, in a folder called `name`.

    Weights hardly shrink, so nothing is compressed.

    Raises:
        BadInput: the folder is gone or can't be read.
    """
    content = io.BytesIO()
    try:
        files = [path for path in sorted(folder.iterdir()) if path.is_file()]
        with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as file:
            for path in files:
                file.write(path, f"{name}/{path.name}")
            file.writestr(f"{name}/result.json", json.dumps(to_json(result), indent=2))
    except OSError as error:
        raise BadInput(
            f"The trained model is not to be had ({error.strerror}).", "Train it again."
        ) from error
    content.seek(0)
    return content
