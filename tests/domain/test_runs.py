"""Run specs: what is refused, and that none changes on its way through JSON."""

import json
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.conditions import Condition, Suppression
from core.domain.errors import BadInput
from core.domain.runs import Example, ModelChoice, RunSpec, short_model, spec_from_dict
from core.domain.tasks import Label, Task

TASK = Task("T", "note", (Label("calm", "calm"), Label("loud", "very loud")))
words = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]), max_size=30)
texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=80)
labels = (
    st.lists(words.map(lambda w: f"l{w}e".replace('"', "'")), min_size=1, max_size=6, unique=True)
    .map(lambda names: [Label(name, f"p {name}") for name in names])
    .map(tuple)
)


@st.composite
def specs(draw: st.DrawFn) -> RunSpec:
    task = Task("n" + draw(words) + "n", "a text", draw(labels))
    return RunSpec(
        task=task,
        condition=Condition(
            temperature=draw(st.floats(0, 2)),
            suppression=Suppression(strength=draw(st.floats(0, 20))),
            logit_bias=((draw(st.integers(0, 2**31 - 1)), draw(st.floats(-100, 100))),),
        ),
        per_label=draw(st.integers(1, 100_000)),
        seed=draw(st.integers(0, 2**63 - 1)),
        seed_examples=tuple(
            draw(
                st.lists(
                    st.builds(Example, text=texts, label=st.sampled_from(task.label_names)),
                    max_size=5,
                )
            )
        ),
        model=ModelChoice(model="embedded", device=draw(st.sampled_from(["auto", "cpu"]))),
        targets=((task.label_names[0], draw(st.integers(0, 100_000))),),
    )


@given(specs())
def test_a_spec_survives_json(spec: RunSpec) -> None:
    assert spec_from_dict(json.loads(json.dumps(spec.to_dict()))) == spec


def test_the_target_counts_all_labels() -> None:
    assert RunSpec(TASK, per_label=7).target == 14
    spec = RunSpec(TASK, per_label=7, targets=(("loud", 0),))
    assert (spec.wanted, spec.target) == ({"calm": 7, "loud": 0}, 7)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"per_label": 0}, "The number of texts a label is 0, which is not a whole number"),
        ({"per_label": 100_001}, "The number of texts a label is 100001, which is not a whole"),
        ({"per_label": True}, "The number of texts a label is True, which is not a whole number"),
        ({"per_label": "20"}, "The number of texts a label is 20, which is not a whole number"),
        ({"seed": -1}, "The seed is -1, which is not a whole number from 0 to"),
        ({"seed": 2**63}, "The seed is 9223372036854775808, which is not a whole number"),
        ({"targets": (("calm", -1),)}, "The target of label 'calm' is -1, which is not a whole"),
        ({"targets": (("gone", 1),)}, "A target names the label 'gone', which the task lacks."),
        (
            {"seed_examples": (Example("a", "gone"),)},
            "A seed example has the label 'gone', which the task lacks. Its labels are calm, loud.",
        ),
        (
            {"seed_examples": (Example("a", "calm"),) * 1001},
            "There are 1001 seed examples. Give at most 1000; the paper uses 18.",
        ),
    ],
)
def test_bad_specs_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput) as refused:
        RunSpec(TASK, **changes)
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize("model", ["", " ", "a" * 501, "a\0b"])
def test_unusable_model_names_are_refused(model: str) -> None:
    with pytest.raises(BadInput, match="The model's name is empty or unusable"):
        ModelChoice(model=model)


def test_unknown_devices_are_refused() -> None:
    with pytest.raises(BadInput, match="The device 'tpu' is unknown"):
        ModelChoice(device="tpu")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("per_label", "strict", "scope", "strength", "idle"),
    [
        (20, False, "dataset", 7.5, True),
        (21, False, "dataset", 7.5, False),
        (20, True, "dataset", 7.5, False),  # the second label counts the first one's texts
        (20, True, "label", 7.5, True),
        (20, False, "dataset", 0, False),
    ],
)
def test_suppression_that_has_nothing_to_count_is_told(
    per_label: int, strict: bool, scope: Literal["dataset", "label"], strength: float, idle: bool
) -> None:
    condition = Condition(
        strict_order=strict, suppression=Suppression(strength=strength, scope=scope)
    )
    spec = RunSpec(TASK, condition, per_label=per_label)
    assert bool(spec.idle_knob) == idle
    assert spec.idle_knob in (
        "",
        "Logit suppression has almost no effect: one request of up to 20 covers a label, so "
        "only re-requested texts are suppressed.",
    )


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("org/model", "org/model"),
        ("/srv/models/m.gguf", "m.gguf"),
        ("\\\\host\\models\\m.gguf", "m.gguf"),
        ("", ""),
    ],
)
def test_a_model_that_is_a_path_reads_as_its_last_part(name: str, short: str) -> None:
    assert short_model(name) == short
