"""The oracle of a reference, trained once however many runs it judges."""

from collections.abc import Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from core.classification.evaluation.intervals import Interval
from core.diversity.measures.fluency import fluency_of
from core.diversity.measures.measure import encoder_name
from core.diversity.measures.neighbours import exact_duplicates
from core.diversity.measures.registry import (
    MEASURES,
    NO_TEXT,
    ONE_TEXT,
    REFERENCE_MEASURES,
    Comparison,
    Part,
)
from core.diversity.measures.remote_clique import Pause, Vectors, no_pause
from core.domain.datasets import Dataset
from core.domain.errors import BadInput
from core.domain.metrics import COLUMN
from core.interventions.relabelling.label_accuracy import label_accuracy
from core.interventions.relabelling.oracle import Oracle, train_oracle
from core.sweeps.assessment.classifiers import NO_REFERENCE, FineTuner, ModelAccuracy
from core.sweeps.assessment.recipe import RECIPE_VERSION, Recipe
from core.sweeps.assessment.stages import Stage, stages_of
from core.sweeps.execution.trial import RealTexts

SEED = 0
"""Of the folds, where it is measured by cross-validation: as when the Intervene page asks it."""


def oracle_of(real: RealTexts) -> Oracle:
    """The oracle that learned from the train part, measured on the test part where there is one.

    Raises:
        BadInput: the reference has texts of fewer than two labels to learn from, or too few to
            measure on.
    """
    known = _oracles.get(real)
    if known is None:
        try:
            known = train_oracle(
                real.train_vectors,
                real.train_labels,
                test=(real.test_vectors, real.test_labels) if real.test else None,
                seed=SEED,
            )
        except BadInput as error:
            known = error
        _oracles[real] = known
    if isinstance(known, BadInput):
        raise BadInput(known.what, known.remedy)
    return known


_oracles: "WeakKeyDictionary[RealTexts, Oracle | BadInput]" = WeakKeyDictionary()


ITS_OWN_JUDGE = (
    "The oracle stands in for the annotator and measures label accuracy, too: where it relabels "
    "all, label accuracy is 1 by construction."
)

Metric = dict[str, Any]


def assess(
    dataset: Dataset,
    vectors: Vectors,
    real: RealTexts | None,
    recipe: Recipe,
    *,
    encoder_facts: Mapping[str, Any],
    fine_tuner: FineTuner | None = None,
    between: Pause = no_pause,
) -> dict[str, Any]:
    """Measure a run's texts at every stage of a recipe; equal arguments give equal assessments.

    Diversity is Remote-Clique and similarity is to the reference's train part (paper, section 4.2),
    both with bootstrap intervals over texts. Label accuracy is the share of labels that the oracle
    would give, with Wilson's interval. Model accuracy is of a classifier trained on the stage's
    texts, on the reference's test part: over seeds by Student's t, of one training by Wilson.

    Args:
        dataset: the usable texts as generated, in order of arrival.
        vectors: their embeddings, float32 (texts, size).
        real: the reference, embedded by the same encoder; None, or without train texts, if there
            is none. Its oracle is trained at the first call with it.
        recipe: what is measured and tried.
        encoder_facts: of the encoder.
        fine_tuner: trains where the recipe says fine-tuning.
        between: called between blocks of work.

    Returns:
        version, n, encoder, distance, oracle (accuracy on the reference's test part, n, notes;
        None without one), reference (train, test: texts), fluency (mean log-probability a token),
        duplicates (share of exact repeats), classifier, notes (sentences on what was left out, and
        on what stood in for a person) and stages. Each stage has inspected, filtered, repeat, n,
        removed, and the metrics diversity, similarity, label_accuracy and model_accuracy: value,
        low and high, each a number or None, and `why` where there is no value.

    Raises:
        BackendFailed: a fine-tuning failed.
        ValueError: there is no fine-tuner for a recipe that needs one, or lengths differ.
    """
    if real is not None and not real.train:
        real = None
    notes: list[str] = []
    oracle, judged = None, None
    if real is None:
        notes.append("Without a reference diversity alone is measured, and no repair is tried.")
    else:
        try:
            oracle = oracle_of(real)
        except BadInput as error:
            notes.append(f"There is no oracle, so LR was left out. {error.what}")
        else:
            between()
            judged = oracle.judge(dataset.texts, vectors).labels
            if any(recipe.budgets[1:]):
                notes.append(ITS_OWN_JUDGE)
    stages, more = stages_of(dataset, vectors, judged, real, recipe, between=between)
    notes += more
    trained = ModelAccuracy(dataset, vectors, real, recipe, fine_tuner, between=between)
    texts_alone: dict[bool, dict[str, Metric]] = {}
    rows = []
    for stage in stages:
        if stage.filtered not in texts_alone:
            texts_alone[stage.filtered] = _of_texts(dataset, vectors, real, stage, recipe, between)
        between()
        rows.append(
            {
                "inspected": stage.inspected,
                "filtered": stage.filtered,
                "repeat": stage.repeat,
                "n": len(stage.kept),
                "removed": len(dataset) - len(stage.kept),
                **{name: dict(found) for name, found in texts_alone[stage.filtered].items()},
                "label_accuracy": _label_accuracy(stage, judged, dataset.label_names, real),
                "model_accuracy": metric(*trained.of(stage)),
            }
        )
    return {
        "version": RECIPE_VERSION,
        "n": len(dataset),
        "encoder": encoder_name(encoder_facts),
        "distance": "cosine",
        "oracle": None if oracle is None else _told(oracle, real, dataset.label_names),
        "reference": None if real is None else {"train": len(real.train), "test": len(real.test)},
        "fluency": fluency_of(dataset.fluency).mean,
        "duplicates": exact_duplicates(dataset.texts).share,
        "classifier": recipe.classifier,
        "notes": [*notes, *trained.notes()],
        "stages": rows,
    }


