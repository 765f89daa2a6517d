"""`probe`: the capability table, for people and as JSON, without a word of the key."""

import json

import pytest

from core.cli import main
from core.domain.connections import Connection
from core.domain.registries.capabilities import Capabilities
from core.domain.serialization import from_json
from core.domain.settings import Home
from core.store.connections import (
    find_capabilities,
    find_connection,
    get_connection,
    save_connection,
)
from core.store.database import open_database
from tests.generation.servers.fake_server import KEY, Quirks, serving

Capture = pytest.CaptureFixture[str]


def probe(url: str, *more: str) -> int:
    return main(["probe", "--base-url", url, "--model", "fake", *more])


def test_the_table_in_plain_words(home: Home, capsys: Capture) -> None:
    with serving(Quirks(ignored=frozenset({"logit_bias"}), usage=False)) as fake:
        assert probe(fake.url) == 0
        assert probe(fake.url.replace("127.0.0.1", "LOCALHOST") + "/") == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == f"fake at {fake.url} (llama.cpp)"
    assert out[1].split() == ["Temperature", "works"]
    told = " ".join(out[2].split())
    assert told.startswith("Logit bias accepted, without effect The server accepts")
    assert "Tokenizer: server" in out
    assert any("tokens: unknown." in line for line in out)


def test_json_and_what_is_kept(home: Home, capsys: Capture) -> None:
    with serving() as fake:
        assert probe(fake.url, "--json", "--tokenizer", "server") == 0
    told = json.loads(capsys.readouterr().out)
    rows = {row["key"]: row["support"] for row in told["table"]}
    assert rows["logit_bias"] == rows["n"] == told["min_p"] == "exact"
    assert told["canary"]["verdict"] == "exact"
    db = open_database(home)
    kept = find_capabilities(db, fake.url, "fake")
    assert kept is not None
    assert kept.capabilities == from_json(Capabilities, told)
    assert told["probed_at"] == kept.created_at
    assert get_connection(db, fake.url).tokenizer == "server"


def test_only_a_model_that_answered_is_proposed(home: Home, capsys: Capture) -> None:
    with serving(Quirks(status=404)) as fake:
        words = ("probe", "--base-url", fake.url, "--model", "unlisted")
        assert main(words) == 2
        assert "It does not list 'unlisted'. Choose one of" in capsys.readouterr().err
        db = open_database(home)
        assert find_connection(db, fake.url) is None
        save_connection(db, Connection(base_url=fake.url))
        fake.quirks.status = 200
        assert main(words) == 0
        assert "Note: The server does not list 'unlisted'" in capsys.readouterr().out
        assert get_connection(db, fake.url).model == "unlisted"
        assert probe(fake.url) == 0
        assert get_connection(db, fake.url).model == "unlisted"


def test_the_key_is_sent_and_shown_nowhere(
    home: Home, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    with serving() as fake:
        assert probe(fake.url, "--key-variable", "MY_KEY") == 0
        assert {sent for _, _, sent in fake.asked} == {f"Bearer {KEY}"}
        fake.quirks.status = 401
        assert probe(fake.url) == 2  # the connection remembers its variable
        assert fake.asked[-1][2] == f"Bearer {KEY}"
        fake.quirks.status = 500
        assert probe(fake.url, "--debug") == 1
    output = capsys.readouterr()
    assert "MY_KEY" in output.err
    for shown in (output.out, output.err, home.store.read_bytes().decode("latin-1")):
        assert KEY not in shown
        assert KEY[3:15] not in shown


@pytest.mark.parametrize(
    ("url", "more", "said"),
    [
        ("ftp://host/v1", (), "no address of http"),
        ("http://127.0.0.1:9/v1", ("--key-variable", "NOT_SET_1"), "NOT_SET_1 is not set"),
        ("http://127.0.0.1:9/v1", ("--key-variable", "sk-123"), "no name of one"),
        ("http://127.0.0.1:9/v1", ("--tokenizer", "magic"), "'magic' is unknown"),
        ("http://127.0.0.1:9/v1", ("--tokenizer", "huggingface"), "has no name"),
    ],
)
def test_what_cant_be_used_is_one_line(
    home: Home, capsys: Capture, url: str, more: tuple[str, ...], said: str
) -> None:
    assert probe(url, *more) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.count("\n") == 1
    assert said in output.err


def test_no_server(home: Home, capsys: Capture) -> None:
    with serving() as fake:
        pass
    assert probe(fake.url) == 1
    assert "can't be reached" in capsys.readouterr().err
