"""The specification of a training."""

import json
from typing import Any

import pytest

from core.classification.settings import FineTuning, TrainingSpec, spec_from_dict
from core.domain.errors import BadInput
from core.domain.runs import Example
from core.domain.tasks import Label, Task

TASK = Task("Reviews", "movie review", (Label("pos", "a good review"), Label("neg", "a bad one")))


def test_the_papers_settings_are_the_default() -> None:
    bert = FineTuning(model="bert-base-uncased")
    assert (bert.rate, bert.warmup_epochs, bert.patience) == (3e-5, 3, 5)
    assert FineTuning().rate == 1e-4
    assert FineTuning(learning_rate=2e-5).rate == 2e-5


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"model": " "}, "model's name is empty"),
        ({"device": "tpu"}, "device 'tpu' is unknown"),
        ({"learning_rate": float("nan")}, "learning rate is nan"),
        ({"learning_rate": 2.0}, "learning rate is 2"),
        ({"warmup_epochs": -1}, "warm-up epochs is -1"),
        ({"max_epochs": 0}, "number of epochs is 0"),
        ({"patience": 1.5}, "patience is 1.5"),
        ({"batch_size": True}, "batch size is True"),
        ({"validation": 0.0}, "validation share is 0"),
        ({"validation": 0.6}, "validation share is 0.6"),
        ({"max_tokens": 4}, "tokens a text is 4"),
        ({"weight_decay": -0.1}, "weight decay is -0.1"),
    ],
)
def test_what_is_out_of_range_is_refused(values: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        FineTuning(**values)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"kind": "svm"}, "'svm' is no kind of training"),
        ({"train": None}, "nothing to train on"),
        ({"pooling": "max"}, "pooling 'max' is unknown"),
        ({"seeds": ()}, "0 seeds"),
        ({"seeds": (1, 1)}, "stands twice"),
        ({"seeds": (-1,)}, "A seed is -1"),
        ({"size": 3}, "number of training texts is 3"),
        ({"kind": "llm"}, "needs a task"),
        ({"kind": "llm", "task": TASK, "examples": (Example("x", "y"),)}, "label 'y'"),
        ({"kind": "llm", "task": TASK, "language_model": ""}, "model's name is empty"),
    ],
)
def test_a_spec_that_can_not_be_done_is_refused(values: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        TrainingSpec(**({"kind": "probe", "train": "a", "test": "b"} | values))


def test_a_spec_comes_back_from_json() -> None:
    tuned = TrainingSpec(
        "fine-tuning",
        test="reference:a:test",
        train="version:b",
        fine_tuning=FineTuning(model="bert-base-uncased", class_weights=True),
        seeds=(4, 2),
        size=100,
    )
    asked = TrainingSpec("llm", test="x", task=TASK, examples=(Example("good", "pos"),))
    for spec in (tuned, asked):
        again = spec_from_dict(json.loads(json.dumps(spec.to_dict())))
        assert again.to_dict() == spec.to_dict()
        assert (again.kind, again.seeds, again.task, again.examples) == (
            spec.kind,
            spec.seeds,
            spec.task,
            spec.examples,
        )
    assert tuned.to_dict()["fine_tuning"]["learning_rate"] == 3e-5
