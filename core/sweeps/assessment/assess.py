"""Assessment of a run: each metric at each stage of repair, judged by the reference's oracle."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from weakref import WeakKeyDictionary

import numpy as np

from core.classification.evaluation.evaluation import accuracy_interval, confusion
from core.classification.probe import fit_probe
from core.diversity.measures.fluency import fluency_of
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
from core.domain.registries.metrics import SWEEP_METRICS, Metric
from core.interventions.relabelling.label_accuracy import label_accuracy
from core.interventions.relabelling.oracle import Oracle, missing_labels_note, train_oracle
from core.sweeps.assessment.recipe import RECIPE_VERSION, Recipe
from core.sweeps.assessment.results import AssessmentResult, OracleSummary, Score, StageResult
from core.sweeps.assessment.stages import Stage, repair_stages
from core.sweeps.execution.trial import RealTexts

FineTuner = Callable[[Dataset, RealTexts, int], Sequence[str]]
"""Trains on a dataset, at least two texts of each of at least two labels, with a seed; the label
that it gives to each of the reference's test texts."""

NO_REFERENCE = "There is no reference."
NO_TEST = "The reference has no test texts."


class ModelAccuracy:
    """The accuracy of a classifier, stage by stage.

    Args:
        dataset: as generated.
        vectors: its embeddings, float32 (texts, size).
        real: the reference; None without one.
        recipe: which classifier.
        fine_tuner: trains where the recipe says fine-tuning.
        between: called before each training.

    Raises:
        ValueError: the recipe says fine-tuning, and nothing does it.
    """

    def __init__(
        self,
        dataset: Dataset,
        vectors: Vectors,
        real: RealTexts | None,
        recipe: Recipe,
        fine_tuner: FineTuner | None,
        *,
        between: Pause = no_pause,
    ) -> None:
        if recipe.classifier == "fine-tuning" and fine_tuner is None:
            raise ValueError("nothing fine-tunes for a recipe that says so")
        self._dataset, self._vectors, self._real = dataset, vectors, real
        self._recipe, self._fine_tuner, self._between = recipe, fine_tuner, between
        self._lacking: Counter[str] = Counter()
        self._single: Counter[str] = Counter()

    def of(self, stage: Stage) -> Score:
        """The accuracy on the test part, or why there is none.

        A probe learns a label from a single text, too; `notes` says so. A fine-tuning takes two,
        one of them to validate on.
        """
        real, names = self._real, self._dataset.label_names
        if self._recipe.classifier == "none":
            return Score(None, why="The recipe trains no classifier.")
        if real is None or not real.test:
            return Score(None, why=NO_REFERENCE if real is None else NO_TEST)
        labels = [stage.labels[row] for row in stage.kept]
        if not labels:
            return Score(None, why=NO_TEXT)
        counts = Counter(labels)
        if len(counts) < 2:
            return Score(None, why=f"All {len(labels)} texts have the label '{labels[0]}'.")
        if not counts.keys() & set(real.test_labels):
            return Score(None, why="No test text has a label that is trained on.")
        single = [name for name in names if counts[name] == 1]
        if single and self._recipe.classifier == "fine-tuning":
            return Score(
                None, why=f"The label '{single[0]}' has one text, too few to train and validate."
            )
        self._single.update(single)
        self._lacking.update(name for name in set(real.test_labels) if not counts[name])
        self._between()
        every = tuple(dict.fromkeys([*names, *real.test_labels]))
        answers = self._answers(stage, labels, real)
        return Score.of(accuracy_interval([confusion(real.test_labels, a, every) for a in answers]))

    def notes(self) -> list[str]:
        """Sentences on what the accuracies so far rest on."""
        notes = []
        for counted, what in (
            (self._lacking, "no text, so test texts with it count as wrong"),
            (self._single, "a single text to learn from"),
        ):
            for name in sorted(counted):
                stages = "one stage" if counted[name] == 1 else f"{counted[name]} stages"
                notes.append(f"In {stages} the label '{name}' had {what}.")
        return notes

    def _answers(self, stage: Stage, labels: Sequence[str], real: RealTexts) -> list[Sequence[str]]:
        kept = list(stage.kept)
        if self._recipe.classifier == "fine-tuning":
            assert self._fine_tuner is not None
            train = replace(self._dataset.take(kept), labels=tuple(labels))
            seeds = range(self._recipe.seed, self._recipe.seed + self._recipe.train_seeds)
            return [self._fine_tuner(train, real, seed) for seed in seeds]
        learned = [name for name in self._dataset.label_names if name in set(labels)]
        probe = fit_probe(self._vectors[kept], labels, label_names=learned)
        best = probe.probabilities(real.test_vectors).argmax(axis=1)
        return [[learned[place] for place in best.tolist()]]


def make_fine_tuner(recipe: Recipe, *, models: Path, between: Pause = no_pause) -> FineTuner:
    """Fine-tunes as a recipe says; what is trained is thrown away once it has answered.

    Args:
        recipe: how.
        models: folder of converted models and measurements.
        between: called at every step; what it raises ends the training.
    """

    def answers(train: Dataset, real: RealTexts, seed: int) -> Sequence[str]:
        from tempfile import TemporaryDirectory

        from core.classification.fine_tuning.fine_tuned import FineTuned
        from core.classification.fine_tuning.fine_tuning import fine_tune

        with TemporaryDirectory(prefix="wideset-") as folder:
            trained = fine_tune(
                train.texts,
                train.labels,
                label_names=[name for name in train.label_names if name in set(train.labels)],
                settings=recipe.fine_tuning,
                seed=seed,
                folder=Path(folder),
                models=models,
                watch=lambda _: between(),
            )
            model = FineTuned(trained.folder, device=recipe.fine_tuning.device)
            shares = model.probabilities(real.test, between=between)
        return [model.label_names[place] for place in shares.argmax(axis=1).tolist()]

    return answers


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


