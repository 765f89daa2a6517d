"""Short questions over the wire: deadlines, broken answers, addresses of every kind."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from core.domain.errors import BackendFailed
from core.generation.servers.http_client import HttpClient
from tests.faults.misbehaving import Exchange, Misbehaving, body, dripping, error, reset


def drips_headers(exchange: Exchange) -> None:
    """Headers that come line by line, for as long as anybody listens."""
    out = exchange.handler.wfile
    exchange.handler.close_connection = True
    try:
        out.write(b"HTTP/1.1 200 OK\r\n")
        for number in range(600):
            out.write(b"X-%d: y\r\n" % number)
            out.flush()
            time.sleep(0.02)
    except OSError:
        pass


def hangs(exchange: Exchange) -> None:
    """No answer for a while."""
    time.sleep(1.0)
    exchange.handler.close_connection = True


@pytest.mark.parametrize("order", [dripping, drips_headers, hangs])
def test_the_deadline_is_by_the_clock_on_the_wall(order: object) -> None:
    with Misbehaving([order]) as server:  # type: ignore[list-item]
        began = time.monotonic()
        with pytest.raises(BackendFailed, match=r"did not answer within 0\.2 s"):
            HttpClient(server.base_url, deadline=0.2).ask("/models")
        assert time.monotonic() - began < 0.9


def test_an_answer_in_time_is_whole() -> None:
    with Misbehaving(then=body('{"data": []}')) as server:
        client = HttpClient(server.base_url, deadline=5.0)
        replies = [
            client.ask("/models"),
            client.ask("/x", {"a": 1}),
            client.ask("/props", root=True),
        ]
        assert [exchange.path for exchange in server.seen] == ["/v1/models", "/v1/x", "/props"]
    assert all(reply.ok and reply.data == {"data": []} for reply in replies)


def cut_short(exchange: Exchange) -> None:
    exchange.send(200, '{"data": [', length=1000)


@pytest.mark.parametrize("order", [reset, cut_short])
def test_what_breaks_off_is_no_answer(order: object) -> None:
    with (
        Misbehaving([order]) as server,  # type: ignore[list-item]
        pytest.raises(BackendFailed, match="broke its answer off"),
    ):
        HttpClient(server.base_url).ask("/models")


@pytest.mark.parametrize(
    ("order", "ok", "data"),
    [
        pytest.param(body('{"error": {"message": "no"}}'), False, dict, id="error object"),
        pytest.param(error(500), False, dict, id="status"),
        pytest.param(body("<html>"), True, type(None), id="page"),
    ],
)
def test_an_error_is_no_answer_whatever_its_status(order: object, ok: bool, data: type) -> None:
    with Misbehaving([order]) as server:  # type: ignore[list-item]
        reply = HttpClient(server.base_url).ask("/models")
    assert reply.ok is ok
    assert isinstance(reply.data, data)


@contextmanager
def on_ipv6() -> Iterator[str]:
    """A server on ::1 that answers one question; skipped where there is no IPv6."""
    try:
        listening = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6 here")

    def answer() -> None:
        taken, _ = listening.accept()
        with taken:
            asked = taken.recv(65536)
            host = next(line for line in asked.split(b"\r\n") if line.lower().startswith(b"host:"))
            told = b'{"host": "' + host.split(b" ", 1)[1] + b'"}'
            taken.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(told) + told)

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    with listening:
        yield f"http://[::1]:{listening.getsockname()[1]}/v1"
        thread.join(5)


def test_an_address_of_ipv6() -> None:
    with on_ipv6() as base_url:
        reply = HttpClient(base_url + "/").ask("/models")
    assert reply.data == {"host": base_url.removeprefix("http://").removesuffix("/v1")}
