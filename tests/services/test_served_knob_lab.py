"""The knob lab over a server: one request, and the knobs applied to what it tells."""

import json
import math
from typing import Any

import pytest

from core.domain.conditions import Condition, Suppression
from core.domain.connections import Connection
from core.domain.errors import NoAnswer
from core.domain.next_token import NextToken
from core.domain.registries.capabilities import Capabilities
from core.domain.runs import ModelChoice, RunSpec
from core.generation.servers.backend import ServedBackend
from core.services.knob_lab import first_tokens
from tests.faults.misbehaving import Exchange, Misbehaving
from tests.generation.servers.fake_tokenizer import FakeTokenizer
from tests.store.making import TASK, make_sample

ODDS = [("the", 0.5), ("\u0120a", 0.25), ("so", 0.125)]


def telling(exchange: Exchange) -> None:
    said: dict[str, Any] = {"index": 0, "finish_reason": "length", "message": {"content": "the"}}
    listed = [{"token": token, "logprob": math.log(share)} for token, share in ODDS]
    said |= {"logprobs": {"content": [{"token": "the", "top_logprobs": listed}]}}
    exchange.send(200, json.dumps(exchange.answer([said])))


def spec_at(server: Misbehaving, strength: float = 0.0, temperature: float = 1.0) -> RunSpec:
    condition = Condition(
        temperature=temperature,
        frequency_penalty=0.0,
        suppression=Suppression(strength=strength),
    )
    model = ModelChoice(backend="openai", model="m", base_url=server.base_url)
    return RunSpec(TASK, condition, model=model)


def backend_at(server: Misbehaving, **known: Any) -> ServedBackend:
    found = {"top_logprobs": "exact", "most_logprobs": 3, **known}
    return ServedBackend(
        Connection(base_url=server.base_url),
        "m",
        tokenizer=FakeTokenizer(words=["<end>", '"', "the", "film"]),
        capabilities=Capabilities(base_url=server.base_url, model="m", **found),
    )


def ask(backend: ServedBackend, spec: RunSpec, told: dict[Any, Any], **more: Any) -> NextToken:
    samples = more.pop("samples", [])
    return first_tokens(
        backend,
        spec,
        label_index=0,
        prefix=more.pop("prefix", ""),
        samples=samples,
        cache=told,
    )


def test_the_knobs_are_applied_to_what_is_known_and_ask_once() -> None:
    with Misbehaving(then=telling) as server:
        backend, told = backend_at(server), {}
        found = ask(backend, spec_at(server), told)
        assert [token.text for token in found.change.tokens] == ["the", " a", "so"]
        assert [token.before for token in found.change.tokens] == pytest.approx(
            [4 / 7, 2 / 7, 1 / 7]
        )
        assert found.known == pytest.approx(0.875)
        assert found.change.moved == pytest.approx(0, abs=1e-6)
        # A moved knob asks nothing more. "the" is half of what was written: the whole bias.
        written = [make_sample("r", 0, token_ids=(2, 3))]
        first = ask(backend, spec_at(server, 1.0), told, samples=written)
        assert len(server.seen) == 2  # its prompt has an example now
        again = ask(backend, spec_at(server, 1.0, temperature=0.5), told, samples=written)
        assert len(server.seen) == 2
    assert [token.bias for token in first.change.tokens] == pytest.approx([-1, 0, 0])
    odds = [4 * math.exp(-1), 2, 1]
    assert [token.after for token in first.change.tokens] == pytest.approx(
        [one / sum(odds) for one in odds]
    )
    assert first.suppressed == 1
    squared = [one**2 for one in odds]
    assert [token.after for token in again.change.tokens] == pytest.approx(
        [one / sum(squared) for one in squared]
    )
    body = server.seen[0].body
    assert (body["max_tokens"], body["top_logprobs"], len(body["messages"])) == (1, 3, 1)


def test_what_a_server_does_not_tell_is_said() -> None:
    with Misbehaving(then=telling) as server:
        silent = backend_at(server, top_logprobs="ignored")
        with pytest.raises(NoAnswer, match="does not tell"):
            ask(silent, spec_at(server), {})
        with pytest.raises(NoAnswer, match="first token"):
            ask(backend_at(server), spec_at(server), {}, prefix="The")
        assert server.seen == []
