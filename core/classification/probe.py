"""Linear probe: logistic regression on embeddings, the instant preview of fine-tuning."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from core.classification.fine_tuning.encoders import softmax
from core.diversity.measures.remote_clique import Vectors, unit_vectors
from core.domain.errors import BackendFailed

# scikit-learn's C, the inverse of the penalty, on vectors of length 1. Of 1, 3, 10, 30 and 100, it
# was best or within 0.02 of the best on sst2, CARER and HWU64 with 1,000 and 6,000 texts each
# (0.79 and 0.81; 0.62 and 0.68; 0.91 and 0.93 of the test texts right).
STRENGTH = 3.0
_STEPS = 1_000

_WEIGHTS = "probe.safetensors"
_WORDS = "probe.json"


@dataclass(frozen=True, slots=True)
class Probe:
    """A linear classifier of embeddings.

    Args:
        label_names: names of the rows.
        weights: float32 (labels, size), for vectors of length 1.
        bias: float32 (labels,).
        encoder: fingerprint of the encoder whose vectors it takes.
    """

    label_names: tuple[str, ...]
    weights: Vectors
    bias: Vectors
    encoder: str = ""

    def probabilities(self, vectors: Vectors) -> npt.NDArray[np.float64]:
        """Of each label for each text, float64 (texts, labels).

        Args:
            vectors: embeddings of the texts, float32 (texts, size).
        """
        return softmax(unit_vectors(vectors) @ self.weights.T + self.bias)


def fit_probe(
    vectors: Vectors,
    labels: Sequence[str],
    *,
    label_names: Sequence[str],
    class_weights: bool = False,
    encoder: str = "",
) -> Probe:
    """Fit multinomial logistic regression with a quadratic penalty; nothing in it is random.

    Args:
        vectors: embeddings of the training texts, float32 (texts, size).
        labels: each text's label; at least two different ones.
        label_names: the labels that occur, in the order of the outputs.
        class_weights: weigh each text by how rare its label is.
        encoder: fingerprint of the encoder.
    """
    from sklearn.linear_model import LogisticRegression

    places = {name: place for place, name in enumerate(label_names)}
    model = LogisticRegression(
        C=STRENGTH, max_iter=_STEPS, class_weight="balanced" if class_weights else None
    )
    model.fit(unit_vectors(vectors), [places[label] for label in labels])
    weights, bias = model.coef_, model.intercept_
    if len(weights) == 1:  # of two labels scikit-learn gives the second one's only
        weights, bias = np.vstack([np.zeros_like(weights), weights]), np.array([0.0, bias[0]])
    return Probe(tuple(label_names), weights.astype(np.float32), bias.astype(np.float32), encoder)


def save_probe(probe: Probe, folder: Path) -> None:
    """Write a probe to a folder, which is made."""
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    rows = np.ascontiguousarray(probe.weights)  # safetensors writes memory as it lies
    save_file({"weights": rows, "bias": probe.bias}, folder / f".{_WEIGHTS}")
    (folder / f".{_WEIGHTS}").replace(folder / _WEIGHTS)
    words = {"label_names": probe.label_names, "encoder": probe.encoder}
    (folder / f".{_WORDS}").write_text(json.dumps(words), encoding="utf-8")
    (folder / f".{_WORDS}").replace(folder / _WORDS)


def load_probe(folder: Path) -> Probe:
    """The probe of a folder.

    Raises:
        BackendFailed: there is none, or it is damaged.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        words = json.loads((folder / _WORDS).read_text(encoding="utf-8"))
        tensors = load_file(folder / _WEIGHTS)
        return Probe(
            tuple(words["label_names"]), tensors["weights"], tensors["bias"], words["encoder"]
        )
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise BackendFailed(
            f"The probe in {folder} can't be loaded ({type(error).__name__}).", "Train it again."
        ) from error
