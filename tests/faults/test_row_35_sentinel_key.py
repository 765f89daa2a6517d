"""Fault 35: the key in an error, header or URL: found nowhere.

A sentinel is the key, the server repeats it wherever it can, and it is searched for in all that is
kept, logged, exported or raised. (What pages show is looked at in a browser.)
"""

import base64
import json
import logging
import pickle
import traceback
from pathlib import Path

import pytest

from core.cli import main
from core.domain.errors import BadInput
from core.domain.settings import Home
from core.generation.servers.keys import Key, redacted, server_message
from core.jobs.tools import WorkerTools
from core.store.bundle import pack
from core.store.database import Database
from tests.faults.misbehaving import Exchange, Misbehaving, Order, error, streamed, well
from tests.faults.serving import Runs

SENTINEL = "wideset-sentinel-0123456789-key"
FORMS = (
    SENTINEL,
    base64.b64encode(SENTINEL.encode()).decode(),
    SENTINEL[:16],
    SENTINEL[-16:],
)


def echo(exchange: Exchange) -> str:
    """What the server was given, said back."""
    given = exchange.headers["authorization"]
    return f"Bad key {given}, also {SENTINEL!r}, {SENTINEL[:20]}... and {SENTINEL[-18:]}"


def failing(status: int) -> Order:
    def order(exchange: Exchange) -> None:
        error(status, message=echo(exchange), headers={"X-Key": SENTINEL})(exchange)

    return order


def plain_text(exchange: Exchange) -> None:
    exchange.send(400, echo(exchange), kind="text/plain")


def as_a_text(exchange: Exchange) -> None:
    made = exchange.choices(text=f"my key is {SENTINEL} now", finish_reason=SENTINEL)
    exchange.send(200, json.dumps(exchange.answer(made)), headers={"X-Key": SENTINEL})


def found_in(folder: Path) -> list[str]:
    """Files under a folder that hold a form of the sentinel."""
    return [
        f"{path.name}: {form}"
        for path in folder.rglob("*")
        if path.is_file()
        for form in FORMS
        if form.encode() in path.read_bytes()
    ]


@pytest.mark.parametrize(
    "orders",
    [
        [failing(401)],
        [failing(429)] * 6,
        [failing(500)] * 6,
        [failing(400)],
        [plain_text],
        [as_a_text, well],
        [streamed(SENTINEL.encode())],
    ],
    ids=["401", "429", "500", "400", "plain text", "as a text", "stream"],
)
def test_it_is_in_no_store_log_export_or_trace(
    home: Home,
    real_db: Database,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    orders: list[Order],
) -> None:
    caplog.set_level(logging.DEBUG)
    with (
        Misbehaving(orders, then=well) as server,
        Runs(home, real_db, server, key=SENTINEL) as runs,
    ):
        ended = runs.run()
        sent = server.seen[0]
        assert sent.headers["authorization"] == f"Bearer {SENTINEL}"  # it is used at all
        assert SENTINEL not in sent.path + json.dumps(sent.body)
        for thing in (runs.backend, runs.backend.server, runs.backend.endpoint.client):
            assert SENTINEL not in repr(thing)
    monkeypatch.setenv("WIDESET_HOME", str(home.folder))
    out = tmp_path / "out"
    out.mkdir()
    for name in ("run.jsonl", "run.csv"):
        if ended.samples:
            assert main(["export", str(ended.job.run_id), "--out", str(out / name)]) == 0
    pack(real_db, out / "bundle.sqlite3")
    assert found_in(out) == []
    assert found_in(home.folder) == []
    said = [ended.said, caplog.text, *capsys.readouterr(), repr(ended), str(ended.job.last_report)]
    for form in FORMS:
        assert not any(form in part for part in said)


def test_a_traceback_does_not_hold_it(home: Home, real_db: Database) -> None:
    with (
        Misbehaving(then=failing(401)) as server,
        Runs(home, real_db, server, key=SENTINEL) as runs,
    ):
        spec = runs.spec()
        run = runs.backend.for_run(spec)
        from core.generation.backends import Request
        from core.generation.prompts import Prompt

        with pytest.raises(Exception, match="did not accept") as told:
            list(
                run.complete(
                    [Request(Prompt("p"), (0,), (), (1, 2, 1, 0))],
                    spec.condition,
                    between_steps=lambda: None,
                )
            )
        whole = "".join(traceback.format_exception(told.value))
    assert SENTINEL not in whole


def test_a_missing_key_names_its_variable_and_is_said_before_anything_is_sent(
    home: Home, real_db: Database
) -> None:
    with Misbehaving() as server, Runs(home, real_db, server, key=SENTINEL) as runs:
        tools = WorkerTools(home)
        with pytest.raises(BadInput, match="SERVER_KEY is not set"):
            tools.models.backend(runs.spec().model)
        assert server.seen == []


def test_a_key_is_in_no_words_about_it_and_in_no_pickle() -> None:
    key = Key(SENTINEL, base_url="http://127.0.0.1/v1")
    assert SENTINEL not in f"{key!r} {key}"
    with pytest.raises(TypeError):
        pickle.dumps(key)


def test_words_of_a_server_are_short_clean_and_without_keys() -> None:
    said = server_message(f"a\x1b[31m\n{SENTINEL}\u202e b" + "x" * 1000, [SENTINEL])
    assert said.startswith("a [31m [key] b")
    assert len(said) == 300
    assert server_message("Incorrect API key provided: sk-abc123***wxyz.") == (
        "Incorrect API key provided: [key]"
    )
    assert redacted("ollama said no", ["ollama"]) == "[key] said no"
    assert redacted("a%2Fb%2Fcdefghij", ["a/b/cdefghij"]) == "[key]"
