"""The oracle: a classifier of real texts that stands in for people, and relabels as they would."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.diversity.measures.remote_clique import Pause, Vectors, no_pause, unit_vectors
from core.domain.errors import BadInput
from core.interventions.relabelling.label_accuracy import Share, share
from core.interventions.relabelling.oracle_quality import OracleQuality
from core.interventions.relabelling.relabel import (
    WEIGHT,
    Replacement,
    relabel_all,
    replace_labels,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OracleInspection:
    """What the oracle inspects and how its labels are followed.

    Args:
        count: texts it inspects, drawn at random; None is all of them.
        error_rate: chance that it gives a wrong label, 0 to 1, to simulate people.
        weight: of the label before against the proxies' prediction, see `relabel`.
        seed: of errors, draw and proxies.
    """

    count: int | None = None
    error_rate: float = 0.0
    weight: float = WEIGHT
    seed: int = 0


def relabel_by_oracle(
    labels: Sequence[str],
    opinion: "Opinion",
    inspection: OracleInspection,
    *,
    label_names: Sequence[str],
    vectors: Vectors | None = None,
    between: Pause = no_pause,
) -> Replacement:
    """Label replacement with the oracle as the annotator; equal arguments give equal labels.

    Args:
        labels: the labels before, one per text.
        opinion: the oracle's, of every text.
        inspection: what it inspects.
        label_names: all labels, in task order.
        vectors: embeddings of the texts, float32 (texts, size); needed unless it inspects all.
        between: called between two proxies.

    Raises:
        BadInput: as `replace_labels`, or the error rate is out of range.
    """
    annotated, rows = inspected_by_oracle(
        opinion.labels,
        inspection.count,
        label_names=label_names,
        error_rate=inspection.error_rate,
        seed=inspection.seed,
    )
    if inspection.count is None:
        confidence = opinion.confidence if inspection.error_rate == 0 else None
        return relabel_all(labels, annotated, label_names=label_names, confidence=confidence)
    if vectors is None:
        raise ValueError("proxies learn from embeddings, and there are none")
    return replace_labels(
        vectors,
        labels,
        {row: annotated[row] for row in rows},
        label_names=label_names,
        weight=inspection.weight,
        seed=inspection.seed,
        between=between,
    )


def inspected_by_oracle(
    right: Sequence[str],
    count: int | None,
    *,
    label_names: Sequence[str],
    error_rate: float = 0.0,
    seed: int = 0,
) -> tuple[tuple[str, ...], list[int]]:
    """Draw the texts that the oracle inspects; equal arguments give equal draws.

    Args:
        right: the oracle's label for each text.
        count: see `OracleInspection`, as are `error_rate` and `seed`.
        label_names: all labels.

    Returns:
        Its label for each text, and the rows of those that it inspects, in the order drawn.

    Raises:
        BadInput: the error rate is out of range, or there is no other label to err with.
    """
    rng = np.random.default_rng(seed)
    annotated = noisy(right, error_rate, rng, label_names=label_names)
    if count is None:
        return annotated, list(range(len(annotated)))
    return annotated, rng.permutation(len(annotated))[:count].tolist()


FOLDS = 5
C = 3.0
"""Inverse strength of regularisation; on four real tasks 1 to 10 lay within a point."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """What an annotator says of some texts, in their order.

    Args:
        labels: one a text.
        confidence: 0 to 1, one a text; None where the annotator gives none.
    """

    labels: tuple[str, ...]
    confidence: tuple[float, ...] | None = None


class Oracle:
    """Logistic regression on embeddings; make it by `train_oracle`.

    Args:
        model: the fitted scikit-learn classifier.
        quality: how good it is.
    """

    name = "oracle"
    """How its judgements are signed."""

    def __init__(self, model: Any, quality: OracleQuality) -> None:
        self._model = model
        self.quality = quality

    @property
    def accuracy(self) -> Share:
        """Its own, for the reference's mix of labels."""
        return self.quality.accuracy

    @property
    def measured_on(self) -> str:
        """Which texts that rests on, in a few words."""
        return self.quality.measured_on

    def judge(self, texts: Sequence[str], vectors: Vectors) -> Opinion:
        """Judge texts by their embeddings, float32 (texts, size)."""
        if not len(vectors):
            return Opinion((), ())
        chances = self._model.predict_proba(unit_vectors(vectors))
        best = chances.argmax(axis=1)
        labels = self._model.classes_[best].tolist()
        return Opinion(tuple(labels), tuple(chances[np.arange(len(best)), best].tolist()))


