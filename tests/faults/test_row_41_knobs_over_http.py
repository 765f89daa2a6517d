"""Faults 41 and 42 over HTTP: what is out of range, or could only be pretended, is never sent."""

from typing import Any

import pytest

from core.domain.conditions import Suppression
from core.domain.errors import BadInput
from core.domain.registries.capabilities import Canary
from core.domain.settings import Home
from core.generation.backends import Request
from core.generation.prompts import Prompt
from core.store.database import Database
from tests.faults.misbehaving import Misbehaving
from tests.faults.serving import Runs
from tests.generation.servers.fake_tokenizer import FakeTokenizer

LIVES = {"canary": Canary(verdict="exact"), "logit_bias": "exact", "tokenizer": "fake"}


@pytest.mark.parametrize(
    ("known", "tokens", "knobs", "said"),
    [
        ({"temperature": "refused"}, False, {"temperature": 0.7}, "temperature 0.7 would have no"),
        ({"top_p": "ignored"}, False, {"top_p": 0.5}, "top_p 0.5 would have no effect"),
        ({"min_p": "refused"}, False, {"min_p": 0.1}, "min_p 0.1 would have no effect"),
        ({"frequency_penalty": "ignored"}, False, {"frequency_penalty": 1.0}, "frequency penalty"),
        ({}, True, {"suppression": Suppression(7.5)}, "was not tested yet"),
        (
            {"canary": Canary(verdict="ignored")},
            True,
            {"suppression": Suppression(7.5)},
            "Logit bias is ignored",
        ),
        (LIVES, False, {"suppression": Suppression(7.5)}, "never guessed"),
        (LIVES, True, {"logit_bias": ((1000, 1.0),)}, "outside the model's vocabulary"),
    ],
    ids=["temperature", "top_p", "min_p", "penalty", "unknown", "ignored", "no ids", "no token"],
)
def test_it_fails_before_a_request_is_sent(
    home: Home,
    real_db: Database,
    known: dict[str, Any],
    tokens: bool,
    knobs: dict[str, Any],
    said: str,
) -> None:
    with Misbehaving() as server, Runs(home, real_db, server, known=known) as runs:
        runs.backend.tokenizer = FakeTokenizer() if tokens else None
        ended = runs.run(**knobs)
        assert server.seen == []
    assert ended.job.state == "failed"
    assert said in ended.job.message
    assert ended.attempts == []


def test_suppressed_and_fixed_biases_are_300_together(home: Home, real_db: Database) -> None:
    fixed = tuple((token, 1.0) for token in range(201))
    suppressed = tuple((token, -1.0) for token in range(200, 300))
    with Misbehaving() as server, Runs(home, real_db, server, known=LIVES) as runs:
        runs.backend.tokenizer = FakeTokenizer()
        condition = runs.spec(suppression=Suppression(7.5), logit_bias=fixed).condition

        def send(biases: tuple[tuple[int, float], ...]) -> None:
            request = Request(Prompt("p"), (0,), biases, (1, 2, 1, 0))
            list(runs.backend.complete([request], condition, between_steps=lambda: None))

        send(suppressed)
        (sent,) = server.seen
        assert len(sent.body["logit_bias"]) == 300
        assert sent.body["logit_bias"]["200"] == 0.0  # 1 of the user's, -1 of the suppression
        with pytest.raises(BadInput, match="There are 301 logit biases"):
            send((*suppressed, (300, -1.0)))
        assert len(server.seen) == 1
