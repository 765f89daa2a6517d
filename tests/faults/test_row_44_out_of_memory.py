"""Fault 44: out of memory on the device: the batch is halved, which is recorded, or it is told."""

from pathlib import Path
from typing import Any

import pytest

from core.classification.fine_tuning.fine_tuning import fine_tune
from core.classification.settings import FineTuning
from core.domain.errors import BackendFailed
from tests.classification.making import reviews, save_tiny_bert


def train(tmp_path: Path) -> Any:
    texts, labels = zip(*reviews(40), strict=True)
    encoder = save_tiny_bert(tmp_path / "encoder")
    return fine_tune(
        texts,
        labels,
        label_names=("pos", "neg"),
        settings=FineTuning(model=str(encoder), device="cpu", max_epochs=2, batch_size=16),
        seed=0,
        folder=tmp_path / "run",
        models=tmp_path / "models",
    )


def limit(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    from transformers import BertForSequenceClassification

    forward = BertForSequenceClassification.forward

    def limited(self: Any, input_ids: Any = None, **rest: Any) -> Any:
        if len(input_ids) > most:
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")
        return forward(self, input_ids, **rest)

    monkeypatch.setattr(BertForSequenceClassification, "forward", limited)
    monkeypatch.setattr(
        "core.classification.fine_tuning.fine_tuning.pick_precision", lambda *_, **__: "float32"
    )


def test_the_batch_is_halved_and_that_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(monkeypatch, 5)
    trained = train(tmp_path)
    assert (trained.facts["batch_size"], trained.facts["at_once"]) == (16, 4)
    assert [epoch.at_once for epoch in trained.history] == [4, 4]
    assert (trained.folder / "model.safetensors").is_file()


def test_a_single_text_that_does_not_fit_is_told_and_nothing_is_left_to_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(monkeypatch, 0)
    with pytest.raises(BackendFailed, match=r"single text.*smaller model"):
        train(tmp_path)
    assert list((tmp_path / "run").iterdir()) == []
