"""Stages: a dataset as generated, and as each repair of a recipe leaves it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.diversity.measures.remote_clique import Pause, Vectors, no_pause
from core.domain.datasets import Dataset
from core.domain.errors import BadInput
from core.interventions.relabelling.oracle import (
    Opinion,
    OracleInspection,
    relabel_by_oracle,
)
from core.sweeps.assessment.recipe import ALL, Recipe
from core.sweeps.assessment.scope_stand_in import filter_out_of_scope
from core.sweeps.execution.trial import RealTexts


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
