"""A probe against a server that obeys, and against servers that pretend or refuse."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from core.domain.connections import Connection
from core.domain.errors import BackendFailed, BadInput
from core.domain.registries.capabilities import (
    Capabilities,
    capability_table,
)
from core.domain.serialization import from_json, to_json
from core.generation.servers.http_client import HttpClient, HttpResponse
from core.generation.servers.keys import Key
from core.generation.servers.probing.probe import probe
from core.generation.servers.probing.questions import is_listed, list_models
from tests.generation.servers.fake_server import KEY, VOCABULARY, Fake, Quirks, serving

KNOBS = ("temperature", "top_p", "top_k", "min_p", "frequency_penalty", "seed", "stop", "n")
OTHERS = ("logit_bias", "top_logprobs", "completions", "streaming", "usage", "system_role")


def probed(fake: Fake, key: str | None = None) -> Capabilities:
    client = HttpClient(fake.url, key=None if key is None else Key(key, base_url=fake.url))
    return probe(Connection(base_url=fake.url), "fake", client)


def test_all_of_a_server_that_obeys_works() -> None:
    with serving() as fake:
        found = probed(fake)
    assert {name: getattr(found, name) for name in (*KNOBS, *OTHERS)} == dict.fromkeys(
        (*KNOBS, *OTHERS), "exact"
    )
    assert found.can_suppress
    assert (found.server, found.models) == ("llama.cpp", ("fake", "other"))
    assert (found.tokenizer, found.tokenizer_kind) == ("server", "server")
    assert (found.vocabulary, found.most_logprobs) == (len(VOCABULARY), 20)
    assert found.token_field == "max_tokens"
    assert found.notes == ()
    posted = [body for path, body, _ in fake.asked if path.endswith("completions")]
    assert found.requests == len(posted) <= 20
    assert max(body["max_tokens"] for body in posted) == 24
    assert found.latency_ms is not None
    assert found.latency_ms > 0
    # The fake reports 7 tokens of every prompt but the streamed one.
    assert found.tokens_in == 7 * (found.requests - 1)
    assert from_json(Capabilities, json.loads(json.dumps(to_json(found)))) == found


@pytest.mark.parametrize("knob", ["top_p", "top_k", "min_p", "frequency_penalty", "stop", "n"])
def test_a_knob_without_effect_is_ignored_though_accepted(knob: str) -> None:
    with serving(Quirks(ignored=frozenset({knob}))) as fake:
        found = probed(fake)
    assert getattr(found, knob) == "ignored"
    others = {*KNOBS, *OTHERS} - {knob}
    assert {getattr(found, name) for name in others} == {"exact"}


@pytest.mark.parametrize(
    ("parameter", "knob"),
    [
        ("top_k", "top_k"),
        ("min_p", "min_p"),
        ("n", "n"),
        ("stop", "stop"),
        ("frequency_penalty", "frequency_penalty"),
        ("logprobs", "top_logprobs"),
        ("completions", "completions"),
        ("stream", "streaming"),
        ("system_role", "system_role"),
        ("logit_bias", "logit_bias"),
    ],
)
def test_a_refused_parameter_is_named(parameter: str, knob: str) -> None:
    with serving(Quirks(refused=frozenset({parameter}))) as fake:
        found = probed(fake)
    assert getattr(found, knob) == "refused"
    assert {getattr(found, name) for name in {*KNOBS, *OTHERS} - {knob}} == {"exact"}
    if knob != "logit_bias":  # the canary says it itself
        assert any(f"'{parameter}'" in note for note in found.notes)


def test_a_reasoning_models_refusals_are_worked_round() -> None:
    refused = frozenset({"max_tokens", "temperature", "logit_bias", "completions"})
    with serving(Quirks(refused=refused)) as fake:
        found = probed(fake)
    assert found.token_field == "max_completion_tokens"
    assert (found.temperature, found.logit_bias) == ("refused", "refused")
    # Without a temperature nothing shows whether the narrowing knobs do anything.
    assert (found.top_p, found.min_p, found.seed) == ("unknown", "unknown", "unknown")


def test_a_model_that_is_never_cold_leaves_the_knobs_unknown() -> None:
    with serving(Quirks(ignored=frozenset({"temperature", "seed"}))) as fake:
        found = probed(fake)
    assert {getattr(found, knob) for knob in KNOBS if knob != "n"} == {"unknown"}
    assert found.n == "exact"
    assert found.notes[0].startswith("At temperature 0 the model gave two different answers")


def test_a_model_that_is_never_hot() -> None:
    with serving(Quirks(cold=True)) as fake:
        found = probed(fake)
    assert (found.temperature, found.seed, found.min_p) == ("ignored", "unknown", "unknown")
    assert (found.stop, found.frequency_penalty) == ("exact", "exact")


@pytest.mark.parametrize(
    ("quirks", "wanted"),
    [
        (Quirks(), "exact"),
        (Quirks(usage_of_one=True), "wrong"),
        (Quirks(usage=False), "ignored"),
        (Quirks(ignored=frozenset({"n"})), "unknown"),
        (Quirks(refused=frozenset({"n"})), "unknown"),
    ],
)
def test_tokens_of_several_texts_are_the_tokens_of_all(quirks: Quirks, wanted: str) -> None:
    with serving(quirks) as fake:
        found = probed(fake)
    assert found.usage_of_several == wanted
    assert any("tokens of one" in note for note in found.notes) == (wanted == "wrong")


def test_a_text_that_ends_early_does_not_leave_the_tokens_of_several_unknown() -> None:
    early: list[dict[str, Any]] = []

    class FirstEndsEarly(HttpClient):
        def ask(
            self, path: str, body: Mapping[str, Any] | None = None, *, root: bool = False
        ) -> HttpResponse:
            reply = super().ask(path, body, root=root)
            if body is not None and body.get("n") == 2 and not early:
                early.append(reply.data["choices"][0])
                early[0]["finish_reason"] = "stop"
            return reply

    with serving(Quirks(usage_of_one=True)) as fake:
        found = probe(Connection(base_url=fake.url), "fake", FirstEndsEarly(fake.url))
    assert early
    assert found.usage_of_several == "wrong"


def test_no_usage_stays_unknown() -> None:
    with serving(Quirks(usage=False)) as fake:
        found = probed(fake)
    assert (found.usage, found.tokens_in, found.tokens_out) == ("ignored", None, None)


def test_without_a_tokenizer_there_is_no_canary() -> None:
    with serving(Quirks(tokenizer="")) as fake:
        found = probed(fake)
    assert (found.tokenizer, found.logit_bias, found.can_suppress) == ("", "unknown", False)
    assert "no /tokenize" in found.tokenizer_note
    assert "logit_bias" not in {name for _, body, _ in fake.asked for name in body or ()}
    row = next(row for row in capability_table(found) if row.key == "logit_bias")
    assert (row.support, row.words) == ("unknown", "unknown")
    assert row.meaning


@pytest.mark.parametrize(
    ("status", "error", "said"),
    [(401, BadInput, "key"), (404, BadInput, "model"), (500, BackendFailed, "500")],
)
def test_a_server_that_turns_all_down_is_an_error_without_the_key(
    status: int, error: type[Exception], said: str
) -> None:
    with serving(Quirks(status=status)) as fake, pytest.raises(error, match=said) as caught:
        probed(fake, KEY)
    assert fake.asked[0][2] == f"Bearer {KEY}"
    assert KEY not in str(caught.value)
    assert KEY[:12] not in str(caught.value)


def test_a_server_that_falls_silent_leaves_the_rest_unknown() -> None:
    with serving(Quirks(silent=6)) as fake:
        found = probed(fake)
    assert (found.temperature, found.seed) == ("exact", "exact")
    assert {found.min_p, found.n, found.completions, found.logit_bias} == {"unknown"}
    assert "The probe was broken off; what is missing stays unknown." in found.notes


def test_no_server_at_all() -> None:
    with serving() as fake:
        pass
    with pytest.raises(BackendFailed, match="can't be reached"):
        probed(fake)


def test_the_table_says_what_is_lost() -> None:
    found = Capabilities(base_url="http://a/v1", model="m", n="ignored", usage="refused")
    rows = {row.key: row for row in capability_table(found)}
    assert [row.title for row in capability_table(found)][:2] == ["Temperature", "Logit bias"]
    assert rows["n"].words == "accepted, without effect"
    assert rows["usage"].meaning.startswith("What is spent stays unknown")
    assert rows["seed"].meaning == ""
    every = replace(found, top_logprobs="exact", most_logprobs=5)
    assert {row.key: row for row in capability_table(every)}["top_logprobs"].meaning == "5 at most."


def test_a_model_that_is_not_listed_is_told_though_it_answered() -> None:
    with serving() as fake:
        found = probe(Connection(base_url=fake.url), "fakes", HttpClient(fake.url))
    assert found.notes == (
        "The server does not list 'fakes'; it answered all the same. See that the name is meant: "
        "some servers answer to any.",
    )
    assert found.can_suppress


def test_a_model_that_is_not_listed_and_refused_is_told_with_those_that_are() -> None:
    with (
        serving(Quirks(status=404)) as fake,
        pytest.raises(BadInput, match=r"It does not list 'fakes'\.") as caught,
    ):
        probe(Connection(base_url=fake.url), "fakes", HttpClient(fake.url))
    assert caught.value.remedy == "Choose one of those that it lists: fake, other"


def test_a_base_url_without_v1_is_told_where_the_models_are() -> None:
    with serving(Quirks(status=404)) as fake:
        bare = fake.url.removesuffix("/v1")
        with pytest.raises(BadInput, match="404") as caught:
            probe(Connection(base_url=bare), "fake", HttpClient(bare))
    assert caught.value.remedy == f"Give {fake.url} as the base URL: it lists models there."


class Listing:
    """Answers `/models` with these and all else with 404."""

    def __init__(self, path: str, *entries: object) -> None:
        self._path, self._entries = path, entries

    def ask(
        self, path: str, body: Mapping[str, Any] | None = None, *, root: bool = False
    ) -> HttpResponse:
        known = path == self._path
        return HttpResponse(200 if known else 404, {"data": list(self._entries)} if known else None)


def test_names_are_listed_once_in_order_and_junk_is_left_out() -> None:
    entries = (
        {"id": "b"},
        {"id": " "},
        "junk",
        {"id": 3},
        {"id": "\ud83d"},
        {"id": "a/x:7b"},
        {"id": "b"},
    )
    connection = Connection(base_url="http://h/v1")
    assert list_models(connection, Listing("/models", *entries)) == ("b", "a/x:7b")
    with pytest.raises(BackendFailed, match="404"):
        list_models(connection, Listing("/v1/models", *entries))
    with pytest.raises(BackendFailed) as caught:
        list_models(Connection(base_url="http://h"), Listing("/v1/models", *entries))
    assert caught.value.remedy == "Give http://h/v1 as the base URL: it lists models there."


def test_a_latest_model_goes_by_its_name_alone_too() -> None:
    names = ["llama3:latest", "qwen:0.5b"]
    assert [is_listed(name, names) for name in ("llama3", "llama3:latest", "qwen")] == [
        True,
        True,
        False,
    ]
