"""The served backend: order, turns, stopping, token ids, and resuming without asking twice."""

import json
import time
from typing import Any

import pytest

from core.domain.conditions import Suppression
from core.domain.errors import BackendFailed, Pausing
from core.domain.registries.capabilities import Canary, Capabilities
from core.domain.runs import Attempt
from core.domain.settings import Home
from core.domain.spending import SpendingLimit
from core.generation.backends import Backend, Completion, Request
from core.generation.prompts import Prompt
from core.generation.servers.backend import ServedBackend
from core.store.connections import save_capabilities
from core.store.database import Database
from core.store.generation.samples import samples_of
from tests.faults.misbehaving import Exchange, Misbehaving, well
from tests.faults.serving import Runs
from tests.generation.servers.fake_tokenizer import FakeTokenizer
from tests.store.making import clock, db, home, real_db

__all__ = ["clock", "db", "home", "real_db"]


def requests(*counts: int) -> list[Request]:
    return [
        Request(Prompt(f'label {place}: "'), tuple(range(count)), (), (3, 2, 1, place))
        for place, count in enumerate(counts)
    ]


def collected(backend: Backend, asked: list[Request], condition: Any, **more: Any) -> Any:
    steps = backend.complete(
        asked, condition, first_soon=False, between_steps=more.get("between", lambda: None)
    )
    return [completion for batch in steps for completion in batch]


def echo(exchange: Exchange) -> None:
    """Says which label was asked; the first request's answers come last."""
    prompt = exchange.body["prompt"]
    if prompt.startswith("label 0"):
        time.sleep(0.1)
    exchange.send(200, json.dumps(exchange.answer(exchange.choices(text=prompt[:7]))))


@pytest.mark.parametrize("n", ["exact", "refused", "unknown"])
def test_every_text_has_its_own_place_whatever_comes_first(
    home: Home, real_db: Database, n: str
) -> None:
    with (
        Misbehaving(then=echo) as server,
        Runs(home, real_db, server, at_once=4, known={"n": n}) as runs,
    ):
        found: list[Completion] = collected(runs.backend, requests(3, 2), runs.spec().condition)
        sizes = sorted(exchange.body.get("n", 1) for exchange in server.seen)
    assert sizes == ([2, 3] if n == "exact" else [1] * 5)
    assert found[0].request == 1  # handed on as it comes
    places = sorted((c.request, c.index, c.text) for c in found)
    assert places == [(0, i, "label 0") for i in range(3)] + [(1, i, "label 1") for i in range(2)]


def test_others_get_their_turn_while_a_server_thinks(home: Home, real_db: Database) -> None:
    def slow(exchange: Exchange) -> None:
        time.sleep(0.5)
        well(exchange)

    turns: list[float] = []
    with Misbehaving(then=slow) as server, Runs(home, real_db, server) as runs:
        collected(
            runs.backend,
            requests(1),
            runs.spec().condition,
            between=lambda: turns.append(time.monotonic()),
        )
    assert len(turns) >= 8  # every 50 ms at least, on a busy machine too


def test_stop_cuts_off_what_is_under_way_and_records_it(home: Home, real_db: Database) -> None:
    class Stop(Exception):
        pass

    def slow(exchange: Exchange) -> None:
        time.sleep(1)

    told: list[Attempt] = []
    with Misbehaving(then=slow) as server, Runs(home, real_db, server, at_once=2) as runs:

        def stop() -> None:
            if server.seen:
                raise Stop

        run = runs.backend.for_run(runs.spec(), record=told.append)
        began = time.monotonic()
        with pytest.raises(Stop):
            collected(run, requests(5), runs.spec().condition, between=stop)
        assert time.monotonic() - began < 0.9
        assert 1 <= len(server.seen) <= 2
    assert {attempt.outcome for attempt in told} == {"cancelled"}


def test_token_ids_come_from_the_text(home: Home, real_db: Database) -> None:
    with Misbehaving() as server, Runs(home, real_db, server) as runs:
        runs.backend.tokenizer = FakeTokenizer()
        (found,) = collected(runs.backend, requests(1), runs.spec().condition)
        assert runs.backend.exempt_tokens == {0, 1}
        assert [runs.backend.token_text(token) for token in found.token_ids] == ["text", "0", "0"]
        runs.backend.tokenizer = None
        (found,) = collected(runs.backend, requests(1), runs.spec().condition)
        assert (found.token_ids, found.fluency) == ((), None)
        assert runs.backend.token_text(7) == "token 7"


