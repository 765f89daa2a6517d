"""The annotation-budget curve: what label accuracy so many inspected texts buy."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from core.classification.evaluation.intervals import Interval, over_seeds
from core.diversity.measures.remote_clique import Pause, Vectors, no_pause
from core.domain.errors import BadInput
from core.interventions.relabelling.oracle import noisy
from core.interventions.relabelling.relabel import WEIGHT, replace_labels

BUDGETS = (0, 45, 90, 180, 270, 360)
REPEATS = 5
MIN_LEFT = 20
"""So many judged texts must be left to measure on, where not all texts were judged."""
FLAT = 0.02
"""Gain in label accuracy a 100 inspected texts, below which a curve counts as flat."""


@dataclass(frozen=True, slots=True)
class BudgetPoint:
    """Label accuracy after label replacement with so many inspected texts.

    Args:
        inspected: how many.
        accuracies: of each repeat, 0 to 1; None where the sample was refused (all of one label).
        accuracy: their mean with Student's t interval; None if every sample was refused.
    """

    inspected: int
    accuracies: tuple[float | None, ...]
    accuracy: Interval | None


def budget_curve(
    vectors: Vectors,
    specified: Sequence[str],
    judged: Mapping[int, str],
    *,
    label_names: Sequence[str],
    budgets: Sequence[int] = BUDGETS,
    to_all: bool = True,
    repeats: int = REPEATS,
    weight: float = WEIGHT,
    error_rate: float = 0.0,
    seed: int = 0,
    between: Pause = no_pause,
    progress: Callable[[int, int], None] | None = None,
) -> list[BudgetPoint]:
    """Inspect random samples of the judged texts, relabel, and measure against the judgements.

    The accuracy is that of the whole dataset: inspected texts count by their given label, all
    others as the judged ones among them. Where all texts are judged (by the oracle), that is
    simply counted. Judgements by people are a fair basis only as far as they were drawn at random.

    Args:
        vectors: embeddings, float32 (texts, size).
        specified: the labels before.
        judged: the annotator's label by row; taken as the truth.
        label_names: all labels, in task order.
        budgets: numbers of inspected texts; those that leave too few judged texts to measure on
            are left out.
        to_all: add a last point at which every text is inspected, where all are judged.
        repeats: samples a budget.
        weight: see `relabel`.
        error_rate: chance that the annotator errs on an inspected text, 0 to 1.
        seed: of samples, errors and proxies.
        between: called between two proxies.
        progress: called with samples done and samples in all.

    Raises:
        BadInput: nothing is judged, or an argument is out of range.
    """
    # Twelve parameters, and long: one simulation, every number of it a setting.
    if not judged:
        raise BadInput("No text was judged, so there is nothing to measure.", "Judge some first.")
    if repeats < 1 or any(budget < 0 for budget in budgets):
        raise BadInput("Budgets and repeats can't be negative.", "Give whole numbers from 0 on.")
    n, whole = len(specified), len(judged) == len(specified)
    limit = len(judged) if whole else len(judged) - MIN_LEFT
    wanted = sorted({b for b in budgets if b <= limit} | ({n} if whole and to_all else set()))
    rows = sorted(judged)
    points = []
    total = sum(repeats if budget else 1 for budget in wanted)
    done = 0
    for budget in wanted:
        accuracies: list[float | None] = []
        for repeat in range(repeats if budget else 1):
            if progress is not None:
                progress(done, total)
            done += 1
            rng = np.random.default_rng([seed, repeat])
            sample = [rows[place] for place in rng.permutation(len(rows))[:budget]]
            noisy_labels = noisy(
                [judged[r] for r in sample], error_rate, rng, label_names=label_names
            )
            given = dict(zip(sample, noisy_labels, strict=True))
            new: Sequence[str] = specified
            if 0 < budget < n:
                try:
                    new = replace_labels(
                        vectors,
                        specified,
                        given,
                        label_names=label_names,
                        weight=weight,
                        seed=seed + repeat,
                        between=between,
                    ).new
                except BadInput:
                    accuracies.append(None)
                    continue
            hits = sum(given[row] == judged[row] for row in sample)
            others = [row for row in rows if row not in given]
            rest = sum(new[row] == judged[row] for row in others) / max(1, len(others))
            accuracies.append((hits + (n - budget) * rest) / n)
        known = [value for value in accuracies if value is not None]
        points.append(BudgetPoint(budget, tuple(accuracies), over_seeds(known) if known else None))
    return points


def flattens(points: Sequence[BudgetPoint], *, bound: float = FLAT) -> int | None:
    """The number of inspected texts from which on more of them pay little.

    Args:
        points: a curve, by rising numbers.
        bound: gain in mean accuracy a 100 inspected texts.

    Returns:
        The first number after which every step gains less than the bound; None if the last step
        still gains more, or there are fewer than two points.
    """
    known = [(p.inspected, p.accuracy.mean) for p in points if p.accuracy is not None]
    steps = list(pairwise(known))
    if not steps:
        return None
    flat_from = None
    for (start, before), (end, after) in reversed(steps):
        if (after - before) / (end - start) * 100 >= bound:
            break
        flat_from = start
    return flat_from
