"""Choices of an encoder."""

import json
from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from core.diversity.embedding.encoder import EncoderChoice, encoder_choice_from_dict
from core.domain.errors import BadInput


def test_a_choice_comes_back_from_json() -> None:
    assert EncoderChoice().to_dict() == {"model": "embedded", "pooling": "mean", "device": "auto"}
    choice = EncoderChoice(model="somebody/an-encoder", pooling="cls", device="cuda")
    assert encoder_choice_from_dict(json.loads(json.dumps(choice.to_dict()))) == choice
    assert encoder_choice_from_dict({}) == EncoderChoice()
    with pytest.raises(FrozenInstanceError):
        choice.model = "another"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"model": " "}, "name is empty or unusable"),
        ({"model": "x" * 501}, "name is empty or unusable"),
        ({"model": "a\0b"}, "name is empty or unusable"),
        ({"model": None}, "name is empty or unusable"),
        ({"pooling": "max"}, "The pooling 'max' is unknown. Use mean or cls"),
        ({"device": "tpu"}, "The device 'tpu' is unknown"),
        ({"layer": 3}, "An encoder has no 'layer'"),
    ],
)
def test_a_choice_that_is_none_is_refused(data: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        encoder_choice_from_dict(data)
