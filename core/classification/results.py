"""Result: what repeats predicted, and what is said of a training because of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from core.classification.evaluation.checks import Leakage
from core.classification.evaluation.evaluation import evaluate
from core.classification.settings import TrainingSpec
from core.domain.datasets import Dataset

_SHOWN = 50  # overlaps in a result
NOT_PARSED = "(not parsed)"
"""What stands for a label where a language model's answer names none."""

Probabilities = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Prediction:
    """What one repeat says of the test texts.

    Args:
        seed: of the repeat.
        probabilities: (texts, labels), labels as in the result.
        history: epochs of a fine-tuning (see `fine_tuning.Step`); empty for others.
        facts: JSON-ready: n_train, and what the kind knows of itself.
    """

    seed: int
    probabilities: Probabilities
    history: Sequence[Mapping[str, Any]]
    facts: Mapping[str, Any]


def label_names_of(train: Dataset | None, test: Dataset, spec: TrainingSpec) -> tuple[str, ...]:
    """All labels of a result: those of the task or of training, then those of the test alone."""
    if spec.task is not None:
        first: Sequence[str] = spec.task.label_names
    else:
        first = train.label_names if train is not None else ()
    return tuple(dict.fromkeys([*first, *(train.labels if train else ()), *test.labels]))


def given_labels(probabilities: Probabilities, names: Sequence[str]) -> list[str]:
    """The most probable label of each text, of equals the first; `NOT_PARSED` for a row of 0."""
    return [
        names[place] if row[place] > 0 else NOT_PARSED
        for row, place in zip(probabilities, probabilities.argmax(axis=1).tolist(), strict=True)
    ]


def result_of(
    spec: TrainingSpec,
    train: Dataset | None,
    test: Dataset,
    predictions: Sequence[Prediction],
    *,
    warnings: Sequence[str] = (),
    leakage: Leakage | None = None,
) -> dict[str, Any]:
    """What is kept and shown of a training, JSON-ready.

    Returns:
        What `evaluation.evaluate` says, and `kind`, `model`, `seeds`, `n_train`, `label_names`,
        `warnings`, `leakage` (counts, and the first overlaps by ids of test and training text),
        `repeats` (for each seed `seed`, `accuracy`, `history`, `facts`).
    """
    names = label_names_of(train, test, spec)
    given = [given_labels(repeat.probabilities, names) for repeat in predictions]
    unread = sum(labels_of_repeat.count(NOT_PARSED) for labels_of_repeat in given)
    if unread:
        names = (*names, NOT_PARSED)
        warnings = [
            *warnings,
            f"Answers of the language model that name no label: {unread:,}. They count as wrong.",
        ]
    # Answers without odds say nothing of how sure the model was.
    sure = not unread and not any(
        "answers" in str(repeat.facts.get("scores", "")) for repeat in predictions
    )
    scores = evaluate(
        test.labels,
        given,
        names,
        probabilities=[repeat.probabilities for repeat in predictions] if sure else (),
    )
    n_train = predictions[0].facts.get("n_train", 0)
    return {
        "kind": spec.kind,
        "model": spec.language_model if spec.kind == "llm" else spec.fine_tuning.model,
        "train": None if train is None else {"key": train.key, "name": train.name},
        "test": {"key": test.key, "name": test.name},
        "label_names": list(names),
        "seeds": [repeat.seed for repeat in predictions],
        "n_train": n_train,
        **scores,
        "warnings": list(warnings),
        "leakage": None if leakage is None else _leakage(leakage, train, test),
        "repeats": [
            {
                "seed": repeat.seed,
                "accuracy": scores["accuracy"]["values"][place],
                "history": list(repeat.history),
                "facts": dict(repeat.facts),
            }
            for place, repeat in enumerate(predictions)
        ],
    }


def _leakage(leakage: Leakage, train: Dataset | None, test: Dataset) -> dict[str, Any]:
    return {
        "exact": len(leakage.exact),
        "near": len(leakage.near),
        "threshold": leakage.threshold,
        "n": leakage.n,
        "overlaps": [
            {
                "test": test.ids[overlap.test],
                "train": None if train is None else train.ids[overlap.train],
                "similarity": round(overlap.similarity, 4),
            }
            for overlap in [*leakage.exact, *leakage.near][:_SHOWN]
        ],
    }
