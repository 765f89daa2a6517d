"""Proxies: a linear SVC that learns from the annotator, and its margin as a confidence.

The paper (section 5) trains one binary linear SVC on text embeddings (max_iter 10000) and leaves
open how its margin becomes a confidence. Here: by Platt scaling (Platt 1999), a logistic curve
fitted to decision values that cross-validation gave for the inspected texts, so that no text
judges itself. Where that needs more texts than there are, the curve is another, and says so.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from core.diversity.measures.remote_clique import Numbers, Vectors

Rows = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

MIN_EACH = 3
"""So many texts of the class, and not of it, a class needs for a curve of its own."""
MAX_ITERATIONS = 10_000
FOLDS = 5
FEW_FOLDS = 2
MANY = 1_000
"""Above so many inspected texts two folds will do for the two numbers of a curve."""


@dataclass(frozen=True, slots=True)
class Curve:
    """How a margin becomes a confidence: `1 / (1 + exp(-(slope * margin + offset)))`.

    Args:
        slope: 0 or more; 0 says the same of every text.
        offset: what a margin of 0 stands for, in log odds.
        source: `own` (Platt scaling), `flat` (own, but the proxy told its class no better than
            chance: the class's share of the inspected texts), `shared` (the middle of the other
            classes' own curves) or `fixed`.
    """

    slope: float
    offset: float
    source: Literal["own", "flat", "shared", "fixed"]

    def confidence(self, margins: Numbers) -> Numbers:
        """Confidences, 0 to 1, for margins; float64 of the same shape."""
        return _logistic(self.slope * margins + self.offset)


FIXED = Curve(2.0, 0.0, "fixed")
"""For where no class has a curve: a margin of 1, the SVC's own mark of sureness, is 0.88."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """One class's SVC, applied.

    Args:
        margins: float64 (texts,), of all texts; above 0 the SVC says that a text is of the class.
        curve: its own curve; None where the class has too few texts for one.
        fits: how many SVCs were trained for it.
        unconverged: how many of these stopped at `MAX_ITERATIONS` first.
    """

    margins: Numbers
    curve: Curve | None
    fits: int
    unconverged: int


def train_proxy(unit: Vectors, rows: Rows, of_class: Flags, *, seed: int) -> Proxy:
    """Train a class's SVC on the inspected texts and apply it to all.

    Args:
        unit: embeddings of all texts at length 1, float32 (texts, size).
        rows: rows of the inspected texts, int64 (inspected,).
        of_class: whether each of them is of the class; at least one is and one is not.
        seed: of the folds and of the SVC's order of texts.
    """
    from sklearn.model_selection import StratifiedKFold

    few = int(min(of_class.sum(), (~of_class).sum()))
    seen = unit[rows]
    svc, unconverged = _fit(seen, of_class, seed)
    margins = _margins(svc, unit)
    if few < MIN_EACH:
        return Proxy(margins, None, 1, unconverged)
    folds = min(FEW_FOLDS if len(rows) > MANY else FOLDS, few)
    held_out = np.zeros(len(rows))
    splits = StratifiedKFold(folds, shuffle=True, random_state=seed % 2**32)
    for train, test in splits.split(seen, of_class):
        svc, failed = _fit(seen[train], of_class[train], seed)
        held_out[test] = _margins(svc, seen[test])
        unconverged += failed
    return Proxy(margins, platt_curve(held_out, of_class), 1 + folds, unconverged)


def platt_curve(margins: Numbers, of_class: Flags) -> Curve:
    """The logistic curve that fits best how margins and classes go together.

    Maximum likelihood with Platt's targets, (p + 1) / (p + 2) for the p texts of the class and
    1 / (n + 2) for the n others, by Newton steps (Lin, Lin and Weng 2007). A slope below 0 would
    say that the SVC means the opposite of what it says; the best curve without one is flat.

    Args:
        margins: of texts that the SVC was not trained on, float64 (texts,).
        of_class: whether each is of the class, both kinds occurring.
    """
    positive = int(of_class.sum())
    negative = len(of_class) - positive
    target = np.where(of_class, (positive + 1) / (positive + 2), 1 / (negative + 2))
    share = float(target.mean())
    flat = Curve(0.0, float(np.log(share / (1 - share))), "flat")
    design = np.stack([margins, np.ones(len(margins))], axis=1)
    point: Numbers = np.array([0.0, flat.offset])
    for _ in range(100):
        gap = _logistic(design @ point) - target
        slope = design.T @ gap
        if np.abs(slope).max() < 1e-9 * len(margins):
            break
        weight = np.maximum(_weights(design @ point), 1e-12)
        bend = (design * weight[:, None]).T @ design + 1e-12 * np.eye(2)
        step = np.linalg.solve(bend, slope)
        size = 1.0
        while size > 1e-10 and (
            _loss(design @ (point - size * step), target)
            > _loss(design @ point, target) - 1e-4 * size * slope @ step
        ):
            size /= 2
        point = point - size * step
    return Curve(float(point[0]), float(point[1]), "own") if point[0] > 1e-9 else flat


def shared_curve(own: Sequence[Curve]) -> Curve:
    """The curve for a class with too few texts for its own: medians of the others' `own` curves."""
    steep = [curve for curve in own if curve.source == "own"]
    if not steep:
        return FIXED
    slope = float(np.median([curve.slope for curve in steep]))
    return Curve(slope, float(np.median([curve.offset for curve in steep])), "shared")


def _fit(vectors: Vectors, of_class: Flags, seed: int) -> tuple[Any, int]:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.svm import LinearSVC

    svc = LinearSVC(max_iter=MAX_ITERATIONS, random_state=seed % 2**32)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        svc.fit(vectors, of_class)
    for warning in caught:
        if not issubclass(warning.category, ConvergenceWarning):
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )
    return svc, sum(issubclass(warning.category, ConvergenceWarning) for warning in caught)


def _margins(svc: Any, vectors: Vectors) -> Numbers:
    margins: Numbers = np.asarray(svc.decision_function(vectors), dtype=np.float64)
    return margins


def _logistic(log_odds: Numbers) -> Numbers:
    confidences: Numbers = 0.5 * (1 + np.tanh(log_odds / 2))  # never overflows
    return confidences


def _weights(log_odds: Numbers) -> Numbers:
    share = _logistic(log_odds)
    return share * (1 - share)


def _loss(log_odds: Numbers, target: Numbers) -> float:
    return float((np.logaddexp(0, log_odds) - target * log_odds).sum())
