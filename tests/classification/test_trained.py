"""Trained classifiers at work: loaded once, the best repeat, the folder as one file."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from core.classification.fine_tuning.fine_tuned import packed
from core.classification.probe import fit_probe, save_probe
from core.classification.results import RepeatResult
from core.classification.settings import TrainingSpec
from core.classification.trained import ClassifierCache, folder_of
from core.domain.errors import BackendFailed, BadInput
from core.domain.progress import Epoch
from core.domain.serialization import to_json
from tests.classification.making import training_result
from tests.diversity.fake_encoder import FakeEncoder, FakeEncoders

SPEC = TrainingSpec("probe", test="t", train="r")
TEXTS = ("good film", "good cast", "bad film", "bad plot")


def probe_in(folder: Path) -> Path:
    vectors = FakeEncoder().embed(TEXTS)
    labels = ["pos", "pos", "neg", "neg"]
    save_probe(fit_probe(vectors, labels, label_names=("pos", "neg")), folder)
    return folder


def test_a_probe_answers_texts(tmp_path: Path) -> None:
    keeper = ClassifierCache(FakeEncoders())
    folder = probe_in(tmp_path / "probe")
    classifier = keeper.classifier(folder, SPEC)
    assert classifier.label_names == ("pos", "neg")
    shares = classifier.probabilities(["good", "bad"])
    assert shares.argmax(axis=1).tolist() == [0, 1]
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    assert keeper.classifier(folder, SPEC) is classifier


def test_only_the_last_four_stay(tmp_path: Path) -> None:
    keeper = ClassifierCache(FakeEncoders())
    folders = [probe_in(tmp_path / str(number)) for number in range(5)]
    first = [keeper.classifier(folder, SPEC) for folder in folders]
    assert keeper.classifier(folders[1], SPEC) is first[1]
    assert keeper.classifier(folders[0], SPEC) is not first[0]  # it went for the fifth
    assert keeper.classifier(folders[1], SPEC) is first[1]  # used since, so it stayed
    assert keeper.classifier(folders[2], SPEC) is not first[2]


def test_one_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BackendFailed, match="can't be loaded"):
        ClassifierCache(FakeEncoders()).classifier(tmp_path / "gone", SPEC)


def test_the_best_repeat_is_that_of_its_own_validation_texts() -> None:
    def repeat(seed: int, *accuracies: float) -> RepeatResult:
        epochs = (
            Epoch(epoch=n, loss=1.0, validation_loss=1.0, accuracy=value)
            for n, value in enumerate(accuracies, start=1)
        )
        return RepeatResult(seed, 0.5, tuple(epochs))

    result = training_result(repeat(3, 0.5, 0.9), repeat(4, 0.8), repeat(5, 0.9))
    assert result.best_seed == 3
    assert training_result(repeat(7), repeat(8)).best_seed == 7


def test_folders_by_kind(tmp_path: Path) -> None:
    assert folder_of(tmp_path, "probe", 2) == tmp_path / "seed-2" / "probe"
    assert folder_of(tmp_path, "fine-tuning", 0) == tmp_path / "seed-0" / "model"
    with pytest.raises(BadInput, match="no trained model"):
        folder_of(tmp_path, "llm", 0)


def test_a_folder_as_one_file(tmp_path: Path) -> None:
    folder = probe_in(tmp_path / "probe")
    with zipfile.ZipFile(packed(folder, "mine", training_result())) as file:
        assert sorted(file.namelist()) == [
            "mine/probe.json",
            "mine/probe.safetensors",
            "mine/result.json",
        ]
        assert file.read("mine/probe.safetensors") == (folder / "probe.safetensors").read_bytes()
        assert json.loads(file.read("mine/result.json")) == to_json(training_result())
    with pytest.raises(BadInput, match="not to be had"):
        packed(tmp_path / "gone", "mine", {})
