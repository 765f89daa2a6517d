"""The key of settings: what it is blind to, what it sees, and what must not change by accident."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.classification.settings import FineTuning, TrainingSpec
from core.diversity.embedding.encoder import EncoderChoice
from core.domain.conditions import Condition, Suppression, condition_from_dict
from core.domain.runs import Example, ModelChoice, RunSpec, spec_from_dict
from core.domain.serialization import to_json
from core.domain.settings_key import canonical, settings_key, stored_form
from core.domain.spending import SpendingLimit
from core.domain.tasks import Label, Task
from core.interventions.previews import (
    BudgetRequest,
    EffectRequest,
    FilterRequest,
    JudgeRequest,
    RelabelRequest,
)
from core.sweeps.assessment.recipe import Recipe, sweep_recipe
from core.sweeps.grid.plan import condition_key
from core.sweeps.grid.spec import Grid

TASK = Task("Reviews", "movie review", (Label("pos", "a good one"), Label("neg", "a bad one")))
SPEC = RunSpec(
    TASK,
    Condition(temperature=1.0, suppression=Suppression(strength=7.5), logit_bias=((5, -1.5),)),
    per_label=4,
    seed=3,
    seed_examples=(Example("Fine.", "pos"),),
)


def test_the_canonical_form_holds_what_differs_from_the_defaults() -> None:
    assert canonical(SPEC) == {
        "task": {
            "name": "Reviews",
            "text_type": "movie review",
            "labels": [
                {"name": "pos", "phrase": "a good one"},
                {"name": "neg", "phrase": "a bad one"},
            ],
        },
        "condition": {
            "temperature": 1,
            "suppression": {"strength": 7.5},
            "logit_bias": [[5, -1.5]],
        },
        "per_label": 4,
        "seed": 3,
        "seed_examples": [{"text": "Fine.", "label": "pos"}],
    }
    assert canonical(Condition()) == canonical(Recipe()) == canonical(EncoderChoice()) == {}


# Stored keys were computed like this. If one of these changes, a migration has to compute them anew
# (see `core.store.migrations.settings_keys`), or else all finished work looks new.
def test_keys_stay_what_they_are() -> None:
    assert settings_key({}) == PINNED["nothing"]
    assert settings_key(SPEC) == PINNED["run"]
    assert condition_key(SPEC) == PINNED["condition"]
    assert Recipe(reference="r", budgets=(0, 20, "all"), weight=0.5).key == PINNED["recipe"]
    assert Grid(task=TASK, axes={"temperature": (0.3, 1)}, repeats=2).key == PINNED["grid"]


PINNED = {  # `printf JSON | b2sum -l 96` of the canonical form gives the same
    "nothing": "bf78e4a953b40eee238ca2e9",
    "run": "111f2e1fd695639b060b5b4f",
    "condition": "5707d44714cdee03832e2ff6",
    "recipe": "253955f5697b44078a54af8d",
    "grid": "c5003649a8a4709139249291",
}


# A field may be added here. One that changes changes what keys in old stores stand for: then keys
# must be computed anew by a migration, and settings that were stored without the field be told it.
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "Condition": {
        "temperature": 0.7,
        "top_p": 1.0,
        "min_p": 0.0,
        "frequency_penalty": 0.02,
        "max_tokens": 100,
        "texts_a_request": 20,
        "suppression": Suppression(),
        "prompt": "A",
        "strict_order": False,
        "only_new": False,
        "logit_bias": (),
    },
    "Suppression": {
        "strength": 0.0,
        "tokens": 100,
        "floor": None,
        "scope": "dataset",
        "method": "logit_bias",
    },
    "ModelChoice": {"backend": "local", "model": "embedded", "device": "auto", "base_url": ""},
    "RunSpec": {
        "condition": Condition(),
        "per_label": 20,
        "seed": 0,
        "seed_examples": (),
        "model": ModelChoice(),
        "targets": (),
    },
    "EncoderChoice": {"model": "embedded", "pooling": "mean", "device": "auto"},
    "FineTuning": {
        "model": "embedded",
        "device": "auto",
        "learning_rate": None,
        "warmup_epochs": 3,
        "max_epochs": 20,
        "patience": 5,
        "batch_size": 32,
        "validation": 0.1,
        "class_weights": False,
        "max_tokens": 128,
        "weight_decay": 0.01,
    },
    "TrainingSpec": {
        "train": None,
        "fine_tuning": FineTuning(),
        "pooling": "mean",
        "seeds": (0, 1, 2),
        "size": None,
        "task": None,
        "examples": (),
        "language_model": "embedded",
        "language_server": "",
    },
    "Recipe": {
        "reference": None,
        "encoder": EncoderChoice(),
        "budgets": (0, 90, 180, 270, "all"),
        "lr_repeats": 5,
        "weight": 0.3,
        "filter": False,
        "classifier": "probe",
        "fine_tuning": FineTuning(),
        "train_seeds": 1,
        "seed": 0,
    },
    "Grid": {
        "name": "",
        "study": "",
        "per_label": 100,
        "seed": 0,
        "repeats": 1,
        "axes": {},
        "base": Condition(),
        "recipe": Recipe(),
        "cap": 1000,
        "spend": SpendingLimit(),
    },
    "SpendingLimit": {"money": None, "tokens": None, "requests": None},
    "JudgeRequest": {},
    "RelabelRequest": {
        "reference": None,
        "inspect": None,
        "error_rate": 0.0,
        "weight": 0.3,
        "seed": 0,
    },
    "FilterRequest": {"seed": 0},
    "EffectRequest": {"seed": 0},
    "BudgetRequest": {
        "reference": None,
        "error_rate": 0.0,
        "weight": 0.3,
        "seed": 0,
        "repeats": 5,
    },
}
CLASSES = [
    *(Condition, Suppression, ModelChoice, RunSpec, EncoderChoice, FineTuning, TrainingSpec),
    *(Recipe, Grid, SpendingLimit),
    *(JudgeRequest, RelabelRequest, FilterRequest, EffectRequest, BudgetRequest),
]


def test_default_axes_stay_what_they_are() -> None:
    assert Grid(task=TASK).axes == {
        "temperature": (0.3, 0.7, 0.9, 1.3),
        "suppression": (0.0, 7.5),
        "seeding": (0, 18),
        "min_p": (0.0,),
        "model": (ModelChoice(),),
    }


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_defaults_stay_what_they_are(kind: type[Any]) -> None:
    defaults = {
        one.name: one.default_factory() if callable(one.default_factory) else one.default
        for one in fields(kind)
        if one.default is not dataclasses.MISSING or one.default_factory is not dataclasses.MISSING
    }
    assert defaults == DEFAULTS[kind.__name__]


suppressions = st.builds(
    Suppression,
    strength=st.floats(0, 20) | st.integers(0, 20),
    tokens=st.integers(0, 300),
    floor=st.none() | st.floats(-100, 0) | st.integers(-100, 0),
    scope=st.sampled_from(["dataset", "label"]),
)
conditions = st.builds(
    Condition,
    temperature=st.floats(0, 2) | st.integers(0, 2),
    top_p=st.floats(0.1, 1) | st.just(1),
    min_p=st.floats(0, 1) | st.integers(0, 1),
    frequency_penalty=st.floats(-2, 2) | st.integers(-2, 2),
    max_tokens=st.integers(1, 1000),
    suppression=suppressions,
    prompt=st.sampled_from(["A", "C", "chat"]),
    strict_order=st.booleans(),
    logit_bias=st.dictionaries(
        st.integers(0, 9), st.floats(-100, 100) | st.integers(-100, 100), max_size=3
    ).map(lambda biases: tuple(biases.items())),
)
specs = st.builds(
    RunSpec,
    task=st.just(TASK),
    condition=conditions,
    per_label=st.integers(1, 50),
    seed=st.integers(0, 2**63 - 1),
    seed_examples=st.lists(st.builds(Example, st.text(), st.just("pos")), max_size=2).map(tuple),
    model=st.builds(ModelChoice, model=st.sampled_from(["embedded", "gpt2"])),
)


@given(specs, st.randoms(use_true_random=False))
def test_a_key_is_blind_to_order_and_to_how_numbers_are_written(spec: RunSpec, random: Any) -> None:
    def rewritten(value: Any) -> Any:
        if isinstance(value, dict):
            names = list(value)
            random.shuffle(names)
            return {name: rewritten(value[name]) for name in names}
        if isinstance(value, list):
            return [rewritten(item) for item in value]
        if isinstance(value, float) and value.is_integer():
            return int(value)
        return value

    data = spec.to_dict()
    again = spec_from_dict(
        json.loads(json.dumps({**data, "condition": rewritten(data["condition"])}))
    )
    assert settings_key(again) == settings_key(spec)
    assert settings_key(rewritten(data)) == settings_key(data)
    assert settings_key(canonical(spec)) == settings_key(spec)


@given(conditions)
def test_defaults_that_are_told_and_that_are_left_out_have_one_key(condition: Condition) -> None:
    told = to_json(condition)
    usual = to_json(Condition())
    left_out = {name: value for name, value in told.items() if value != usual[name]}
    assert settings_key(condition_from_dict(left_out)) == settings_key(condition)


@given(specs, specs)
def test_keys_are_equal_exactly_where_settings_are(one: RunSpec, other: RunSpec) -> None:
    # Python's own equality is as blind as a key should be: 1 == 1.0.
    assert (settings_key(one) == settings_key(other)) == (one == other)


@pytest.mark.parametrize(
    "changes",
    [
        {"task": replace(TASK, name="Other")},
        {"task": replace(TASK, labels=TASK.labels[::-1])},
        *({"condition": change} for change in (
            Condition(temperature=0.8),
            Condition(top_p=0.9),
            Condition(min_p=0.1),
            Condition(frequency_penalty=0),
            Condition(max_tokens=99),
            Condition(texts_a_request=19),
            Condition(suppression=Suppression(strength=1)),
            Condition(suppression=Suppression(tokens=99)),
            Condition(suppression=Suppression(floor=0)),
            Condition(suppression=Suppression(floor=-1)),
            Condition(suppression=Suppression(scope="label")),
            Condition(suppression=Suppression(method="avoid_words")),
            Condition(prompt="C"),
            Condition(strict_order=True),
            Condition(only_new=True),
            Condition(logit_bias=((1, 1),)),
        )),
        {"per_label": 21},
        {"seed": 1},
        {"seed_examples": (Example("a", "pos"),)},
        {"seed_examples": (Example("a", "neg"),)},
        {"model": ModelChoice(model="gpt2")},
        {"model": ModelChoice(device="cpu")},
        {"model": ModelChoice(backend="openai", base_url="http://localhost:1/v1")},
        {"targets": (("pos", 1),)},
    ],
)  # fmt: skip
def test_a_key_sees_every_field(changes: Mapping[str, Any]) -> None:
    usual = RunSpec(TASK)
    assert settings_key(replace(usual, **changes)) != settings_key(usual)


def test_a_nested_default_is_the_parents() -> None:
    @dataclass
    class Inner:
        size: int = 1

    @dataclass
    class Outer:
        inner: Inner = field(default_factory=lambda: Inner(2))

    assert canonical(Outer()) == {}
    assert canonical(Outer(Inner(1))) == {"inner": {}}
    assert canonical(Outer(Inner(3))) == {"inner": {"size": 3}}


def test_true_is_not_one_and_nothing_is_not_zero() -> None:
    keys = {settings_key([value]) for value in (True, 1, False, 0, None, "1", "", [], {})}
    assert len(keys) == 9
    assert settings_key([-0.0]) == settings_key([0])
    assert settings_key([2**63 - 1]) != settings_key([float(2**63 - 1)])


def test_defaults_of_settings_within_settings_are_left_out() -> None:
    request = JudgeRequest(n=3, encoder=EncoderChoice(pooling="cls"), reference="r")
    assert canonical(request) == {"n": 3, "encoder": {"pooling": "cls"}, "reference": "r"}


def test_what_is_no_settings_is_refused() -> None:
    for value in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="JSON"):
            settings_key({"x": value})
    with pytest.raises(TypeError):
        settings_key({"x": object()})


def test_recipes_differ_by_what_decides_an_assessment() -> None:
    usual = Recipe(reference="r")
    tuned = replace(usual, classifier="fine-tuning")
    alike = [
        sweep_recipe({"recipe": json.loads(json.dumps(to_json(usual)))}),
        replace(usual, encoder=EncoderChoice(device="cuda")),
        replace(usual, fine_tuning=FineTuning(max_epochs=3)),  # a probe has none
    ]
    assert {one.key for one in alike} == {usual.key}
    rate = FineTuning().rate
    assert replace(tuned, fine_tuning=FineTuning(learning_rate=rate, device="cpu")).key == tuned.key
    others = [
        tuned,
        replace(tuned, fine_tuning=FineTuning(max_epochs=3)),
        replace(tuned, fine_tuning=FineTuning(model="bert-base-uncased")),
        replace(usual, encoder=EncoderChoice(pooling="cls")),
        replace(usual, seed=1),
        replace(usual, budgets=(0,)),
    ]
    assert len({usual.key, *(one.key for one in others)}) == 7


def test_a_grid_of_another_cap_of_spending_is_the_same() -> None:
    grid = Grid(task=TASK)
    assert replace(grid, spend=SpendingLimit(requests=3)).key == grid.key
    assert replace(grid, axes={"temperature": (0.3,)}).key != grid.key


def test_the_stored_form_tells_all_fields() -> None:
    choice = EncoderChoice()
    assert stored_form(choice) == asdict(choice)
    assert stored_form({"dataset": "d", "encoder": choice}) == {
        "dataset": "d",
        "encoder": {"model": "embedded", "pooling": "mean", "device": "auto"},
    }
