"""Fault 16: a body that drips for minutes: our own deadline ends it."""

import gzip
import json
import time

import pytest

from core.domain.settings import Home
from core.generation.servers.http_client import MAX_BYTES
from core.store.database import Database
from tests.faults.misbehaving import Exchange, Misbehaving, Order, dripping
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


def packed(content: bytes, encoding: str) -> Order:
    return lambda exchange: exchange.send(200, content, headers={"Content-Encoding": encoding})


def test_a_packed_body_is_unpacked_as_far_as_it_may_be_long(home: Home, real_db: Database) -> None:
    def well(exchange: Exchange) -> None:
        told = json.dumps(exchange.answer(exchange.choices())).encode()
        packed(gzip.compress(told), "gzip")(exchange)

    bomb = packed(gzip.compress(b" " * (MAX_BYTES + 1)), "gzip")
    with Misbehaving([bomb], then=well) as server, Runs(home, real_db, server) as runs:
        ended = runs.run()
        assert server.seen[0].headers["accept-encoding"] == "identity"
    assert ended.outcomes[0] == "too_long"
    assert (ended.job.state, len(ended.samples)) == ("done", 4)


@pytest.mark.parametrize(
    ("content", "encoding"),
    [(b"\x1f\x8b" + b"\0" * 100, "gzip"), (b"{}", "br")],
    ids=["broken", "unknown"],
)
def test_a_body_that_can_not_be_unpacked_is_told(
    home: Home, real_db: Database, content: bytes, encoding: str
) -> None:
    order = packed(content, encoding)
    with Misbehaving(then=order) as server, Runs(home, real_db, server) as runs:
        ended = runs.run()
    assert (ended.job.state, ended.outcomes[0]) == ("failed", "packed")
    assert "Turn compression off" in ended.job.remedy