def test_a_paid_text_is_kept_when_the_tokenizer_fails(home: Home, real_db: Database) -> None:
    class Gone(FakeTokenizer):
        def encode(self, text: str) -> list[int]:
            raise BackendFailed("The tokenizer is gone.")

    with Misbehaving() as server, Runs(home, real_db, server) as runs:
        runs.backend.tokenizer = Gone()
        found: list[Completion] = []
        with pytest.raises(Pausing, match="tokenizer is gone"):
            for batch in runs.backend.complete(
                requests(1), runs.spec().condition, between_steps=lambda: None
            ):
                found += batch
        assert [completion.text for completion in found] == ["text 0 0"]


def test_suppression_sends_biases_of_what_was_written(home: Home, real_db: Database) -> None:
    known = {"canary": Canary(verdict="exact"), "tokenizer": "fake"}
    with Misbehaving() as server, Runs(home, real_db, server, known=known) as runs:
        runs.backend.tokenizer = tokens = FakeTokenizer()
        ended = runs.run(suppression=Suppression(7.5, tokens=1), per_label=4)
        last = server.seen[-1].body["logit_bias"]
    assert ended.job.state == "done"
    # The texts are "text 0 0", "text 1 0" and so on: "0" is more than 1 %, so it has the full bias.
    assert last == {str(tokens.words.index("0")): -7.5}
    assert "logit_bias" not in server.seen[0].body


def test_metadata_names_route_and_method_really_used(home: Home, real_db: Database) -> None:
    with Misbehaving() as server, Runs(home, real_db, server, known={"n": "exact"}) as runs:
        backend: ServedBackend = runs.backend
        text = backend.for_run(runs.spec()).metadata
        assert (text.api, text.suppression) == ("completions", "none")
        assert (text.model, text.base_url) == ("m", server.base_url)
        assert (text.several_texts, text.seed, text.tokenizer) == (True, False, "")
        wish = runs.spec(prompt="chat", suppression=Suppression(7.5, method="avoid_words"))
        chat = backend.for_run(wish).metadata
        assert (chat.api, chat.suppression) == ("chat", "avoid_words")


def test_resumed_it_asks_only_for_what_is_missing(home: Home, real_db: Database) -> None:
    def until_three(exchange: Exchange) -> None:
        if exchange.number == 3:
            return exchange.send(401, "{}")
        return well(exchange)

    with Misbehaving(then=until_three) as server, Runs(home, real_db, server) as runs:
        failed = runs.run(per_label=3, size=3)
        assert (failed.job.state, len(failed.samples)) == ("failed", 3)
        server.order(then=well)
        done = runs.resume(failed.job)
        assert len(server.seen) == 7  # three, one refused, three
    assert done.job.state == "done"
    assert samples_of(real_db, str(done.job.run_id))[:3] == failed.samples
    assert len({(s.cycle, s.label, s.index) for s in done.samples}) == 6


def test_words_to_avoid_are_asked_for_in_the_prompt(home: Home, real_db: Database) -> None:
    wish = Suppression(7.5, method="avoid_words")
    with Misbehaving() as server, Runs(home, real_db, server) as runs:
        runs.run(per_label=4, suppression=wish)
        prompts = [exchange.body["prompt"] for exchange in server.seen]
        assert not any("logit_bias" in exchange.body for exchange in server.seen)
    assert not any("Avoid" in prompt for prompt in prompts[:4])
    assert all("Avoid these words: text." in prompt for prompt in prompts[4:])


@pytest.mark.parametrize(
    ("several", "cap", "sizes", "tokens_out"),
    [
        ("exact", SpendingLimit(tokens=10_000), [2, 2], 10),
        ("wrong", SpendingLimit(tokens=10_000), [1, 1, 1, 1], 5),
        ("unknown", SpendingLimit(tokens=10_000), [1, 1, 1, 1], 5),
        ("wrong", SpendingLimit(requests=9), [2, 2], None),
        ("wrong", None, [2, 2], None),
        ("unknown", None, [2, 2], None),
        ("exact", None, [2, 2], 10),
    ],
)
def test_tokens_of_several_texts_count_only_if_all_are_reported(
    home: Home,
    real_db: Database,
    several: str,
    cap: SpendingLimit | None,
    sizes: list[int],
    tokens_out: int | None,
) -> None:
    known = {"n": "exact", "usage": "exact", "usage_of_several": several}
    with Misbehaving() as server, Runs(home, real_db, server, known=known) as runs:
        save_capabilities(real_db, Capabilities(base_url=server.base_url, model="m", **known))
        ended = runs.run(cap=cap)
        assert [exchange.body.get("n", 1) for exchange in server.seen] == sizes
    assert (ended.job.state, len(ended.samples)) == ("done", 4)
    assert {attempt.tokens_out for attempt in ended.attempts} == {tokens_out}
    told = ended.job.last_report["spending"]["tokens_out"]
    assert told == (None if tokens_out is None else 20)