def assess(
    dataset: Dataset,
    vectors: Vectors,
    real: RealTexts | None,
    recipe: Recipe,
    *,
    encoder: str,
    fine_tuner: FineTuner | None = None,
    between: Pause = no_pause,
) -> AssessmentResult:
    """Measure a run's texts at every stage of a recipe; equal arguments give equal results.

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
        encoder: its name, for display.
        fine_tuner: trains where the recipe says fine-tuning.
        between: called between blocks of work.

    Raises:
        BackendFailed: a fine-tuning failed.
        ValueError: there is no fine-tuner for a recipe that needs one, or lengths differ.
    """
    # Long: the order of the steps is the method of the paper.
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
    stages, stage_notes = repair_stages(dataset, vectors, judged, real, recipe, between=between)
    trained = ModelAccuracy(dataset, vectors, real, recipe, fine_tuner, between=between)
    run = _Run(dataset, vectors, real, recipe, judged, trained, between)
    of_texts: dict[bool, dict[str, Score]] = {}
    results = []
    for stage in stages:
        if stage.filtered not in of_texts:
            of_texts[stage.filtered] = {
                metric.column: _measured(metric, run, stage)
                for metric in SWEEP_METRICS
                if metric.name not in SCORERS
            }
        between()
        results.append(
            StageResult(
                inspected=stage.inspected,
                filtered=stage.filtered,
                repeat=stage.repeat,
                n=len(stage.kept),
                removed=len(dataset) - len(stage.kept),
                scores={
                    metric.column: SCORERS[metric.name](run, stage)
                    if metric.name in SCORERS
                    else of_texts[stage.filtered][metric.column]
                    for metric in SWEEP_METRICS
                },
            )
        )
    return AssessmentResult(
        version=RECIPE_VERSION,
        n=len(dataset),
        encoder=encoder,
        distance="cosine",
        oracle=None if oracle is None else _summary(oracle, real, dataset.label_names),
        reference=None if real is None else {"train": len(real.train), "test": len(real.test)},
        fluency=fluency_of(dataset.fluency).mean,
        duplicates=exact_duplicates(dataset.texts).share,
        classifier=recipe.classifier,
        notes=(*notes, *stage_notes, *trained.notes()),
        stages=tuple(results),
    )


@dataclass(frozen=True, slots=True)
class _Run:
    """What scorers need of a run; `judged` is the oracle's label for each text."""

    dataset: Dataset
    vectors: Vectors
    real: RealTexts | None
    recipe: Recipe
    judged: Sequence[str] | None
    trained: ModelAccuracy
    between: Pause


def _label_accuracy(run: _Run, stage: Stage) -> Score:
    if run.judged is None:
        return Score(None, why=NO_REFERENCE if run.real is None else "There is no oracle.")
    labels = [stage.labels[row] for row in stage.kept]
    judged = [run.judged[row] for row in stage.kept]
    accuracy = label_accuracy(labels, judged, label_names=run.dataset.label_names)
    return Score.of(accuracy.overall.interval, NO_TEXT)


def _model_accuracy(run: _Run, stage: Stage) -> Score:
    return run.trained.of(stage)


SCORERS: Mapping[str, Callable[[_Run, Stage], Score]] = {
    "label_accuracy": _label_accuracy,
    "model_accuracy": _model_accuracy,
}
"""Metrics of sweeps that depend on labels, by name. All others are measures of texts, see
`core.diversity.measures.registry`, computed once for all stages with equal texts."""


def _measured(metric: Metric, run: _Run, stage: Stage) -> Score:
    """The score of a measure of texts.

    Raises:
        KeyError: there is neither a scorer nor a measure of that name.
    """
    texts, vectors = run.dataset.take(stage.kept), run.vectors[list(stage.kept)]
    why = (NO_TEXT, ONE_TEXT)[len(vectors) == 1]
    # Each draws by itself, so that diversity has the interval that Explore gives by seed 0.
    rng = np.random.default_rng(run.recipe.seed)
    part = Part(texts, vectors, rng=rng, between=run.between)
    if metric.name in MEASURES:
        result = MEASURES[metric.name](part)
    elif run.real is None:
        return Score(None, why=NO_REFERENCE)
    else:
        comparison = Comparison(part, _reference_part(run.real, rng))
        result = REFERENCE_MEASURES[metric.name](comparison)
    if result.value is None:
        return Score(None, why=why)
    return Score(result.value, result.low, result.high)


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


def _summary(oracle: Oracle, real: RealTexts | None, label_names: Sequence[str]) -> OracleSummary:
    accuracy, notes = oracle.accuracy, []
    if real is not None:
        missing = missing_labels_note(label_names, real.train_labels)
        notes += [missing] if missing else []
        if not real.test:
            notes.append(f"Its accuracy is of {oracle.measured_on}.")
    mean = None if accuracy.interval is None else accuracy.interval.mean
    return OracleSummary(mean, accuracy.n, tuple(notes))
