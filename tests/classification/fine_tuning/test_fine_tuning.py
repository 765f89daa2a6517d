"""Fine-tuning a tiny random encoder: what is learned, kept, and taken up again."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from core.classification.fine_tuning.checkpoints import State, earlier_recipe_of
from core.classification.fine_tuning.fine_tuning import Step, Trained, Trainer, fine_tune
from core.classification.settings import FineTuning, TrainingSpec
from core.domain.errors import BackendFailed
from core.domain.progress import Epoch
from core.domain.serialization import to_json
from tests.classification.fine_tuning.training_process import SETTINGS
from tests.classification.making import reviews

ROOT = Path(__file__).parents[3]


class Interrupted(Exception):
    pass


def train(
    encoder: Path,
    folder: Path,
    *,
    rows: Sequence[tuple[str, str]] | None = None,
    label_names: Sequence[str] = ("neg", "pos"),
    stop_at: tuple[int, int] | None = None,
    steps: list[Step] | None = None,
    seed: int = 7,
    **changes: Any,
) -> Trained:
    rows = reviews(60) if rows is None else rows

    def watch(step: Step) -> None:
        if steps is not None:
            steps.append(step)
        if (step.epoch, step.step) == stop_at:
            raise Interrupted

    return fine_tune(
        [text for text, _ in rows],
        [label for _, label in rows],
        label_names=label_names,
        settings=FineTuning(model=str(encoder), **(SETTINGS | changes)),
        seed=seed,
        folder=folder,
        models=folder.parent / "models",
        watch=watch,
    )


def without_seconds(trained: Trained) -> list[Epoch]:
    return [replace(epoch, seconds=0.0) for epoch in trained.history]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def assert_same(one: Trained, other: Trained) -> None:
    assert without_seconds(one) == without_seconds(other)
    assert one.facts == other.facts
    left, right = weights(one.folder), weights(other.folder)
    assert left.keys() == right.keys()
    assert all(torch.equal(left[name], right[name]) for name in left)


def test_it_learns_and_plain_transformers_loads_the_result(tiny_bert: Path, tmp_path: Path) -> None:
    torch.manual_seed(123)
    before = torch.random.get_rng_state()
    steps: list[Step] = []
    trained = train(tiny_bert, tmp_path / "run", max_epochs=15, patience=15, steps=steps)
    assert torch.equal(torch.random.get_rng_state(), before)  # nobody's global state is touched
    assert trained.history[-1].loss < 0.2 < trained.history[0].loss
    model = AutoModelForSequenceClassification.from_pretrained(trained.folder)
    tokenizer = AutoTokenizer.from_pretrained(trained.folder)
    assert model.config.id2label == {0: "neg", 1: "pos"}
    assert model.config.label2id == {"neg": 0, "pos": 1}
    with torch.inference_mode():
        answers = model(
            **tokenizer(["the film was superb", "a dire plot"], return_tensors="pt", padding=True)
        ).logits.argmax(-1)
    assert [model.config.id2label[int(answer)] for answer in answers] == ["pos", "neg"]
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["model"]
    kept = sorted(path.name for path in trained.folder.iterdir())
    assert kept == [
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        "training.json",
    ]
    assert trained.facts["n_train"] + trained.facts["n_validation"] == 60
    first, last = steps[0], steps[-1]
    assert (first.epoch, first.step, first.steps, first.seconds_left) == (1, 0, 7, None)
    assert (last.epoch, last.step, last.seconds_left) == (15, 7, 0)


def test_labels_keep_the_order_that_they_were_given_in(tiny_bert: Path, tmp_path: Path) -> None:
    trained = train(tiny_bert, tmp_path / "run", label_names=("pos", "neg"), max_epochs=1)
    config = json.loads((trained.folder / "config.json").read_text())
    assert config["id2label"] == {"0": "pos", "1": "neg"}


@pytest.mark.parametrize("stop_at", [(1, 3), (2, 0), (3, 5), (5, 7)])
def test_a_resumed_training_ends_as_an_uninterrupted_one(
    tiny_bert: Path, tmp_path: Path, stop_at: tuple[int, int]
) -> None:
    whole = train(tiny_bert, tmp_path / "whole", patience=9)
    with pytest.raises(Interrupted):
        train(tiny_bert, tmp_path / "cut", patience=9, stop_at=stop_at)
    assert not (tmp_path / "cut" / "model").exists()
    steps: list[Step] = []
    resumed = train(tiny_bert, tmp_path / "cut", patience=9, steps=steps)
    finished = stop_at == (5, 7)
    assert (steps[0].epoch if steps else None) == (None if finished else stop_at[0])
    assert_same(resumed, whole)
    again: list[Step] = []
    assert_same(train(tiny_bert, tmp_path / "cut", patience=9, steps=again), whole)
    assert again == []  # what is finished is not done again


def test_kill_9_in_the_middle_of_an_epoch(tiny_bert: Path, tmp_path: Path) -> None:
    whole = train(tiny_bert, tmp_path / "whole")
    command = [sys.executable, "-m", "tests.classification.fine_tuning.training_process"]
    command += [str(tiny_bert), str(tmp_path / "cut"), str(tmp_path / "models")]
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    said = ""
    while said != "3 4\n":
        said = process.stdout.readline()
        assert said, "it ended too early"
    process.kill()
    process.communicate()
    left = {path.name for path in (tmp_path / "cut").iterdir()}
    assert "epoch-0002" in left
    assert left <= {"epoch-0001", "epoch-0002"}
    steps: list[Step] = []
    resumed = train(tiny_bert, tmp_path / "cut", steps=steps)
    assert (steps[0].epoch, steps[0].step) == (3, 0)
    assert_same(resumed, whole)


def test_what_was_cut_off_while_it_was_written_is_never_read(
    tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train(tiny_bert, tmp_path / "whole")
    monkeypatch.setattr(
        "core.classification.fine_tuning.checkpoints._write_state", _fail_in_epoch_three
    )
    with pytest.raises(Interrupted):
        train(tiny_bert, tmp_path / "cut")
    monkeypatch.undo()
    assert any(path.name.startswith(".unfinished-") for path in (tmp_path / "cut").iterdir())
    assert_same(train(tiny_bert, tmp_path / "cut"), whole)


def _fail_in_epoch_three(folder: Path, state: State) -> None:
    if state.epoch == 3:
        raise Interrupted
    (folder / "training.json").write_text(json.dumps(to_json(state)))


@pytest.mark.parametrize("stop_at", [(3, 2), None])
def test_a_folder_of_before_there_were_keys_goes_on(
    tiny_bert: Path, tmp_path: Path, stop_at: tuple[int, int] | None
) -> None:
    whole = train(tiny_bert, tmp_path / "whole")
    if stop_at is None:
        train(tiny_bert, tmp_path / "old")
    else:
        with pytest.raises(Interrupted):
            train(tiny_bert, tmp_path / "old", stop_at=stop_at)
    settings = FineTuning(model=str(tiny_bert), **SETTINGS)  # type: ignore[arg-type]
    texts, labels = ([row[column] for row in reviews(60)] for column in (0, 1))
    for path in (tmp_path / "old").glob("*/training.json"):
        state = json.loads(path.read_text())
        known = [["neg", "pos"], texts, labels, state["facts"]["fingerprint"]]
        text = json.dumps([settings.to_dict(), 7, *known], sort_keys=True).encode()
        path.write_text(json.dumps({**state, "recipe": hashlib.sha256(text).hexdigest()}))
    steps: list[Step] = []
    assert_same(train(tiny_bert, tmp_path / "old", steps=steps), whole)
    assert (steps[0].epoch if steps else None) == (None if stop_at is None else 3)


def test_the_earlier_recipe_of_a_whole_training() -> None:
    spec = TrainingSpec("fine-tuning", "run:b", train="run:a", seeds=(1,))
    text = json.dumps([spec.to_dict(), [["x"], ["y"]]], sort_keys=True).encode()
    assert earlier_recipe_of(spec, [["x"], ["y"]]) == hashlib.sha256(text).hexdigest()


def test_another_training_starts_anew_in_the_same_folder(tiny_bert: Path, tmp_path: Path) -> None:
    train(tiny_bert, tmp_path / "run", max_epochs=2)
    fresh = train(tiny_bert, tmp_path / "other", max_epochs=2, seed=8)
    assert_same(train(tiny_bert, tmp_path / "run", max_epochs=2, seed=8), fresh)


def test_the_best_epoch_is_kept_and_patience_ends_training(
    tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = iter([(0.6, 0.5), (0.5, 0.9), (0.6, 0.8), (0.7, 0.8), (0.8, 0.7), (0.1, 1.0)])
    snapshots: list[torch.Tensor] = []

    def validate(self: Trainer, *_: Any) -> tuple[float, float]:
        snapshots.append(self.model.classifier.weight.detach().clone())
        return next(scores)

    monkeypatch.setattr(Trainer, "validate", validate)
    trained = train(tiny_bert, tmp_path / "run", max_epochs=9, patience=3)
    assert [epoch.epoch for epoch in trained.history] == [1, 2, 3, 4, 5]
    assert trained.facts["best_epoch"] == 2
    assert torch.equal(weights(trained.folder)["classifier.weight"], snapshots[1])
    assert not torch.equal(snapshots[1], snapshots[4])
    state = json.loads((trained.folder / "training.json").read_text())
    assert [epoch["epoch"] for epoch in state["history"]] == [1, 2, 3, 4, 5]


def test_out_of_memory_halves_the_portion_and_learns_the_same(
    tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import BertForSequenceClassification

    changes = {"max_epochs": 2, "batch_size": 12}
    still = tmp_path / "still"  # without dropout portions draw nothing, so both must agree
    from tests.classification.making import save_tiny_bert

    save_tiny_bert(still, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    whole = train(still, tmp_path / "whole", **changes)
    forward = BertForSequenceClassification.forward

    def small(self: Any, input_ids: Any = None, **rest: Any) -> Any:
        if len(input_ids) > 4:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried")
        return forward(self, input_ids, **rest)

    monkeypatch.setattr(BertForSequenceClassification, "forward", small)
    halved = train(still, tmp_path / "halved", **changes)
    assert [epoch.at_once for epoch in halved.history] == [3, 3]
    assert halved.facts["at_once"] == 3
    assert halved.history[1].loss == pytest.approx(whole.history[1].loss, abs=1e-4)
    for name, tensor in weights(whole.folder).items():
        torch.testing.assert_close(weights(halved.folder)[name], tensor, atol=2e-3, rtol=1e-2)


def test_memory_that_lacks_for_one_text_is_told(
    tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import BertForSequenceClassification

    def full(self: Any, *_: Any, **__: Any) -> Any:
        raise RuntimeError("CUDA out of memory. Tried to allocate 20 MiB")

    (tmp_path / "models").mkdir()
    monkeypatch.setattr(
        "core.classification.fine_tuning.fine_tuning.pick_precision", lambda *_, **__: "float32"
    )
    monkeypatch.setattr(BertForSequenceClassification, "forward", full)
    with pytest.raises(BackendFailed, match=r"with a single text.*smaller model"):
        train(tiny_bert, tmp_path / "run")


def test_other_errors_of_the_model_are_not_taken_for_it(
    tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import BertForSequenceClassification

    def broken(self: Any, *_: Any, **__: Any) -> Any:
        raise RuntimeError("shapes differ")

    monkeypatch.setattr(
        "core.classification.fine_tuning.fine_tuning.pick_precision", lambda *_, **__: "float32"
    )
    monkeypatch.setattr(BertForSequenceClassification, "forward", broken)
    with pytest.raises(RuntimeError, match="shapes differ"):
        train(tiny_bert, tmp_path / "run")


def test_class_weights_by_hand(tiny_bert: Path) -> None:
    from core.classification.fine_tuning.encoders import load_encoder_with_head

    encoder = load_encoder_with_head(str(tiny_bert), label_names=("neg", "pos"), seed=1)
    trainer = Trainer(
        encoder, FineTuning(weight_decay=0.0), device="cpu", precision="float32", at_once=2
    )
    tokens, targets = [[2, 5, 3], [2, 10, 3], [2, 6, 11, 3]], np.array([1, 0, 1])
    counts = np.array([0.75, 1.5, 0.75])
    trainer.model.eval()
    own = torch.log_softmax(torch.from_numpy(trainer.logits(tokens)), dim=-1)
    by_hand = -sum(count * float(own[row, targets[row]]) for row, count in enumerate(counts)) / 3
    trainer.model.train = lambda: trainer.model  # no dropout
    assert trainer.step(tokens, targets, counts, factor=1.0) == pytest.approx(by_hand, abs=1e-5)


def test_an_encoder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BackendFailed, match="could not be loaded: there is no such folder"):
        train(tmp_path / "nowhere" / "at" / "all", tmp_path / "run")


def test_weights_that_lack_are_told(tiny_bert: Path, tmp_path: Path) -> None:
    import shutil

    from safetensors.torch import save_file

    broken = tmp_path / "broken"
    shutil.copytree(tiny_bert, broken)
    tensors = load_file(broken / "model.safetensors")
    gone = next(name for name in tensors if "attention" in name)
    del tensors[gone]
    save_file(tensors, broken / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(BackendFailed, match="lacks weights"):
        train(broken, tmp_path / "run")
