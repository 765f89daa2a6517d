"""`classify` of a server's model: cost before, spending after, the cap, and what can't be read."""

import json
import re
from pathlib import Path

import pytest

from core.cli import main
from core.domain.connections import Connection, Prices
from core.domain.registries.capabilities import Capabilities
from core.domain.settings import Home
from core.store.connections import save_capabilities, save_connection
from core.store.database import open_database
from tests.classification.llm.test_served_labels import saying
from tests.faults.misbehaving import Misbehaving

Capture = pytest.CaptureFixture[str]


def test_a_servers_answers_are_counted_and_paid_for(
    home: Home, tmp_path: Path, capsys: Capture
) -> None:
    path = tmp_path / "films.csv"
    rows = [
        f"{'superb' if n % 2 else 'dire'} {n},{'posi' if n % 2 else 'nega'}tive" for n in range(6)
    ]
    path.write_text("\n".join(["text,label", *rows]))
    db = open_database(home)

    def answer(text: str) -> str:
        return "I can't say" if text.endswith("5") else "AB"["dire" in text]

    with Misbehaving(then=saying(answer)) as server:
        save_connection(
            db, Connection(base_url=server.base_url, prices=Prices(tokens_in=1, tokens_out=2))
        )
        save_capabilities(db, Capabilities(base_url=server.base_url, model="m", usage="exact"))
        words = ["classify", "--test", str(path), "--task", "sst2", "--backend", "openai"]
        words += ["--base-url", server.base_url, "--model", "m"]
        assert main([*words, "--json"]) == 0
        out, err = capsys.readouterr()
        data = json.loads(out)
        assert data["accuracy"]["mean"] == pytest.approx(5 / 6)
        assert data["repeats"][0]["facts"]["not_parsed"] == 1
        assert data["per_label"]["(not parsed)"]["support"] == 0
        assert (data["spending"]["requests"], data["spending"]["tokens_in"]) == (6, 60)
        first, last = err.splitlines()
        assert first.startswith(f"Asking m at {server.base_url}: 6 requests; at most ")
        told = re.search(r"at most (\d+) tokens in and 48 out, (.*) USD\.$", first)
        assert told is not None
        assert float(told[2]) == pytest.approx((int(told[1]) + 2 * 48) / 1e6, rel=1e-3)
        assert last == "It took 6 requests, 60 tokens in, 30 tokens out; cost: 0.00012 USD."

        assert main(words) == 0
        assert "phrase answered, uncalibrated; not parsed: 1." in capsys.readouterr().out

        assert main([*words, "--max-requests", "2"]) == 1
        err = capsys.readouterr().err
        assert "The cap of 2 requests is reached" in err
        assert "It took 2 requests" in err
    with db.read() as connection:
        sent = connection.execute("SELECT run_id, outcome FROM attempts").fetchall()
    assert [tuple(row) for row in sent] == [(None, "ok")] * 14


def test_a_cap_is_for_a_server(home: Home, tmp_path: Path, capsys: Capture) -> None:
    words = ("classify", "--test", "x.csv", "--task", "sst2", "--max-money", "1")
    assert main(words) == 2
    assert "costs nothing" in capsys.readouterr().err
