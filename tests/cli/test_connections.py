"""`connections`: added, changed, listed and removed; what is not named stays."""

import json

import pytest

from core.cli import main
from core.connections import Connection, Prices
from core.settings import Home
from core.store.connections import list_connections
from core.store.database import open_database

Capture = pytest.CaptureFixture[str]
URL = ("--base-url", "http://HOST:80/v1/")


def test_a_server_comes_changes_and_goes(home: Home, capsys: Capture) -> None:
    assert main(("connections",)) == 0
    assert capsys.readouterr().out.startswith("No servers.")
    words = ("--key-variable", "MY_KEY", "--price-in", "0.5", "--name", "Ours")
    assert main(("connections", "add", *URL, *words)) == 0
    assert capsys.readouterr().out == "http://host/v1 'Ours': key in MY_KEY, prices unknown\n"
    more = ("--price-out", "2", "--currency", "EUR", "--model", "m", "--requests-at-once", "3")
    assert main(("connections", "add", *URL, *more, "--tokenizer", "tiktoken:o200k_base")) == 0
    wanted = "http://host/v1 'Ours': key in MY_KEY, 0.5 in, 2 out EUR a million, model m\n"
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
