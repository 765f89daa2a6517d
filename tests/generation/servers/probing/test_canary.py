"""The canary against servers that bias, pretend, refuse, turn signs round."""

from typing import Any

import pytest

from core.domain.connections import Connection
from core.domain.registries.capabilities import Canary
from core.generation.servers.http_client import HttpClient
from core.generation.servers.probing.canary import first_word, repeats
from core.generation.servers.probing.probe import probe
from tests.generation.servers.fake_server import Quirks, serving


def flown(quirks: Quirks) -> tuple[Canary, list[Any]]:
    with serving(quirks) as fake:
        found = probe(Connection(base_url=fake.url), "fake", HttpClient(fake.url))
    assert found.logit_bias == found.canary.support
    bodies = fake.bodies("/v1/chat/completions")
    return found.canary, [body["logit_bias"] for body in bodies if "logit_bias" in body]


def test_it_lives_where_a_bias_does_what_it_says() -> None:
    canary, sent = flown(Quirks())
    assert (canary.verdict, canary.support) == ("exact", "exact")
    assert canary.untouched == "Once upon a"
    assert canary.forced == " seven"
    assert canary.forced_answer == " seven seven seven"
    assert {"Once", "O", "o"} <= set(canary.removed)
    assert first_word(canary.removed_answer) != "once"
    assert len(sent) == 2
    assert list(sent[0].values()) == [100.0]
    assert set(sent[1].values()) == {-100.0}
    assert len(sent[1]) <= 100


@pytest.mark.parametrize(
    ("quirks", "verdict", "support", "requests"),
    [
        (Quirks(ignored=frozenset({"logit_bias"})), "ignored", "ignored", 3),
        (Quirks(refused=frozenset({"logit_bias"})), "refused", "refused", 1),
        (Quirks(reversed_bias=True), "reversed", "wrong", 3),
        (Quirks(floor=True), "partial", "wrong", 2),
    ],
)
def test_it_tells_how_a_server_fails(
    quirks: Quirks, verdict: str, support: str, requests: int
) -> None:
    canary, sent = flown(quirks)
    assert (canary.verdict, canary.support) == (verdict, support)
    assert canary.why.endswith(".")
    assert len(sent) == requests


def test_an_answer_of_one_token_alone() -> None:
    assert repeats(" seven seven", " seven")
    assert repeats("sevenseven", " seven")
    assert not repeats("seven eight", " seven")
    assert not repeats("", " seven")
    assert not repeats("seven", " ")
    assert (first_word(" The Red"), first_word(" ")) == ("the", "")