def train_oracle(
    vectors: Vectors,
    labels: Sequence[str],
    *,
    test: tuple[Vectors, Sequence[str]] | None = None,
    seed: int = 0,
) -> Oracle:
    """Train the oracle on all texts given, and measure it.

    Args:
        vectors: embeddings of the reference's train part, float32 (texts, size).
        labels: their labels.
        test: embeddings and labels of the test part, to measure on. Without one, every text is
            judged by a model trained on the other four fifths (cross-validation).
        seed: of the folds.

    Raises:
        BadInput: fewer than two labels occur, or a label has too few texts for cross-validation.
    """
    given = np.array(labels, dtype=object)
    counts = {name: labels.count(name) for name in dict.fromkeys(labels)}
    if len(counts) < 2:
        raise BadInput(
            "The reference has texts of fewer than two labels, so nothing can be learned from it.",
            "Give labelled texts of every label.",
        )
    unit = unit_vectors(vectors)
    model = _fit(unit, given)
    if test is not None:
        predicted = model.predict(unit_vectors(test[0])).tolist() if len(test[0]) else []
        return Oracle(model, _quality(counts, test[1], predicted, "the reference's test part"))
    few = min(counts, key=lambda name: counts[name])
    if counts[few] < 2:
        raise BadInput(
            f"The reference has one text of the label '{few}' only, too few to measure on.",
            "Give at least two texts of every label.",
        )
    from sklearn.model_selection import StratifiedKFold

    folds = min(FOLDS, counts[few])
    held_out_labels = given.copy()
    splits = StratifiedKFold(folds, shuffle=True, random_state=seed % 2**32)
    for train, held_out in splits.split(unit, given.astype(str)):
        fold = _fit(unit[train], given[train])
        held_out_labels[held_out] = fold.predict(unit[held_out])
    measured_on = f"{folds}-fold cross-validation on the reference"
    return Oracle(model, _quality(counts, labels, held_out_labels.tolist(), measured_on))


def _quality(
    learned_from: Mapping[str, int],
    labels: Sequence[str],
    predicted: Sequence[str],
    measured_on: str,
) -> OracleQuality:
    right = [name for name, other in zip(labels, predicted, strict=True) if name == other]
    return OracleQuality(
        accuracy=share(len(right), len(labels)),
        measured_on=measured_on,
        by_label={
            name: share(right.count(name), list(labels).count(name)) for name in learned_from
        },
        learned_from=learned_from,
    )


def noisy(
    labels: Sequence[str],
    error_rate: float,
    rng: np.random.Generator,
    *,
    label_names: Sequence[str],
) -> tuple[str, ...]:
    """Labels as somebody gives them who errs: each with that chance, independently.

    Args:
        labels: the right ones.
        error_rate: 0 to 1; which of the other labels a wrong one is, is uniformly random.
        rng: draws which and what.
        label_names: all labels.

    Raises:
        BadInput: the rate is out of range, or there is no other label to err with.
    """
    if not 0 <= error_rate <= 1:
        raise BadInput(f"The error rate is {error_rate}.", "Choose from 0 to 1.")
    if error_rate > 0 and len(label_names) < 2:
        raise BadInput("With a single label nobody can err.", "Set the error rate to 0.")
    errs = rng.random(len(labels)) < error_rate
    shifts = rng.integers(1, max(2, len(label_names)), size=len(labels))
    place = {name: at for at, name in enumerate(label_names)}
    return tuple(
        label_names[(place[label] + int(shift)) % len(label_names)] if wrong else label
        for label, wrong, shift in zip(labels, errs, shifts, strict=True)
    )


def missing_labels_note(label_names: Iterable[str], reference_labels: Iterable[str]) -> str:
    """A sentence on the labels that the reference has no text of; empty if there are none."""
    known = set(reference_labels)
    missing = [f"'{name}'" for name in label_names if name not in known]
    if not missing:
        return ""
    listed = ", ".join(missing[:5])
    return f"The reference has no text of {listed}: the oracle never predicts it."


def _fit(unit: Vectors, labels: "np.typing.NDArray[np.object_]") -> Any:
    from sklearn.linear_model import LogisticRegression

    # A string array of numpy's own: sklearn's classes_ then compare and sort as texts do.
    return LogisticRegression(C=C, max_iter=1000).fit(unit, labels.astype(str))
