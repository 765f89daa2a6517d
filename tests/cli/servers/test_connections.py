"""`connections`: added, changed, listed and removed; what is not named stays."""

import json

import pytest

from core.cli import main
from core.domain.connections import Connection, Prices
from core.domain.settings import Home
from core.store.connections import list_connections
from core.store.database import open_database
from tests.generation.servers.fake_server import Quirks, serving

Capture = pytest.CaptureFixture[str]
URL = ("--base-url", "http://HOST:80/v1/")


def test_a_server_comes_changes_and_goes(home: Home, capsys: Capture) -> None:
    assert main(("connections",)) == 0
    assert capsys.readouterr().out.startswith("No servers.")
    words = ("--key-variable", "MY_KEY", "--price-in", "0.5", "--name", "Ours")
    assert main(("connections", "add", *URL, *words)) == 0
    assert (
        capsys.readouterr().out
        == "http://host/v1 'Ours': key in MY_KEY, prices unknown; never asked\n"
    )
    more = ("--price-out", "2", "--currency", "EUR", "--model", "m", "--requests-at-once", "3")
    assert main(("connections", "add", *URL, *more, "--tokenizer", "tiktoken:o200k_base")) == 0
    wanted = "http://host/v1 'Ours': key in MY_KEY, 0.5 in, 2 out EUR per million, model m; "
    wanted += "never asked\n"
    assert capsys.readouterr().out == wanted
    db = open_database(home)
    assert list_connections(db) == [
        Connection(
            base_url="http://host/v1",
            name="Ours",
            model="m",
            key_variable="MY_KEY",
            tokenizer="tiktoken",
            tokenizer_name="o200k_base",
            prices=Prices(tokens_in=0.5, tokens_out=2.0, currency="EUR"),
            requests_at_once=3,
        )
    ]
    assert main(("connections", "remove", *URL, "--json")) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert main(("connections", "remove", *URL)) == 2
    assert "no connection to" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add",), "not named"),
        (("add", *URL, "--key-variable", "sk-123"), "no name of one"),
        (("add", *URL, "--price-in", "-1"), "not from 0"),
        (("add", *URL, "--price-in", "nan"), "not from 0"),
        (("add", "--base-url", "ftp://h"), "no address of http"),
    ],
)
def test_what_is_refused(home: Home, capsys: Capture, words: tuple[str, ...], said: str) -> None:
    assert main(("connections", *words)) == 2
    err = capsys.readouterr().err
    assert said in err
    assert "sk-123" not in err
    assert list_connections(open_database(home)) == []


def test_the_list_tells_the_last_that_is_known(home: Home, capsys: Capture) -> None:
    with serving(Quirks(status=500)) as fake:
        assert main(("connections", "add", "--base-url", fake.url)) == 0
        capsys.readouterr()
        words = ("generate", "--task", "sst2", "--per-label", "1", "--backend", "openai")
        assert main((*words, "--base-url", fake.url, "--model", "fake")) == 1
        capsys.readouterr()
        assert main(("connections",)) == 0
        shown = capsys.readouterr().out
        assert "; run failed 2" in shown
        assert f": The server at {fake.url} failed (500)." in shown
        fake.quirks.status = 200
        assert main(("probe", "--base-url", fake.url, "--model", "fake")) == 0
        capsys.readouterr()
        assert main(("connections",)) == 0
        assert "model fake; test passed 2" in capsys.readouterr().out
        assert main(("connections", "--json")) == 0
        last = json.loads(capsys.readouterr().out)[0]["last"]
    assert (last["by"], last["well"], last["model"], last["why"]) == ("test", True, "fake", "")