def metric(found: Interval | None, why: str = "") -> Metric:
    """A metric ready for JSON; `why` is left out where there is a value."""
    if found is None:
        return {"value": None, "low": None, "high": None, "why": why}
    return {"value": found.mean, "low": found.low, "high": found.high}


def _of_texts(
    dataset: Dataset,
    vectors: Vectors,
    real: RealTexts | None,
    stage: Stage,
    recipe: Recipe,
    between: Pause,
) -> dict[str, Metric]:
    """The metrics that depend on no label: once for all stages with equal texts."""
    taken, own = dataset.take(stage.kept), vectors[list(stage.kept)]
    why = (NO_TEXT, ONE_TEXT)[len(own) == 1]
    metrics: dict[str, Metric] = {}
    for column, declared in COLUMN.items():
        # Each draws by itself, so that diversity has the interval that Explore gives by seed 0.
        part = Part(taken, own, rng=np.random.default_rng(recipe.seed), between=between)
        if declared.name in MEASURES:
            result = MEASURES[declared.name](part)
        elif declared.name not in REFERENCE_MEASURES:
            continue
        elif real is None:
            metrics[column] = metric(None, NO_REFERENCE)
            continue
        else:
            result = REFERENCE_MEASURES[declared.name](
                Comparison(part, _reference_part(real, part.rng))
            )
        metrics[column] = _measured(result.value, result.low, result.high, why)
    return metrics


def _reference_part(real: RealTexts, rng: np.random.Generator) -> Part:
    n = len(real.train)
    dataset = Dataset(
        key="reference",
        name="reference",
        label_names=tuple(dict.fromkeys(real.train_labels)),
        ids=tuple(map(str, range(n))),
        texts=real.train,
        labels=real.train_labels,
        fluency=(None,) * n,
    )
    return Part(dataset, real.train_vectors, rng=rng)


def _measured(value: float | None, low: float | None, high: float | None, why: str) -> Metric:
    return metric(None if value is None else Interval(value, low, high), why)


def _label_accuracy(
    stage: Stage, judged: Sequence[str] | None, label_names: Sequence[str], real: RealTexts | None
) -> Metric:
    if judged is None:
        return metric(None, NO_REFERENCE if real is None else "There is no oracle.")
    borne = [stage.labels[row] for row in stage.kept]
    said = [judged[row] for row in stage.kept]
    return metric(label_accuracy(borne, said, label_names=label_names).overall.interval, NO_TEXT)


def _told(oracle: Oracle, real: RealTexts | None, label_names: Sequence[str]) -> dict[str, Any]:
    """The oracle, and what is to be known of it."""
    own, notes = oracle.accuracy, []
    if real is not None:
        lacking = [f"'{name}'" for name in label_names if name not in set(real.train_labels)]
        if lacking:
            listed = ", ".join(lacking[:5])
            notes.append(f"The reference has no text of {listed}: the oracle never says so.")
        if not real.test:
            notes.append(f"Its accuracy is of {oracle.measured_on}.")
    return {
        "accuracy": None if own.interval is None else own.interval.mean,
        "n": own.n,
        "notes": notes,
    }
