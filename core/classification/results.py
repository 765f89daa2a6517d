"""Result: what repeats predicted, and what is said of a training because of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

import numpy as np
import numpy.typing as npt

from core.classification.evaluation.checks import Leakage
from core.classification.evaluation.evaluation import Scores, evaluate
from core.classification.settings import Kind, TrainingSpec
from core.domain.datasets import Dataset
from core.domain.progress import Epoch

_SHOWN = 50  # overlaps in a result
NOT_PARSED = "(not parsed)"
"""What stands for a label where a language model's answer names none."""

Probabilities = npt.NDArray[np.float64]


Fact = str | int | float | bool | None
Facts = Mapping[str, Fact]
"""What is known of how a repeat was made: `n_train`, and what its kind knows of itself, such as
`device`, `precision` and `best_epoch` of a fine-tuning, `scores` and `not_parsed` of a language
model that was asked."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What one repeat says of the test texts.

    Args:
        seed: of the repeat.
        probabilities: (texts, labels), labels as in the result.
        history: epochs of a fine-tuning; empty for others.
        facts: see `Facts`.
    """

    seed: int
    probabilities: Probabilities
    history: Sequence[Epoch]
    facts: Facts


@dataclass(frozen=True, slots=True)
class DatasetName:
    """Key and name of a dataset."""

    key: str
    name: str


@dataclass(frozen=True, slots=True)
class RepeatedText:
    """Ids of a test text and of the training text that it repeats, and their cosine similarity."""

    test: str
    train: str | None
    similarity: float


@dataclass(frozen=True, slots=True)
class LeakageReport:
    """How many test texts repeat training texts, and the first 50 of them; see `Leakage`."""

    exact: int
    near: int
    threshold: float | None
    n: int
    overlaps: tuple[RepeatedText, ...] = ()


@dataclass(frozen=True, slots=True)
class RepeatResult:
    """What one repeat came to; see `Prediction`."""

    seed: int
    accuracy: float
    history: tuple[Epoch, ...] = ()
    facts: dict[str, Fact] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class TrainingResult(Scores):
    """What is kept and shown of a training.

    Args:
        kind: of the training.
        model: the encoder or language model.
        train: what it learned from; None for a language model.
        test: what it was tested on.
        label_names: all labels, `NOT_PARSED` included where an answer names none.
        seeds: of the repeats.
        n_train: texts that it learned from, or examples that it was shown.
        warnings: whole sentences.
        leakage: None where it was not looked for.
        repeats: one a seed.
    """

    kind: Kind
    model: str
    train: DatasetName | None
    test: DatasetName
    label_names: tuple[str, ...]
    seeds: tuple[int, ...]
    n_train: int
    warnings: tuple[str, ...] = ()
    leakage: LeakageReport | None = None
    repeats: tuple[RepeatResult, ...]

    @property
    def best_seed(self) -> int:
        """The repeat that was best on its validation texts (never: the test); of equals the
        first."""

        def validated(repeat: RepeatResult) -> float:
            return max((epoch.accuracy for epoch in repeat.history), default=0.0)

        return max(self.repeats, key=validated).seed


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
) -> TrainingResult:
    """What the predictions of all repeats come to."""
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
    return TrainingResult(
        **{field.name: getattr(scores, field.name) for field in fields(scores)},
        kind=spec.kind,
        model=spec.language_model if spec.kind == "llm" else spec.fine_tuning.model,
        train=None if train is None else DatasetName(train.key, train.name),
        test=DatasetName(test.key, test.name),
        label_names=names,
        seeds=tuple(repeat.seed for repeat in predictions),
        n_train=whole_number(predictions[0].facts.get("n_train")),
        warnings=tuple(warnings),
        leakage=None if leakage is None else _report(leakage, train, test),
        repeats=tuple(
            RepeatResult(repeat.seed, accuracy, tuple(repeat.history), dict(repeat.facts))
            for repeat, accuracy in zip(predictions, scores.accuracy.values, strict=True)
        ),
    )


def whole_number(fact: Fact) -> int:
    """A fact that counts something; 0 where it is missing."""
    return int(fact) if isinstance(fact, int | float) else 0


def _report(leakage: Leakage, train: Dataset | None, test: Dataset) -> LeakageReport:
    return LeakageReport(
        exact=len(leakage.exact),
        near=len(leakage.near),
        threshold=leakage.threshold,
        n=leakage.n,
        overlaps=tuple(
            RepeatedText(
                test.ids[overlap.test],
                None if train is None else train.ids[overlap.train],
                round(overlap.similarity, 4),
            )
            for overlap in [*leakage.exact, *leakage.near][:_SHOWN]
        ),
    )
