"""Classifiers of a sweep: trained on each stage's texts, tested on the reference's test part."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from core.classification.evaluation.evaluation import accuracy_interval, confusion
from core.classification.probe import fit_probe
from core.diversity.measures.registry import NO_TEXT
from core.diversity.measures.remote_clique import Pause, Vectors, no_pause
from core.domain.datasets import Dataset
from core.sweeps.assessment.recipe import Recipe
from core.sweeps.assessment.results import Score
from core.sweeps.assessment.stages import Stage
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
