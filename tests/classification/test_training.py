"""A training from its specification to its result."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.classification.fine_tuning.fine_tuned import FineTuned
from core.classification.llm.llm import LabelModel
from core.classification.probe import load_probe
from core.classification.results import given_labels, label_names_of, result_of
from core.classification.settings import FineTuning, TrainingSpec
from core.classification.training import encoder_of, look_before, predict, seeds_of
from core.diversity.embedding.encoder import EncoderChoice
from core.domain.datasets import Dataset
from core.domain.errors import BadInput
from core.domain.runs import Example, ModelChoice
from core.domain.serialization import to_json
from core.domain.tasks import Label, Task
from tests.classification.making import dataset, reviews
from tests.diversity.fake_encoder import FakeEncoder

TRAIN = dataset(reviews(60), key="run:a", label_names=("pos", "neg", "never"))
TEST = dataset(
    [("superb great cast", "pos"), ("dire awful plot", "neg"), ("x", "odd")], key="run:b"
)
TASK = Task("Reviews", "movie review", (Label("neg", "a bad one"), Label("pos", "a good review")))


class FakeLabelModel:
    facts: dict[str, Any] = {"model": "fake"}  # noqa: RUF012

    def probabilities(
        self,
        texts: Sequence[str],
        task: Task,
        examples: Sequence[Example],
        *,
        between: Callable[[], None] = lambda: None,
    ) -> np.ndarray:
        between()
        return np.array([[0.8, 0.2] if "dire" in text else [0.3, 0.7] for text in texts])


class FakeTools:
    def __init__(self, models: Path) -> None:
        self.models = models
        self.asked: list[Any] = []
        self.betweens = 0

    def embed(self, texts: Sequence[str], choice: EncoderChoice) -> tuple[Any, str]:
        self.asked.append(choice)
        return FakeEncoder(size=32).embed(texts), "fake"

    def label_model(self, choice: ModelChoice) -> LabelModel:
        self.asked.append(choice)
        return FakeLabelModel()

    def between(self) -> None:
        self.betweens += 1


@pytest.fixture
def tools(tmp_path: Path) -> FakeTools:
    return FakeTools(tmp_path / "models")


def run(spec: TrainingSpec, folder: Path, tools: FakeTools, train: Dataset | None = TRAIN) -> Any:
    warnings, leakage = look_before(spec, train, TEST, tools)
    made = [
        predict(spec, train, TEST, seed=seed, folder=folder / str(seed), tools=tools)
        for seed in seeds_of(spec)
    ]
    result = to_json(result_of(spec, train, TEST, made, warnings=warnings, leakage=leakage))
    json.dumps(result, allow_nan=False)
    return made, result


def test_a_probe_predicts_and_is_kept(tmp_path: Path, tools: FakeTools) -> None:
    spec = TrainingSpec("probe", train="run:a", test="run:b")
    made, result = run(spec, tmp_path, tools)
    assert result["label_names"] == ["pos", "neg", "never", "odd"]
    assert given_labels(made[0].probabilities, result["label_names"])[:2] == ["pos", "neg"]
    np.testing.assert_allclose(made[0].probabilities.sum(axis=1), 1)
    assert made[0].probabilities[:, 2:].tolist() == [[0, 0]] * 3  # not learned, never given
    assert result["accuracy"]["mean"] == pytest.approx(2 / 3)
    assert result["accuracy"]["interval"] == "Wilson over texts"
    assert (result["seeds"], result["n_train"], result["n_test"]) == ([0], 60, 3)
    assert "'odd', so all 1 test texts with it count as wrong" in result["warnings"][0]
    assert load_probe(tmp_path / "0" / "probe").label_names == ("pos", "neg")
    assert result["repeats"][0]["facts"] == {"n_train": 60, "encoder": "fake"}


def test_a_size_draws_anew_for_each_seed(tmp_path: Path, tools: FakeTools) -> None:
    spec = TrainingSpec("probe", train="run:a", test="run:b", size=20, seeds=(5, 6))
    made, result = run(spec, tmp_path, tools)
    assert (result["seeds"], result["n_train"]) == ([5, 6], 20)
    assert made[0].probabilities.tolist() != made[1].probabilities.tolist()
    assert result["accuracy"]["interval"] == "t over seeds"


def test_the_majority(tmp_path: Path, tools: FakeTools) -> None:
    train = TRAIN.take([*range(0, 20, 2), 1, 3, 5])
    made, result = run(
        TrainingSpec("majority", train="a", test="b", seeds=(3, 4)), tmp_path, tools, train
    )
    assert result["seeds"] == [3]
    assert made[0].probabilities[0].tolist() == [10 / 13, 3 / 13, 0, 0]
    assert result["confusion"]["counts"] == [[1, 0, 0, 0], [1, 0, 0, 0], [0] * 4, [1, 0, 0, 0]]


def test_a_language_model_is_asked(tmp_path: Path, tools: FakeTools) -> None:
    spec = TrainingSpec(
        "llm", test="b", task=TASK, examples=(Example("x", "pos"), Example("y", "neg"))
    )
    made, result = run(spec, tmp_path, tools, None)
    assert result["label_names"] == ["neg", "pos", "odd"]
    assert given_labels(made[0].probabilities, result["label_names"]) == ["pos", "neg", "pos"]
    assert (result["n_train"], result["model"], result["train"]) == (2, "embedded", None)
    assert tools.asked == [ModelChoice()]
    assert tools.betweens == 1
    assert "1 of 3 test texts are examples of the prompt, too" in result["warnings"][0]


def test_fine_tuning_for_each_seed(tmp_path: Path, tools: FakeTools, tiny_bert: Path) -> None:
    settings = FineTuning(
        model=str(tiny_bert), learning_rate=5e-3, warmup_epochs=1, max_epochs=6, batch_size=8
    )
    spec = TrainingSpec("fine-tuning", train="a", test="b", fine_tuning=settings, seeds=(0, 1))
    made, result = run(spec, tmp_path, tools)
    assert result["accuracy"]["mean"] == pytest.approx(2 / 3)
    assert [len(repeat["history"]) for repeat in result["repeats"]] == [
        len(one.history) for one in made
    ]
    facts = result["repeats"][1]["facts"]
    assert (facts["n_train"], facts["n_learned"], facts["n_validation"]) == (60, 54, 6)
    again = FineTuned(tmp_path / "1" / "model", device="cpu")
    assert again.label_names == ("pos", "neg")
    np.testing.assert_allclose(
        again.probabilities(TEST.texts), made[1].probabilities[:, :2], atol=1e-6
    )
    assert tools.betweens == 2
    assert tools.asked == [EncoderChoice()]  # to look for near repeats


def test_leakage_is_reported_before_training(tools: FakeTools) -> None:
    spec = TrainingSpec("probe", train="a", test="b", pooling="cls")
    # The fake encoder forgets the order of words: a near repeat.
    text = TRAIN.texts[4]
    turned = " ".join(reversed(text.split()))
    assert turned != text
    test = dataset([(TRAIN.texts[3].upper(), "neg"), (turned, "pos"), ("other words", "pos")])
    warnings, leakage = look_before(spec, TRAIN, test, tools)
    assert leakage is not None
    assert [o.test for o in leakage.exact] == [0]
    assert [o.test for o in leakage.near] == [1]
    assert "1 of 3 test texts are training texts, too, 1 more nearly so" in warnings[0]
    assert tools.asked == [EncoderChoice("embedded", "cls")]
    made = predict(spec, TRAIN, test, seed=0, folder=tools.models, tools=tools)
    found = to_json(result_of(spec, TRAIN, test, [made], leakage=leakage))["leakage"]
    assert (found["exact"], found["near"], found["n"]) == (1, 1, 3)
    assert found["overlaps"][0] == {"test": test.ids[0], "train": "run:a-3", "similarity": 1.0}


def test_bad_texts_are_refused_before_anything_is_embedded(tools: FakeTools) -> None:
    with pytest.raises(BadInput, match="at least two labels"):
        look_before(TrainingSpec("probe", train="a", test="b"), TRAIN.take([0, 2]), TEST, tools)
    assert tools.asked == []


def test_seeds_and_encoders_by_kind() -> None:
    tuned = TrainingSpec("fine-tuning", train="a", test="b", seeds=(1, 2))
    assert seeds_of(tuned) == (1, 2)
    assert encoder_of(tuned) == EncoderChoice()
    probe = TrainingSpec(
        "probe", train="a", test="b", fine_tuning=FineTuning(model="x", device="cpu")
    )
    assert encoder_of(probe) == EncoderChoice("x", "mean", "cpu")
    assert label_names_of(TRAIN, TEST, tuned) == ("pos", "neg", "never", "odd")


@pytest.mark.model
def test_the_embedded_encoder_learns(tmp_path: Path, model_cache: Path) -> None:
    good = ["a wonderful film", "superb acting", "i loved it", "a moving story", "great fun"]
    bad = ["a dreadful film", "awful acting", "i hated it", "a dull story", "no fun at all"]
    rows = [(f"{t}, {w}", "pos") for t in good for w in ("really", "truly")]
    rows += [(f"{t}, {w}", "neg") for t in bad for w in ("really", "truly")]
    train = dataset(rows)
    test = dataset([("brilliant and touching", "pos"), ("terrible and boring", "neg")])
    settings = FineTuning(device="cpu", warmup_epochs=1, max_epochs=6, batch_size=4, patience=6)
    spec = TrainingSpec("fine-tuning", train="a", test="b", fine_tuning=settings, seeds=(0,))
    made = predict(spec, train, test, seed=0, folder=tmp_path / "run", tools=FakeTools(model_cache))
    assert given_labels(made.probabilities, ("pos", "neg")) == ["pos", "neg"]
    assert made.facts["precision"] in ("float32", "bfloat16")
