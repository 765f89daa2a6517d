"""Trained classifiers at work: any text, after training; the ones used last stay loaded."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from core.classification.settings import TrainingSpec
from core.classification.training import encoder_of
from core.diversity.measures.live import Encoders
from core.diversity.measures.remote_clique import no_pause
from core.domain.errors import BadInput

_KEPT = 4


class Classifier(Protocol):
    """A classifier that is loaded."""

    @property
    def label_names(self) -> tuple[str, ...]:
        """Names of the columns."""

    def probabilities(
        self, texts: Sequence[str], *, between: Callable[[], None] = no_pause
    ) -> npt.NDArray[np.float64]:
        """Of each label for each text, (texts, labels), rows adding up to 1."""


def folder_of(training: Path, kind: str, seed: int) -> Path:
    """Where a repeat's classifier lies in its training's folder.

    Raises:
        BadInput: a kind that trains nothing.
    """
    names = {"fine-tuning": "model", "probe": "probe"}
    if kind not in names:
        raise BadInput("This row has no trained model.", "Choose one that was trained.")
    return training / f"seed-{seed}" / names[kind]


class ClassifierCache:
    """Loads classifiers and keeps the last four.

    Args:
        encoders: opens the encoders of probes.
    """

    def __init__(self, encoders: Encoders) -> None:
        self._encoders = encoders
        self._kept: OrderedDict[Path, Classifier] = OrderedDict()

    def classifier(self, folder: Path, spec: TrainingSpec) -> Classifier:
        """A classifier, loaded unless it is kept.

        Args:
            folder: from `folder_of`.
            spec: of its training.

        Raises:
            BackendFailed: it is not there, or damaged.
        """
        kept = self._kept.pop(folder, None)
        if kept is None:
            while len(self._kept) >= _KEPT:
                self._kept.popitem(last=False)
            kept = self._load(folder, spec)
        self._kept[folder] = kept
        return kept

    def _load(self, folder: Path, spec: TrainingSpec) -> Classifier:
        if spec.kind == "probe":
            return _Probe(folder, spec, self._encoders)
        from core.classification.fine_tuning.fine_tuned import FineTuned

        return FineTuned(folder, device=spec.fine_tuning.device)


class _Probe:
    """A probe with its encoder."""

    def __init__(self, folder: Path, spec: TrainingSpec, encoders: Encoders) -> None:
        from core.classification.probe import load_probe

        self._probe = load_probe(folder)
        self._choice, self._encoders = encoder_of(spec), encoders

    @property
    def label_names(self) -> tuple[str, ...]:
        return self._probe.label_names

    def probabilities(
        self, texts: Sequence[str], *, between: Callable[[], None] = no_pause
    ) -> npt.NDArray[np.float64]:
        encoder = self._encoders.encoder(self._choice)
        return self._probe.probabilities(encoder.embed(list(texts), between=between))
