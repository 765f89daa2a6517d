"""Fault 42 behind a server: a token id outside the vocabulary is refused by us, and never sent."""

import pytest

from core.domain.conditions import Condition
from core.domain.connections import Connection
from core.domain.errors import BadInput
from core.generation.backends import Request
from core.generation.prompts import Prompt
from core.generation.servers.backend import ServedBackend
from core.generation.servers.http_client import HttpClient
from core.generation.servers.probing.probe import probe
from core.generation.servers.tokenizers import ServerTokenizer
from tests.generation.servers.fake_server import VOCABULARY, serving


def test_it_is_refused_before_anything_is_sent() -> None:
    last = len(VOCABULARY) - 1
    request = Request(Prompt(text='Write: "'), indices=(0,), biases=(), entropy=(0, 2, 1, 0))
    with serving() as fake:
        connection = Connection(base_url=fake.url)
        found = probe(connection, "fake", HttpClient(fake.url))
        tokens = ServerTokenizer(HttpClient(fake.url), "fake")
        backend = ServedBackend(connection, "fake", capabilities=found, tokenizer=tokens)
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
