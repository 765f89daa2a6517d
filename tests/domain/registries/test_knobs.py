"""The registry of knobs: what is declared at a field is all that the rest of the code knows."""

import pytest

from core.domain.conditions import Condition, Suppression
from core.domain.errors import BadInput
from core.domain.registries.knobs import AXES, KNOB, KNOBS, condition_values, condition_words
from core.domain.runs import Example, RunSpec
from core.domain.tasks import preset

SPEC = RunSpec(
    task=preset("sst2"),
    condition=Condition(temperature=0.9, suppression=Suppression(strength=7.5), min_p=0.1),
    seed_examples=(Example("Great.", "positive"),),
)


def test_axes_stand_in_their_order() -> None:
    names = ["temperature", "suppression", "seeding", "min_p", "model"]
    assert [knob.name for knob in AXES] == names
    assert len({knob.name for knob in KNOBS}) == len(KNOBS)


def test_values_are_read_where_a_spec_keeps_them() -> None:
    values = condition_values(SPEC)
    assert (values["temperature"], values["suppression"], values["min_p"]) == (0.9, 7.5, 0.1)
    assert (values["seeding"], values["model"], values["texts_a_request"]) == (1, "embedded", 20)


def test_suppression_of_no_token_reads_as_off() -> None:
    condition = Condition(suppression=Suppression(strength=7.5, tokens=0))
    assert KNOB["suppression"].value(RunSpec(task=SPEC.task, condition=condition)) == 0


def test_a_knob_is_set_in_a_spec_and_in_a_condition() -> None:
    assert KNOB["suppression"].within(SPEC, 2.0).condition.suppression.strength == 2.0
    assert KNOB["suppression"].within(SPEC.condition, 2.0).suppression.strength == 2.0
    assert KNOB["min_p"].within(Condition(), 0.2) == Condition(min_p=0.2)


@pytest.mark.parametrize("knob", [knob for knob in KNOBS if knob.numeric], ids=lambda k: k.name)
def test_a_value_out_of_the_declared_range_is_refused(knob) -> None:  # type: ignore[no-untyped-def]
    knob.check(knob.high)
    for value in (knob.low - 1, knob.high + 1, True, "1", float("nan")):
        with pytest.raises(BadInput, match=r"is not a (whole )?number from"):
            knob.check(value)


def test_conditions_are_named_one_way() -> None:
    assert condition_words(condition_values(SPEC)) == "T 0.9 · S 7.5 · 1 example · min_p 0.1"
    plain = condition_values(RunSpec(task=SPEC.task))
    assert condition_words(plain) == "T 0.7"
    named = condition_words(plain, varying=("suppression", "seeding", "min_p"), other="prompt C")
    assert named == "T 0.7 · no suppression · unseeded · min_p off · prompt C"
    assert condition_words({"temperature": 0.7, "suppression": float("nan")}) == "T 0.7"
    assert condition_words({"temperature": 1.0, "model": "/models/tiny"}) == "T 1 · tiny"
