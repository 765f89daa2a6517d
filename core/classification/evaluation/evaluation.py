"""Evaluation: how right predictions are, over all texts and by label; plain data comes out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.classification.evaluation.intervals import Interval, over_seeds, wilson

_DRAWS = 2_000

Counts = npt.NDArray[np.int64]
Probabilities = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LabelScores:
    """How right a label's predictions are.

    Args:
        precision: share of the texts given the label that have it; None if none was given it.
        recall: share of the texts with the label that were given it; None if the test has none.
        f1: their harmonic mean, 0 if the label was never given; None if the test has none.
        support: texts of the test with the label.
    """

    precision: float | None
    recall: float | None
    f1: float | None
    support: int


def confusion(truth: Sequence[str], predicted: Sequence[str], labels: Sequence[str]) -> Counts:
    """How many texts of a label (row) were given which label (column), int64 (labels, labels).

    Raises:
        KeyError: a label is none of `labels`.
    """
    place = {name: number for number, name in enumerate(labels)}
    matrix = np.zeros((len(labels), len(labels)), dtype=np.int64)
    rows = [place[name] for name in truth]
    np.add.at(matrix, (rows, [place[name] for name in predicted]), 1)
    return matrix


def accuracy(matrix: Counts) -> float:
    """The share of texts given their own label, 0 to 1."""
    return float(np.trace(matrix) / matrix.sum())


def macro_f1(matrix: Counts) -> float:
    """The mean F1 of the labels that the test has; one that it lacks can't be measured."""
    return float(_macro_f1(matrix[None])[0])


def label_scores(matrix: Counts, labels: Sequence[str]) -> dict[str, LabelScores]:
    """Each label's scores, in the order of the matrix."""
    hits, given, support = np.diag(matrix), matrix.sum(axis=0), matrix.sum(axis=1)
    return {
        name: LabelScores(
            precision=float(hits[i] / given[i]) if given[i] else None,
            recall=float(hits[i] / support[i]) if support[i] else None,
            f1=float(2 * hits[i] / (given[i] + support[i])) if support[i] else None,
            support=int(support[i]),
        )
        for i, name in enumerate(labels)
    }


@dataclass(frozen=True, slots=True)
class Calibration:
    """Whether a classifier is as often right as it is sure (Guo et al. 2017).

    Args:
        bins: for each tenth of confidence that has texts `from`, `to`, `n` (texts), `confidence`
            (their mean) and `accuracy`.
        ece: the expected calibration error, 0 to 1: the gap between the last two, weighted by
            texts.
    """

    bins: tuple[dict[str, int | float], ...]
    ece: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A measure over repeats.

    Args:
        mean: 0 to 1.
        low: lower end of its 95% interval; None where nothing can be said.
        high: upper end.
        values: of each repeat.
        interval: how it was made, in words.
    """

    mean: float
    low: float | None
    high: float | None
    values: tuple[float, ...]
    interval: str


@dataclass(frozen=True, slots=True)
class Confusion:
    """How many texts of which label were given which, summed over repeats.

    Args:
        labels: of rows and columns.
        counts: rows: own label; columns: given label.
    """

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Scores:
    """The scores of a classifier on a test set.

    Args:
        accuracy: share of texts given their own label.
        macro_f1: mean F1 of the labels that the test has.
        per_label: means over repeats, by label.
        confusion: of all repeats.
        calibration: of all repeats together; None without probabilities.
        n_test: texts of the test.
    """

    accuracy: Score
    macro_f1: Score
    per_label: dict[str, LabelScores]
    confusion: Confusion
    calibration: Calibration | None = None
    n_test: int


def calibration(
    probabilities: Probabilities, truth: Sequence[str], labels: Sequence[str], *, bins: int = 10
) -> Calibration:
    """The calibration curve of the label given to each text.

    Args:
        probabilities: (texts, labels), each row adding up to 1.
        truth: each text's own label.
        labels: names of the columns.
        bins: of equal width, each without its lower bound (the first with it).
    """
    confidence = probabilities.max(axis=1)
    right = np.array(labels, dtype=object)[probabilities.argmax(axis=1)] == np.array(truth, object)
    place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    listed: list[dict[str, int | float]] = []
    error = 0.0
    for number in range(bins):
        inside = place == number
        n = int(inside.sum())
        if n:
            sure, hit = float(confidence[inside].mean()), float(right[inside].mean())
            ends = {"from": number / bins, "to": (number + 1) / bins}
            listed.append({**ends, "n": n, "confidence": sure, "accuracy": hit})
            error += n / len(truth) * abs(sure - hit)
    return Calibration(tuple(listed), error)


def accuracy_interval(matrices: Sequence[Counts]) -> Interval:
    """Over seeds by Student's t; of a single run, over texts, by Wilson."""
    if len(matrices) > 1:
        return over_seeds([accuracy(matrix) for matrix in matrices])
    return wilson(int(np.trace(matrices[0])), int(matrices[0].sum()))


