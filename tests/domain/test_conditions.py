"""Conditions: every knob is checked before anything is spent."""

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.conditions import Condition, Suppression, condition_from_dict
from core.domain.errors import BadInput
from core.domain.serialization import to_json

suppressions = st.builds(
    Suppression,
    strength=st.floats(0, 20),
    tokens=st.integers(0, 300),
    floor=st.none() | st.floats(-100, 0),
    scope=st.sampled_from(["dataset", "label"]),
)
conditions = st.builds(
    Condition,
    temperature=st.floats(0, 2),
    top_p=st.floats(0, 1, exclude_min=True),
    min_p=st.floats(0, 1),
    frequency_penalty=st.floats(-2, 2),
    max_tokens=st.integers(1, 1000),
    texts_a_request=st.integers(1, 100),
    suppression=suppressions,
    prompt=st.sampled_from(["A", "C", "chat"]),
    strict_order=st.booleans(),
    only_new=st.booleans(),
    logit_bias=st.lists(
        st.tuples(st.integers(0, 2**31 - 1), st.floats(-100, 100)),
        max_size=5,
        unique_by=lambda pair: pair[0],
    ).map(tuple),
)


def test_the_defaults_are_the_papers() -> None:
    condition = Condition()
    assert (condition.top_p, condition.frequency_penalty) == (1.0, 0.02)
    assert (condition.max_tokens, condition.texts_a_request) == (100, 20)
    assert (condition.suppression.tokens, condition.suppression.on) == (100, False)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -0.1, 2.1, True, "0.7", None])
@pytest.mark.parametrize(
    ("knob", "said"),
    [
        ("temperature", "Temperature"),
        ("top_p", "top_p"),
        ("min_p", "min_p"),
    ],
)
def test_what_is_no_number_in_range_is_refused(knob: str, said: str, value: Any) -> None:
    lowest = "above 0" if knob == "top_p" else "0"
    with pytest.raises(BadInput) as refused:
        Condition(**{knob: value})
    assert str(refused.value).startswith(
        f"{said} is {value}, which is not a number from {lowest} to "
    )
    assert refused.value.exit_code == 2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Condition(top_p=0),
            "top_p is 0, which is not a number from above 0 to 1. Choose a value in that range.",
        ),
        (
            lambda: Condition(frequency_penalty=-2.5),
            "Frequency penalty is -2.5, which is not a number from -2 to 2. "
            "Choose a value in that range.",
        ),
        (
            lambda: Condition(max_tokens=0),
            "Max tokens per text is 0, which is not a whole number from 1 to 1,000. "
            "Choose a value in that range.",
        ),
        (
            lambda: Condition(max_tokens=1.5),  # type: ignore[arg-type]
            "Max tokens per text is 1.5, which is not a whole number from 1 to 1,000. "
            "Choose a value in that range.",
        ),
        (
            lambda: Condition(texts_a_request=101),
            "Texts per request is 101, which is not a whole number from 1 to 100. "
            "Choose a value in that range.",
        ),
        (
            lambda: Condition(texts_a_request=True),
            "Texts per request is True, which is not a whole number from 1 to 100. "
            "Choose a value in that range.",
        ),
        (
            lambda: Condition(prompt="B"),  # type: ignore[arg-type]
            "Prompt 'B' is unknown. Use A, C or chat.",
        ),
        (
            lambda: Suppression(strength=20.5),
            "Logit suppression is 20.5, which is not a number from 0 to 20. "
            "Choose a value in that range.",
        ),
        (
            lambda: Suppression(tokens=301),
            "Tokens to suppress is 301, which is not a whole number from 0 to 300. "
            "Choose a value in that range.",
        ),
        (
            lambda: Suppression(floor=math.nan),
            "Suppression floor is nan, which is not a number from -100 to 0. "
            "Choose a value in that range.",
        ),
        (
            lambda: Suppression(scope="text"),  # type: ignore[arg-type]
            "Count tokens over 'text' is unknown. Use dataset or label.",
        ),
        (
            lambda: Condition(logit_bias=tuple((n, -1.0) for n in range(301))),
            "There are 301 logit biases. Give at most 300.",
        ),
        (
            lambda: Condition(logit_bias=((-1, 0.0),)),
            "A logit bias's token id is -1, which is not a whole number from 0 to 2,147,483,647. "
            "Choose a value in that range.",
        ),
        (
            lambda: Condition(logit_bias=((7, -100.5),)),
            "The logit bias of token 7 is -100.5, which is not a number from -100 to 100. "
            "Choose a value in that range.",
        ),
    ],
)
def test_refusals_say_what_and_what_to_do(make: Callable[[], object], message: str) -> None:
    with pytest.raises(BadInput) as refused:
        make()
    assert str(refused.value) == message


def test_300_biases_and_the_edges_are_accepted() -> None:
    biases = tuple((n, -100.0) for n in range(300))
    assert Condition(temperature=0, top_p=1, min_p=1, logit_bias=biases).logit_bias == biases
    assert Condition(temperature=2).temperature == 2


@given(conditions)
def test_a_condition_survives_its_dictionary(condition: Condition) -> None:
    assert condition_from_dict(to_json(condition)) == condition


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"temprature": 1}, "The knob 'temprature' is unknown."),
        ({"suppression": {"power": 1}}, "The knob 'suppression.power' is unknown."),
    ],
)
def test_unknown_knobs_are_refused(data: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput) as refused:
        condition_from_dict(data)
    assert str(refused.value) == f"{message} Check its name."


def test_left_out_knobs_keep_their_defaults() -> None:
    assert condition_from_dict({"suppression": {"strength": 7.5}}) == Condition(
        suppression=Suppression(strength=7.5)
    )


def test_the_floor_of_none_is_minus_the_strength() -> None:
    assert Suppression(strength=7.5).lowest == -7.5
    assert Suppression(strength=7.5, floor=-20).lowest == -20


@pytest.mark.parametrize(
    ("suppression", "on"),
    [
        (Suppression(strength=7.5), True),
        (Suppression(strength=0), False),
        (Suppression(strength=7.5, tokens=0), False),
    ],
)
def test_suppression_without_tokens_or_strength_is_off(suppression: Suppression, on: bool) -> None:
    assert suppression.on is on


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ({"logit_bias": [5]}, "no list of pairs"),
        ({"logit_bias": [[7, -1.0], [7, 1.0]]}, "names a token twice"),
        ({"strict_order": "no"}, "Strict order must be true or false"),
        ({"suppression": 5}, "Suppression is not a table of settings"),
        ({"temperature": 10**400}, "not a number from 0 to 2"),
    ],
)
def test_data_of_the_wrong_shape_is_refused(broken: dict[str, Any], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        condition_from_dict(broken)
