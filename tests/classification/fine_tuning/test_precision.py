"""Which precision trains: measured in turn, then remembered."""

import json
from pathlib import Path

import pytest
import torch

from core.classification.fine_tuning import encoders
from core.classification.fine_tuning.encoders import load_encoder_with_head, pick_precision


@pytest.mark.parametrize(
    ("seconds", "picked"),
    [((1.0, 0.5), "bfloat16"), ((1.0, 0.9), "float32"), ((0.5, 1.0), "float32")],
)
def test_bfloat16_must_be_clearly_quicker(
    tiny_bert: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    seconds: tuple[float, float],
    picked: str,
) -> None:
    encoder = load_encoder_with_head(str(tiny_bert), label_names=("a", "b"), seed=0)
    asked: list[str] = []

    def fake(model: object, kind: str) -> float:
        asked.append(kind)
        slow = len(asked) <= 2  # the first round is disturbed
        return seconds[kind == "bfloat16"] + (5.0 if slow and kind == "bfloat16" else 0.0)

    monkeypatch.setattr(encoders, "_seconds", fake)
    assert pick_precision(encoder, "cpu", models=tmp_path) == picked
    assert asked[:4] == ["float32", "bfloat16"] * 2
    count = len(asked)
    assert pick_precision(encoder, "cpu", models=tmp_path) == picked
    assert len(asked) == count  # remembered
    kept = json.loads((tmp_path / "training-precision.json").read_text())
    assert list(kept.values()) == [picked]


def test_measuring_leaves_the_model_and_chance_as_they_were(
    tiny_bert: Path, tmp_path: Path
) -> None:
    encoder = load_encoder_with_head(str(tiny_bert), label_names=("a", "b"), seed=0)
    before = {name: value.clone() for name, value in encoder.model.state_dict().items()}
    state = torch.random.get_rng_state()
    assert pick_precision(encoder, "cpu", models=tmp_path) in ("float32", "bfloat16")
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(encoder.model.state_dict()[name], before[name]) for name in before)
    assert all(parameter.grad is None for parameter in encoder.model.parameters())


def test_a_head_is_drawn_by_its_seed(tiny_bert: Path) -> None:
    heads = [
        load_encoder_with_head(str(tiny_bert), label_names=("a", "b"), seed=seed)
        .model.classifier.weight.detach()
        .clone()
        for seed in (0, 0, 1)
    ]
    assert torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[0], heads[2])
