"""The job that lets a classifier answer another dataset's texts, and the answer to one text.

The job's spec: `{"training": id, "dataset": key, "n": texts}`. What comes of it is a preview of the
dataset (see `core.store.interventions.previews`), never a result of the training, whose own test
is on real
texts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from core.classification.evaluation.checks import exact_overlaps
from core.classification.evaluation.evaluation import evaluate
from core.classification.evaluation.intervals import wilson
from core.classification.results import given_labels
from core.classification.settings import TrainingSpec, spec_from_dict
from core.classification.trained import Classifier, TrainedKeeper, best_seed, folder_of
from core.diversity.embedding.encoder import EncoderChoice
from core.diversity.measures.live import Encoders
from core.diversity.measures.remote_clique import Vectors, unit_vectors
from core.domain.datasets import Dataset
from core.domain.errors import BadInput
from core.domain.settings import Home
from core.jobs.cached_measurements import Work, once
from core.jobs.context import JobContext
from core.jobs.handlers.embedding import EmbeddingJob, Stopped
from core.jobs.handlers.measure import stored_dataset
from core.jobs.lease import living
from core.jobs.queue import find_submitted, state_of
from core.store.database import Database
from core.store.interventions.previews import find_preview, save_preview
from core.store.trainings import get_training, training_folder

KIND = "apply"
_PARTS = 5
_CELLS = 8_000_000  # cosines held at once: 32 MB


@dataclass(frozen=True, slots=True)
class Applied:
    """What is there of a classifier's answers to a dataset.

    Args:
        result: of the job; None while it is missing.
        work: the job that was queued for it last; None if none was.
    """

    result: Mapping[str, Any] | None
    work: Work | None


def look(db: Database, training_id: str, dataset: str, *, n: int) -> Applied:
    """What is there; queues nothing.

    Args:
        db: the store.
        training_id: the training whose classifier is meant.
        dataset: key of the dataset.
        n: its texts now; answers to fewer are out of date.
    """
    spec = _spec(training_id, dataset, n)
    with db.read():
        found = find_preview(db, KIND, dataset, _request(spec))
        job = find_submitted(db, KIND, spec, 0)
        work = None if job is None else Work(job, state_of(job, living(db), db.now()))
    return Applied(None if found is None else found.result, work)


def ask(db: Database, training_id: str, dataset: str, *, n: int) -> Work:
    """Queue the job, once for equal arguments (those of `look`)."""
    return once(db, KIND, _spec(training_id, dataset, n), 0)


def apply_job(context: JobContext, encoders: Encoders, keeper: TrainedKeeper, home: Home) -> None:
    """Let the classifier of the best repeat answer all texts; keep what it says.

    Reports phase (loading, answering, embedding, done, stopped); see `EmbeddingJob`.

    Raises:
        BadInput: there is no such dataset or training, or it has no classifier.
        BackendFailed: the classifier or the encoder can't be loaded.
    """
    job = EmbeddingJob(context, encoders, EncoderChoice().to_dict())
    try:
        job.report("loading")
        dataset = stored_dataset(context.db, context.spec["dataset"])
        classifier, spec, seed = _classifier(context.db, home, keeper, context.spec["training"])
        train = stored_dataset(context.db, str(spec.train))
        job.report("answering", 0, len(dataset))
        probabilities = classifier.probabilities(dataset.texts, between=job.between)
        vectors = job.embed([*train.texts, *dataset.texts])
        nearest = _nearest(vectors[len(train) :], vectors[: len(train)])
        result = {
            "seed": seed,
            **answers(dataset, train, classifier.label_names, probabilities, nearest),
        }
        save_preview(context.db, KIND, dataset.key, _request(context.spec), result)
        job.report("done")
    except Stopped:
        job.report("stopped")


def answers(
    dataset: Dataset,
    train: Dataset,
    label_names: Sequence[str],
    probabilities: npt.NDArray[np.float64],
    nearest: npt.NDArray[np.float64],
) -> dict[str, Any]:
    """What a classifier says of a dataset, against the dataset's own labels, JSON-ready.

    Args:
        dataset: the texts, at least one.
        train: the dataset that the classifier learned from, or from a part of.
        label_names: names of the columns.
        probabilities: (texts, labels).
        nearest: each text's cosine distance to the nearest of `train`, (texts,).

    Returns:
        `ids`, `labels`, `confidence`, `distance` and `seen` (whether it stands in `train`), one a
        text; `n_seen`; `scored`, the number of texts that count: those not seen, all if all were;
        `scores` of these (`evaluation.evaluate`); `parts`: a fifth of these each, from near to far
        (`from`, `to`, `n`, `mean`, `low`, `high`).
    """
    names = tuple(dict.fromkeys([*label_names, *dataset.label_names]))
    given = given_labels(probabilities, label_names)
    confidence = probabilities.max(axis=1)
    again = {overlap.test for overlap in exact_overlaps(train.texts, dataset.texts)}
    rows = [row for row in range(len(dataset)) if row not in again] or list(range(len(dataset)))
    right = np.array([given[row] == dataset.labels[row] for row in rows])
    return {
        "ids": list(dataset.ids),
        "labels": given,
        "confidence": [round(float(value), 4) for value in confidence],
        "distance": [round(float(value), 4) for value in nearest],
        "seen": [row in again for row in range(len(dataset))],
        "n_seen": len(again),
        "scored": len(rows),
        "scores": evaluate(
            [dataset.labels[row] for row in rows], [[given[row] for row in rows]], names
        ),
        "parts": _parts(nearest[rows], right),
    }


def answer(
    db: Database, home: Home, keeper: TrainedKeeper, spec: Mapping[str, Any]
) -> dict[str, Any]:
    """What a trained classifier says of one text.

    Args:
        db: the store.
        home: where its folder lies.
        keeper: loads it.
        spec: `{"training": id, "text": ...}`.

    Returns:
        `labels`, the most probable first, and their `probabilities`.

    Raises:
        BadInput: the text is empty, or there is no such classifier.
        BackendFailed: it can't be loaded.
    """
    text = str(spec["text"])
    if not text.strip():
        raise BadInput("There is no text.", "Write one.")
    classifier, _, _ = _classifier(db, home, keeper, spec["training"])
    shares = classifier.probabilities([text])[0]
    order = np.argsort(-shares, kind="stable")
    return {
        "labels": [classifier.label_names[place] for place in order],
        "probabilities": [float(shares[place]) for place in order],
    }


def _classifier(
    db: Database, home: Home, keeper: TrainedKeeper, training_id: str
) -> tuple[Classifier, TrainingSpec, int]:
    record = get_training(db, training_id)
    if record.result is None:
        raise BadInput("This training has not ended.", "Let it end first.")
    spec = spec_from_dict(record.spec)
    seed = best_seed(record.result)
    folder = folder_of(training_folder(home, record.id), spec.kind, seed)
    return keeper.classifier(folder, spec), spec, seed


def _nearest(asked: Vectors, seen: Vectors) -> npt.NDArray[np.float64]:
    """Each text's cosine distance to the nearest of the seen ones, a block at a time."""
    rows, columns = unit_vectors(asked), unit_vectors(seen)
    height = max(1, _CELLS // max(1, len(columns)))
    found = [
        (rows[start : start + height] @ columns.T).max(axis=1)
        for start in range(0, len(rows), height)
    ]
    nearest: npt.NDArray[np.float64] = np.clip(1 - np.concatenate(found).astype(float), 0, 2)
    return nearest


def _parts(
    nearest: npt.NDArray[np.float64], right: npt.NDArray[np.bool_]
) -> list[dict[str, float | None]]:
    order = np.argsort(nearest, kind="stable")
    parts = []
    for rows in np.array_split(order, min(_PARTS, len(order))):
        share = wilson(int(right[rows].sum()), len(rows))
        ends = {"from": float(nearest[rows].min()), "to": float(nearest[rows].max())}
        parts.append({**ends, "n": len(rows), **share.to_dict()})
    return parts


def _spec(training_id: str, dataset: str, n: int) -> dict[str, Any]:
    return {"training": training_id, "dataset": dataset, "n": n}


def _request(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {"training": spec["training"], "n": spec["n"]}