def macro_f1_interval(matrices: Sequence[Counts], *, seed: int = 0) -> Interval:
    """Over seeds by Student's t; of a single run, over texts, by 2,000 bootstrap draws.

    Texts with the same label and prediction are alike to the score, so a draw of texts is a
    multinomial draw of cells of the matrix.
    """
    if len(matrices) > 1:
        return over_seeds([macro_f1(matrix) for matrix in matrices])
    matrix = matrices[0]
    n = int(matrix.sum())
    drawn = np.random.default_rng(seed).multinomial(n, matrix.ravel() / n, size=_DRAWS)
    scores = _macro_f1(drawn.reshape(_DRAWS, *matrix.shape))
    low, high = np.quantile(scores, [0.025, 0.975])
    return Interval(macro_f1(matrix), float(low), float(high))


def evaluate(
    truth: Sequence[str],
    predictions: Sequence[Sequence[str]],
    labels: Sequence[str],
    *,
    probabilities: Sequence[Probabilities] = (),
) -> Scores:
    """Score a classifier.

    Args:
        truth: each test text's own label.
        predictions: for each repeat the label given to each text; at least one repeat.
        labels: all names, in task order.
        probabilities: for each repeat (texts, labels), each row adding up to 1; may be left out.
    """
    matrices = [confusion(truth, given, labels) for given in predictions]
    many = len(matrices) > 1
    curve = None
    if probabilities:
        together = np.concatenate(list(probabilities))
        curve = calibration(together, list(truth) * len(probabilities), labels)
    return Scores(
        accuracy=_score(accuracy_interval(matrices), map(accuracy, matrices), "Wilson", many),
        macro_f1=_score(macro_f1_interval(matrices), map(macro_f1, matrices), "bootstrap", many),
        per_label=_mean_scores([label_scores(matrix, labels) for matrix in matrices]),
        confusion=Confusion(
            tuple(labels), tuple(tuple(row) for row in np.sum(matrices, axis=0).tolist())
        ),
        calibration=curve,
        n_test=len(truth),
    )


def _score(interval: Interval, values: Iterable[float], method: str, many: bool) -> Score:
    return Score(
        mean=interval.mean,
        low=interval.low,
        high=interval.high,
        values=tuple(values),
        interval="t over seeds" if many else f"{method} over texts",
    )


def _mean_scores(repeats: Sequence[dict[str, LabelScores]]) -> dict[str, LabelScores]:
    def mean(values: Iterable[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return float(np.mean(known)) if known else None

    return {
        name: LabelScores(
            precision=mean(scores[name].precision for scores in repeats),
            recall=mean(scores[name].recall for scores in repeats),
            f1=mean(scores[name].f1 for scores in repeats),
            support=first.support,
        )
        for name, first in repeats[0].items()
    }


def _macro_f1(matrices: Counts) -> npt.NDArray[np.float64]:
    """Of each of (draws, labels, labels)."""
    hits = np.diagonal(matrices, axis1=1, axis2=2)
    support = matrices.sum(axis=2)
    total = support + matrices.sum(axis=1)
    f1 = np.where(support > 0, 2 * hits / np.maximum(total, 1), 0.0)
    means: npt.NDArray[np.float64] = f1.sum(axis=1) / (support > 0).sum(axis=1)
    return means
