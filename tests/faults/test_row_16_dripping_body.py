"""Fault 16: a body that drips for minutes: our own deadline ends it."""

import time

from core.domain.settings import Home
from core.store.database import Database
from tests.faults.misbehaving import Exchange, Misbehaving, dripping
from tests.faults.serving import Runs


def test_the_deadline_ends_it_and_the_run_goes_on(home: Home, real_db: Database) -> None:
    with (
        Misbehaving([dripping]) as server,
        Runs(home, real_db, server, deadline=0.3) as runs,
    ):
        began = time.monotonic()
        ended = runs.run()
        assert time.monotonic() - began < 3
    assert (ended.job.state, len(ended.samples)) == ("done", 4)
    assert ended.outcomes == ["deadline", "ok", "ok", "ok", "ok"]
    assert "within 0.3 s" in ended.attempts[0].message


def test_a_body_without_an_end_is_not_read_to_its_end(home: Home, real_db: Database) -> None:
    def endless(exchange: Exchange) -> None:
        exchange.send(200, b" " * 1000, length=10**9)
        try:
            while True:
                exchange.handler.wfile.write(b" " * 1_000_000)
        except OSError:
            pass

    with Misbehaving([endless]) as server, Runs(home, real_db, server) as runs:
        ended = runs.run()
    # That request is given up, as asking again would cost as much again, and is made up for.
    assert ended.outcomes[0] == "too_long"
    assert (ended.job.state, len(ended.samples)) == ("done", 4)


def test_a_packed_body_is_not_unpacked(home: Home, real_db: Database) -> None:
    def packed(exchange: Exchange) -> None:
        exchange.send(200, b"\x1f\x8b" + b"\0" * 100, headers={"Content-Encoding": "gzip"})

    with Misbehaving([packed]) as server, Runs(home, real_db, server) as runs:
        ended = runs.run()
        assert server.seen[0].headers["accept-encoding"] == "identity"
    assert ended.outcomes[0] == "too_long"
