"""The lowest rung of the ladder: every text gets the label that training has most of."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from core.classification.evaluation.checks import Leakage, check, check_texts, look_for_leakage
from core.classification.fine_tuning.fine_tuning import Step, fine_tune
from core.classification.llm.llm import LabelModel
from core.classification.probe import fit_probe, save_probe
from core.classification.results import Fact, Prediction, Probabilities, label_names_of
from core.classification.settings import TrainingSpec
from core.classification.splitting import stratified_draw
from core.diversity.embedding.encoder import EncoderChoice
from core.diversity.measures.remote_clique import Vectors
from core.domain.datasets import Dataset
from core.domain.runs import ModelChoice


def majority(
    train_labels: Sequence[str], *, label_names: Sequence[str], n: int
) -> npt.NDArray[np.float64]:
    """Each label's share of training as its probability, (n, labels), whatever the text.

    Args:
        train_labels: at least one.
        label_names: names of the columns; of equally frequent labels the first one wins.
        n: texts to answer.
    """
    counts = Counter(train_labels)
    shares = np.array([counts[name] for name in label_names], dtype=np.float64) / len(train_labels)
    return np.tile(shares, (n, 1))


_DRAW = 4  # what a random stream is for; 1 to 3 are those of fine-tuning


class Tools(Protocol):
    """What a training needs beyond numbers."""

    @property
    def models(self) -> Path:
        """Folder of converted models and measurements."""

    def embed(self, texts: Sequence[str], choice: EncoderChoice) -> tuple[Vectors, str]:
        """Embeddings, (texts, size), and the encoder's fingerprint."""

    def label_model(self, choice: ModelChoice) -> LabelModel:
        """The language model that is asked."""

    def between(self) -> None:
        """Called now and then; what it raises ends the training, which can go on later."""


def look_before(
    spec: TrainingSpec, train: Dataset | None, test: Dataset, tools: Tools | None
) -> tuple[list[str], Leakage | None]:
    """Check the texts and look for leakage, before any time is spent on training.

    Args:
        spec: the training.
        train: what is trained on, None for an `llm`.
        test: what is tested on.
        tools: embeds both, to find near repeats; None finds exact ones only.

    Returns:
        Warnings, one or two sentences each, and what was found of leakage.

    Raises:
        BadInput: the texts can't be trained on or tested with.
    """
    if spec.kind == "llm" or train is None:
        check_texts("test", test)
        shown = [example.text for example in spec.examples]
        if not shown:
            return [], None
        leakage = look_for_leakage(shown, test.texts)
        message = leakage.warning()
        return (
            [message.replace("training texts", "examples of the prompt")] if message else []
        ), leakage
    warnings = check(train, test)
    vectors = None
    if tools is not None:
        both, _ = tools.embed([*train.texts, *test.texts], encoder_of(spec))
        vectors = both[: len(train)], both[len(train) :]
    leakage = look_for_leakage(train.texts, test.texts, vectors=vectors)
    message = leakage.warning()
    return [*warnings, *([message] if message else [])], leakage


def predict(
    spec: TrainingSpec,
    train: Dataset | None,
    test: Dataset,
    *,
    seed: int,
    folder: Path,
    tools: Tools,
    watch: Callable[[Step], None] = lambda _: None,
) -> Prediction:
    """Train one repeat and let it predict the test texts.

    Args:
        spec: the training.
        train: what is trained on, checked; None for an `llm`.
        test: what is tested on.
        seed: one of the spec's.
        folder: of this repeat: `model/` is the fine-tuned classifier, `probe/` the probe.
        tools: see `Tools`.
        watch: told of every step of a fine-tuning.

    Raises:
        BackendFailed: a model is not to be had or failed.
    """
    names = label_names_of(train, test, spec)
    if spec.kind == "llm" or train is None:
        return _ask(spec, test, names, seed, tools)
    if spec.size is not None:
        rng = np.random.default_rng((seed, _DRAW))
        train = train.take(stratified_draw(train.labels, spec.size, rng=rng).tolist())
    facts: dict[str, Fact] = {"n_train": len(train)}
    learned = [name for name in names if name in set(train.labels)]
    if spec.kind == "majority":
        shares = majority(train.labels, label_names=names, n=len(test))
        return Prediction(seed, shares, (), facts)
    weighted = spec.fine_tuning.class_weights
    if spec.kind == "probe":
        both, encoder = tools.embed([*train.texts, *test.texts], encoder_of(spec))
        probe = fit_probe(
            both[: len(train)],
            train.labels,
            label_names=learned,
            class_weights=weighted,
            encoder=encoder,
        )
        save_probe(probe, folder / "probe")
        shares = probe.probabilities(both[len(train) :])
        return Prediction(seed, _widened(shares, learned, names), (), facts | {"encoder": encoder})
    trained = fine_tune(
        train.texts,
        train.labels,
        label_names=learned,
        settings=spec.fine_tuning,
        seed=seed,
        folder=folder,
        models=tools.models,
        watch=watch,
    )
    from core.classification.fine_tuning.fine_tuned import FineTuned

    shares = FineTuned(trained.folder, device=spec.fine_tuning.device).probabilities(
        test.texts, between=tools.between
    )
    # What was learned from is n_train; the texts held out count as used, too.
    facts |= {**trained.facts, "n_train": len(train), "n_learned": trained.facts["n_train"]}
    return Prediction(seed, _widened(shares, learned, names), trained.history, facts)


def seeds_of(spec: TrainingSpec) -> tuple[int, ...]:
    """The repeats that differ: all seeds, or the first where nothing is left to chance."""
    chance = spec.kind == "fine-tuning" or (spec.kind == "probe" and spec.size is not None)
    return spec.seeds if chance else spec.seeds[:1]


def encoder_of(spec: TrainingSpec) -> EncoderChoice:
    """The probe's encoder; for other kinds the embedded one, which looks for near repeats."""
    device = spec.fine_tuning.device
    if spec.kind == "probe":
        return EncoderChoice(spec.fine_tuning.model, spec.pooling, device)
    return EncoderChoice(device=device)


def _ask(
    spec: TrainingSpec, test: Dataset, names: Sequence[str], seed: int, tools: Tools
) -> Prediction:
    assert spec.task is not None
    model = tools.label_model(spec.language_choice)
    shares = model.probabilities(test.texts, spec.task, spec.examples, between=tools.between)
    facts = {**model.facts, "n_train": len(spec.examples), "task": spec.task.name}
    return Prediction(seed, _widened(shares, spec.task.label_names, names), (), facts)


def _widened(shares: Probabilities, learned: Sequence[str], names: Sequence[str]) -> Probabilities:
    """Columns for all labels; those that were not learned have 0."""
    wide: Probabilities = np.zeros((len(shares), len(names)))
    wide[:, [list(names).index(name) for name in learned]] = shares
    return wide
