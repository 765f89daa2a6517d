"""Fault 42 behind a server: a token id outside the vocabulary is refused by us, and never sent."""

import pytest

from core.conditions import Condition
from core.connections import Connection
from core.errors import BadInput
from core.generation.backends import Request
from core.generation.prompts import Prompt
from core.generation.served.backend import ServedBackend
from core.generation.served.probing import probe
from core.generation.served.server_tokens import ServerTokens
from core.generation.served.wire import Wire
from tests.generation.served.fake_server import VOCABULARY, serving


def test_it_is_refused_before_anything_is_sent() -> None:
    last = len(VOCABULARY) - 1
    request = Request(Prompt(text='Write: "'), indices=(0,), biases=(), entropy=(0, 2, 1, 0))
    with serving() as fake:
        connection = Connection(base_url=fake.url)
        found = probe(connection, "fake", Wire(fake.url))
        tokens = ServerTokens(Wire(fake.url), "fake")
        backend = ServedBackend(connection, "fake", capabilities=found, tokens=tokens)
        before = len(fake.asked)
        for wrong in (last + 1, 2**31 - 1):
            condition = Condition(max_tokens=4, logit_bias=((3, 1.0), (wrong, -5.0)))
            with pytest.raises(BadInput) as caught:
                list(backend.complete([request], condition, between_steps=lambda: None))
            assert caught.value.what == (
                f"Token {wrong} is outside the model's vocabulary of {last + 1}."
            )
        assert len(fake.asked) == before
        condition = Condition(max_tokens=4, logit_bias=((last, 100.0),))
        written = list(backend.complete([request], condition, between_steps=lambda: None))
        backend.close()
    assert written[0][0].text == "red red red red"
