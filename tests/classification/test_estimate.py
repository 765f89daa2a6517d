"""Estimates: by hand from seconds that earlier trainings took."""

import pytest

from core.classification.estimate import Past, estimate, paces
from core.classification.results import RepeatResult, TrainingResult
from core.classification.settings import FineTuning, TrainingSpec
from core.domain.progress import Epoch
from tests.classification.making import training_result
from tests.store.making import TASK

TUNED = TrainingSpec(
    "fine-tuning", test="t", train="r", seeds=(0, 1), fine_tuning=FineTuning(max_epochs=10)
)
ASKED = TrainingSpec("llm", test="t", seeds=(0,), task=TASK)
PROBE = TrainingSpec("probe", test="t", train="r", seeds=(0, 1))


def result(**facts: int) -> TrainingResult:
    epochs = [
        Epoch(epoch=n, loss=1.0, validation_loss=1.0, accuracy=0.5, seconds=seconds)
        for n, seconds in enumerate((3.0, 5.0), start=1)
    ]
    repeat = RepeatResult(0, 0.5, tuple(epochs), {"n_train": 100, **facts})
    return training_result(repeat, n_test=40)


def test_paces_by_hand() -> None:
    # 8 seconds for two epochs of 80 texts; 24 s but for 4 of loading, for 40 texts.
    past = [Past(TUNED, result(n_learned=80), 99.0), Past(ASKED, result(), 24.0)]
    known = paces([*past, Past(TUNED, result(n_learned=8), 1.0)])  # older: the newest counts
    assert known == {"fine-tuning:embedded": 8 / 160, "llm:embedded:0": 0.5}
    assert paces([Past(ASKED, result(), None), Past(PROBE, result(), 9.0)]) == {}


def test_at_the_known_pace() -> None:
    known = {"fine-tuning:embedded": 0.05, "llm:embedded:0": 0.5}
    # Two repeats, each loads, trains 10 epochs of 100 texts, and tests 30 at a third of the cost.
    found = estimate(TUNED, n_train=100, n_test=30, known=known)
    assert found.seconds == pytest.approx(2 * (4 + 0.05 * (1000 + 10)))
    assert found.measured
    assert estimate(ASKED, n_train=0, n_test=30, known=known).seconds == 4 + 15
    # Another number of examples is another pace.
    assert not estimate(
        TrainingSpec("llm", test="t", task=TASK, language_model="x"),
        n_train=0,
        n_test=1,
        known=known,
    ).measured


def test_at_a_usual_pace() -> None:
    usual = estimate(TUNED, n_train=100, n_test=30, known={})
    assert not usual.measured
    larger = FineTuning(model="bert", max_epochs=10)
    bert = TrainingSpec("fine-tuning", test="t", train="r", seeds=(0, 1), fine_tuning=larger)
    slow = estimate(bert, n_train=100, n_test=30, known={})
    assert slow.seconds - 8 == pytest.approx(10 * (usual.seconds - 8))
    majority = TrainingSpec("majority", test="t", train="r")
    assert estimate(majority, n_train=9, n_test=9, known={}).seconds == 0
    assert estimate(PROBE, n_train=500, n_test=500, known={}).seconds == pytest.approx(6)
