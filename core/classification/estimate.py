"""How long a training takes, before it is started: at the pace of earlier ones."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from core.classification.results import RepeatResult, TrainingResult, whole_number
from core.classification.settings import TrainingSpec
from core.classification.training import seeds_of

# Seconds, measured on two cores with short texts: a text and epoch of fine-tuning, a text embedded,
# a text asked about. Other encoders are taken to be of BERT-base's size, other language models
# five times as slow as the embedded one.
USUAL: Mapping[str, float] = {"fine-tuning": 0.015, "probe": 0.004, "llm": 0.15, "majority": 0.0}
_LARGER = {"fine-tuning": 10.0, "probe": 10.0, "llm": 5.0, "majority": 1.0}
_LOADING = 4.0  # a model, once a repeat


@dataclass(frozen=True, slots=True)
class Estimate:
    """Seconds at most, and whether they rest on an earlier training of the same model."""

    seconds: float
    measured: bool


@dataclass(frozen=True, slots=True)
class Past:
    """A training that is over.

    Args:
        spec: what was done.
        result: what came of it.
        seconds: that its job took, None where unknown.
    """

    spec: TrainingSpec
    result: TrainingResult
    seconds: float | None


def paces(past: Iterable[Past]) -> dict[str, float]:
    """Seconds a unit of work by what was trained; the first of each counts.

    Args:
        past: the newest first.

    Returns:
        By `pace_key`: of fine-tuning seconds a text and epoch; of asking, a test text.
    """
    seconds_per_text: dict[str, float] = {}
    for training in past:
        key = pace_key(training.spec)
        # How long a probe takes is a matter of which vectors are there already.
        if key in seconds_per_text or training.spec.kind in ("probe", "majority"):
            continue
        pace = (
            _of_epochs(training.result.repeats)
            if training.spec.kind == "fine-tuning"
            else _of_answers(training)
        )
        if pace is not None:
            seconds_per_text[key] = pace
    return seconds_per_text


def pace_key(spec: TrainingSpec) -> str:
    """What decides the pace: the kind and its model."""
    if spec.kind == "llm":
        where = f" {spec.language_server}" if spec.language_server else ""
        return f"llm:{spec.language_model}{where}:{len(spec.examples)}"
    return f"{spec.kind}:{spec.fine_tuning.model}"


def estimate(
    spec: TrainingSpec, *, n_train: int, n_test: int, known: Mapping[str, float]
) -> Estimate:
    """How long a training takes at most, should early stopping not end it before.

    Args:
        spec: the training.
        n_train: texts that it learns from.
        n_test: texts that it is tested on.
        known: from `paces`.
    """
    measured = pace_key(spec) in known
    model = spec.language_model if spec.kind == "llm" else spec.fine_tuning.model
    usual = USUAL[spec.kind] * (1.0 if model == "embedded" else _LARGER[spec.kind])
    pace = known.get(pace_key(spec), usual)
    repeats = len(seeds_of(spec))
    if spec.kind == "majority":
        return Estimate(0.0, True)
    if spec.kind == "llm":
        return Estimate(_LOADING + pace * n_test, measured)
    if spec.kind == "probe":
        return Estimate(_LOADING / 2 + pace * (n_train + n_test), False)
    epochs = n_train * spec.fine_tuning.max_epochs
    return Estimate(repeats * (_LOADING + pace * (epochs + n_test / 3)), measured)


def _of_epochs(repeats: Sequence[RepeatResult]) -> float | None:
    seconds = sum(epoch.seconds for repeat in repeats for epoch in repeat.history)
    texts = sum(
        len(repeat.history)
        * whole_number(repeat.facts.get("n_learned", repeat.facts.get("n_train")))
        for repeat in repeats
    )
    return seconds / texts if texts else None


def _of_answers(training: Past) -> float | None:
    if training.seconds is None:
        return None
    return max(0.0, training.seconds - _LOADING) / training.result.n_test
