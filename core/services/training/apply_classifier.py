"""Testing a trained classifier on another dataset's texts, or on one text.

What comes of a dataset is stored as a preview of it (see `core.store.interventions.previews`),
never as a result of the training, whose own test is on real texts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.classification.evaluation.checks import exact_overlaps
from core.classification.evaluation.evaluation import Scores, evaluate
from core.classification.evaluation.intervals import wilson
from core.classification.results import TrainingResult, given_labels
from core.classification.settings import TrainingSpec, spec_from_dict
from core.classification.trained import Classifier, ClassifierCache, folder_of
from core.diversity.embedding.encoder import EncoderChoice
from core.diversity.measures.live import Encoders
from core.diversity.measures.remote_clique import Vectors, unit_vectors
from core.domain.datasets import Dataset
from core.domain.errors import BadInput
from core.domain.serialization import from_json, to_json
from core.domain.settings import Home
from core.services.embedding import Embedder
from core.services.measure import stored_dataset
from core.services.progress import NO_PROGRESS, Progress
from core.store.database import Database
from core.store.interventions.previews import find_preview, save_preview
from core.store.trainings import get_training, training_folder

KIND = "apply"
"""The kind of preview."""

_PARTS = 5
_CELLS = 8_000_000  # cosines held at once: 32 MB


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyRequest:
    """A classifier applied to a dataset.

    Args:
        training: id of the training whose classifier is meant.
        dataset: key of the dataset.
        n: its texts; answers to fewer are out of date.
    """

    training: str
    dataset: str
    n: int

    @property
    def _asked(self) -> dict[str, str | int]:
        return {"training": self.training, "n": self.n}

    def stored_result(self, db: Database) -> "AppliedClassifier | None":
        """What was stored of it; None while it is missing."""
        preview = find_preview(db, KIND, self.dataset, self._asked)
        return None if preview is None else from_json(AppliedClassifier, preview.result)

    def save_result(self, db: Database, result: "AppliedClassifier") -> None:
        """Store what came of it."""
        save_preview(db, KIND, self.dataset, self._asked, to_json(result))


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedClassifier:
    """What a classifier says of a dataset, against the dataset's own labels.

    Args:
        seed: of the repeat.
        ids: the texts'.
        labels: the label given to each text.
        confidence: in it, 0 to 1.
        distance: each text's cosine distance to the nearest training text.
        seen: whether each stands among the training texts.
        n_seen: how many do.
        scored: texts that count: those not seen; all if all were.
        scores: of these.
        parts: a fifth of these each, from near to far: `from`, `to` (distances), `n`, and the
            accuracy's `mean`, `low` and `high`.
    """

    seed: int
    ids: tuple[str, ...]
    labels: tuple[str, ...]
    confidence: tuple[float, ...]
    distance: tuple[float, ...]
    seen: tuple[bool, ...]
    n_seen: int
    scored: int
    scores: Scores
    parts: tuple[dict[str, int | float | None], ...]


def apply_classifier(
    db: Database,
    request: ApplyRequest,
    *,
    encoders: Encoders,
    classifiers: ClassifierCache,
    home: Home,
    progress: Progress = NO_PROGRESS,
) -> AppliedClassifier:
    """Let the classifier of the best repeat answer all texts of a dataset, and store the answers.

    Reports the phases loading, answering and embedding.

    Args:
        db: the store.
        request: which classifier and which texts.
        encoders: opens the encoder that distances are measured by.
        classifiers: loads the classifier.
        home: where it lies.
        progress: follows the work.

    Raises:
        BadInput: there is no such dataset or training, or it has no classifier.
        BackendFailed: the classifier or the encoder can't be loaded.
        Stopped: the work is to end.
    """
    embedder = Embedder(db, encoders, EncoderChoice(), progress)
    embedder.phase("loading")
    dataset = stored_dataset(db, request.dataset)
    classifier, spec, seed = _classifier(db, home, classifiers, request.training)
    train = stored_dataset(db, str(spec.train))
    embedder.phase("answering", 0, len(dataset))
    probabilities = classifier.probabilities(dataset.texts, between=progress.checkpoint)
    vectors = embedder.embed([*train.texts, *dataset.texts])
    nearest = _nearest(vectors[len(train) :], vectors[: len(train)])
    result = answers(dataset, train, classifier.label_names, probabilities, nearest, seed=seed)
    request.save_result(db, result)
    return result


def answers(
    dataset: Dataset,
    train: Dataset,
    label_names: Sequence[str],
    probabilities: npt.NDArray[np.float64],
    nearest: npt.NDArray[np.float64],
    *,
    seed: int,
) -> AppliedClassifier:
    """What a classifier says of a dataset, against the dataset's own labels.

    Args:
        dataset: the texts, at least one.
        train: the dataset that the classifier learned from, or from a part of.
        label_names: names of the columns.
        probabilities: (texts, labels).
        nearest: each text's cosine distance to the nearest of `train`, (texts,).
        seed: of the classifier's repeat.
    """
    names = tuple(dict.fromkeys([*label_names, *dataset.label_names]))
    given = given_labels(probabilities, label_names)
    confidence = probabilities.max(axis=1)
    again = {overlap.test for overlap in exact_overlaps(train.texts, dataset.texts)}
    rows = [row for row in range(len(dataset)) if row not in again] or list(range(len(dataset)))
    right = np.array([given[row] == dataset.labels[row] for row in rows])
    return AppliedClassifier(
        seed=seed,
        ids=tuple(dataset.ids),
        labels=tuple(given),
        confidence=tuple(round(float(value), 4) for value in confidence),
        distance=tuple(round(float(value), 4) for value in nearest),
        seen=tuple(row in again for row in range(len(dataset))),
        n_seen=len(again),
        scored=len(rows),
        scores=evaluate(
            [dataset.labels[row] for row in rows], [[given[row] for row in rows]], names
        ),
        parts=tuple(_parts(nearest[rows], right)),
    )


def classify_text(
    db: Database, training_id: str, text: str, *, classifiers: ClassifierCache, home: Home
) -> list[tuple[str, float]]:
    """The labels that a trained classifier gives to one text, the most probable first.

    Args:
        db: the store.
        training_id: the training whose classifier is meant.
        text: the text.
        classifiers: loads the classifier.
        home: where it lies.

    Returns:
        Pairs of label and probability.

    Raises:
        BadInput: the text is empty, or there is no such classifier.
        BackendFailed: it can't be loaded.
    """
    if not text.strip():
        raise BadInput("There is no text.", "Write one.")
    classifier, _, _ = _classifier(db, home, classifiers, training_id)
    shares = classifier.probabilities([text])[0]
    order = np.argsort(-shares, kind="stable")
    return [(classifier.label_names[place], float(shares[place])) for place in order]


def _classifier(
    db: Database, home: Home, classifiers: ClassifierCache, training_id: str
) -> tuple[Classifier, TrainingSpec, int]:
    record = get_training(db, training_id)
    if record.result is None:
        raise BadInput("This training has not ended.", "Let it end first.")
    spec = spec_from_dict(record.spec)
    seed = from_json(TrainingResult, record.result).best_seed
    folder = folder_of(training_folder(home, record.id), spec.kind, seed)
    return classifiers.classifier(folder, spec), spec, seed


def _nearest(texts: Vectors, others: Vectors) -> npt.NDArray[np.float64]:
    """Each text's cosine distance to the nearest of others, a block at a time."""
    rows, columns = unit_vectors(texts), unit_vectors(others)
    height = max(1, _CELLS // max(1, len(columns)))
    blocks = [
        (rows[start : start + height] @ columns.T).max(axis=1)
        for start in range(0, len(rows), height)
    ]
    nearest: npt.NDArray[np.float64] = np.clip(1 - np.concatenate(blocks).astype(float), 0, 2)
    return nearest


def _parts(
    nearest: npt.NDArray[np.float64], right: npt.NDArray[np.bool_]
) -> list[dict[str, int | float | None]]:
    order = np.argsort(nearest, kind="stable")
    parts: list[dict[str, int | float | None]] = []
    for rows in np.array_split(order, min(_PARTS, len(order))):
        share = wilson(int(right[rows].sum()), len(rows))
        ends = {"from": float(nearest[rows].min()), "to": float(nearest[rows].max())}
        parts.append({**ends, "n": len(rows), **to_json(share)})
    return parts
