"""Stages: a dataset as generated, and as each repair of a recipe leaves it.

A sweep has no person to judge what is out of scope. In the paper (section 5) one judged 360 texts a
task. Here a text counts as out of scope if it lies farther from the real texts than these lie from
each other: its mean cosine distance to its 5 nearest real texts is above the 99th percentile of the
same of real texts, each without itself. So one in a hundred real texts would count as out of scope,
too, and a text on the subject in words that no real one has may. Both numbers are ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import numpy as np

from core.diversity.measures.remote_clique import Numbers, Pause, Vectors, no_pause, unit_vectors
from core.domain.datasets import Dataset
from core.domain.errors import BadInput
from core.interventions.relabelling.oracle import (
    Opinion,
    OracleInspection,
    relabel_by_oracle,
)
from core.interventions.relabelling.proxies import Flags
from core.interventions.scope_filter import learn_filter
from core.sweeps.assessment.recipe import ALL, Recipe
from core.sweeps.execution.trial import RealTexts

NEAREST = 5
PERCENTILE = 99
JUDGED = 360
"""Texts that are judged, as in the paper."""

FEWEST = 100
"""Real texts below which one in a hundred of them is no text."""

MOST = 5_000
"""Real texts above which a sample of them stands for all."""

_CELLS = 1_000_000  # cosines held at once


@dataclass(frozen=True, slots=True)
class ScopeLine:
    """Where the scope of a reference ends.

    Args:
        real: real texts at length 1, float32 (texts, size).
        distance: the mean cosine distance to the nearest of them above which a text is out of
            scope.
    """

    real: Vectors
    distance: float

    def in_scope(self, vectors: Vectors, *, between: Pause = no_pause) -> Flags:
        """Whether each text is in scope, bool (texts,).

        Args:
            vectors: embeddings, float32 (texts, size).
            between: called between blocks.
        """
        near = _mean_nearest(unit_vectors(vectors), self.real, alone=False, between=between)
        inside: Flags = near <= self.distance
        return inside


def scope_line(vectors: Vectors, *, between: Pause = no_pause) -> ScopeLine:
    """Draw the line around real texts; equal texts give equal lines.

    Args:
        vectors: embeddings of the reference's train part, float32 (texts, size).
        between: called between blocks.

    Raises:
        BadInput: there are fewer than 100.
    """
    if len(vectors) < FEWEST:
        raise BadInput(
            f"The reference has {len(vectors)} texts to learn from; to tell what is out of scope "
            f"takes {FEWEST}.",
            "Add real texts.",
        )
    unit = unit_vectors(vectors)
    if len(unit) > MOST:
        unit = unit[np.sort(np.random.default_rng(0).permutation(len(unit))[:MOST])]
    own = _mean_nearest(unit, unit, alone=True, between=between)
    return ScopeLine(unit, float(np.percentile(own, PERCENTILE)))


@dataclass(frozen=True, slots=True)
class Kept:
    """What out-of-scope filtering leaves.

    Args:
        rows: rows of the texts that stay, ascending.
        note: how it was found, a sentence or two.
    """

    rows: list[int]
    note: str


def filter_out_of_scope(
    texts: Sequence[str],
    vectors: Vectors,
    real: RealTexts,
    *,
    seed: int,
    between: Pause = no_pause,
) -> Kept:
    """Filter as the Intervene page does after 360 judgements, or as many as there are texts.

    Args:
        texts: the texts.
        vectors: their embeddings, float32 (texts, size).
        real: the reference, whose line is drawn once.
        seed: of the texts that are judged, and of the filter.
        between: called between blocks.

    Raises:
        BadInput: there are too few real texts, or too few texts were judged in scope or out of it.
    """
    line = _lines.get(real)
    if line is None:
        line = _lines[real] = scope_line(real.train_vectors, between=between)
    rows = np.random.default_rng(seed).permutation(len(texts))[:JUDGED]
    in_scope = line.in_scope(vectors[rows], between=between)
    judged = dict(zip(rows.tolist(), in_scope.tolist(), strict=True))
    between()
    stays = learn_filter(texts, vectors, judged, seed=seed, splits=0).kept()
    between()
    outside = len(judged) - sum(judged.values())
    return Kept(
        np.flatnonzero(stays).tolist(),
        f"For out-of-scope filtering no person was asked. A text counted as out of scope if its "
        f"mean cosine distance to its {NEAREST} nearest real texts is above {line.distance:.3f}, "
        f"where {100 - PERCENTILE} % of the real texts lie. {len(judged)} texts were judged so, "
        f"{outside} of them out of scope; a filter learned the rest from these.",
    )


_lines: "WeakKeyDictionary[RealTexts, ScopeLine]" = WeakKeyDictionary()


def _mean_nearest(unit: Vectors, real: Vectors, *, alone: bool, between: Pause) -> Numbers:
    """Mean cosine distance to the nearest real texts, float64 (texts,).

    Args:
        unit: float32 (texts, size).
        real: float32 (real texts, size).
        alone: the two are the same, and a text is not near itself.
        between: called between blocks.
    """
    parts = [np.zeros(0)]
    height = max(1, _CELLS // len(real))
    for start in range(0, len(unit), height):
        cosines = unit[start : start + height] @ real.T
        if alone:
            rows = np.arange(len(cosines))
            cosines[rows, start + rows] = -np.inf
        nearest = np.partition(cosines, len(real) - NEAREST, axis=1)[:, -NEAREST:]
        parts.append(1 - nearest.mean(axis=1, dtype=np.float64))
        between()
    return np.concatenate(parts)


@dataclass(frozen=True, slots=True)
class Stage:
    """What a repair makes of a dataset.

    Args:
        inspected: texts that the annotator saw: "0", a number, or "all".
        repeat: which sample of inspected texts, from 0.
        labels: of all texts of the dataset, in its order.
        rows: of the texts that are left, ascending; None where all are.
    """

    inspected: str
    repeat: int
    labels: tuple[str, ...]
    rows: tuple[int, ...] | None = None

    @property
    def filtered(self) -> bool:
        """Whether OOSF was applied."""
        return self.rows is not None

    @property
    def kept(self) -> Sequence[int]:
        """Rows of the texts that are there."""
        return range(len(self.labels)) if self.rows is None else self.rows


def repair_stages(
    dataset: Dataset,
    vectors: Vectors,
    judged: Sequence[str] | None,
    real: RealTexts | None,
    recipe: Recipe,
    *,
    between: Pause = no_pause,
) -> tuple[list[Stage], list[str]]:
    """All stages of a recipe: after LR with each budget, then the same after OOSF.

    Texts and proxies are drawn by the recipe's seed plus the repeat's place, so that the Intervene
    page makes the same labels by that seed. The filter looks at texts, not at labels: it takes the
    same texts out of all stages.

    Args:
        dataset: as generated.
        vectors: its embeddings, float32 (texts, size).
        judged: the oracle's label for each text; None without an oracle.
        real: the reference; None without one.
        recipe: what is tried.
        between: called between two trainings.

    Returns:
        The stages, the dataset as generated first, and sentences on what was left out.
    """
    stages, notes = [Stage("0", 0, dataset.labels)], list[str]()
    if judged is not None:
        more, notes = _relabelled(dataset, vectors, judged, recipe, between)
        stages += more
    if recipe.filter and real is not None:
        try:
            filtering = filter_out_of_scope(
                dataset.texts, vectors, real, seed=recipe.seed, between=between
            )
        except BadInput as error:
            notes.append(f"Out-of-scope filtering was left out. {error.what}")
        else:
            notes.append(filtering.note)
            stages += [replace(stage, rows=tuple(filtering.rows)) for stage in stages]
    return stages, notes


def _relabelled(
    dataset: Dataset, vectors: Vectors, judged: Sequence[str], recipe: Recipe, between: Pause
) -> tuple[list[Stage], list[str]]:
    stages, notes, n = list[Stage](), list[str](), len(dataset)
    opinion = Opinion(tuple(judged))

    def relabelled(count: int | None, seed: int) -> tuple[str, ...]:
        inspection = OracleInspection(count=count, weight=recipe.weight, seed=seed)
        return relabel_by_oracle(
            dataset.labels,
            opinion,
            inspection,
            label_names=dataset.label_names,
            vectors=vectors,
            between=between,
        ).new

    for budget in recipe.budgets:
        if budget == 0 or n == 0:
            continue
        if budget == ALL:
            stages.append(Stage(ALL, 0, relabelled(None, recipe.seed)))
            continue
        if budget >= n:
            notes.append(f"LR with {budget} inspected texts was left out, as there are {n} in all.")
            continue
        refused = []
        for repeat in range(recipe.lr_repeats):
            between()
            try:
                labels = relabelled(budget, recipe.seed + repeat)
            except BadInput as error:
                refused.append(error.what)
            else:
                stages.append(Stage(str(budget), repeat, labels))
        if refused:
            notes.append(
                f"LR with {budget} inspected texts was left out in {len(refused)} of "
                f"{recipe.lr_repeats} samples. {refused[0]}"
            )
    return stages, notes
