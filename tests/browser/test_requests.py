"""Which requests a running server answers, spoken to over its socket."""

import socket
from urllib.parse import urlsplit

import pytest

from tests.browser.serving import Server

HANDSHAKE = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==",
)


def ask(server: Server, path: str, *headers: str) -> str:
    """The head of the server's answer to a GET, in lower case."""
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        request = "\r\n".join((f"GET {path} HTTP/1.1", *headers, "", ""))
        connection.sendall(request.encode())
        head = b""
        while b"\r\n\r\n" not in head and (part := connection.recv(4096)):
            head += part
    return head.split(b"\r\n\r\n")[0].decode().lower()


def handshake(server: Server, *, host: str, origin: str | None) -> str:
    """The first line of the answer to a page that wants to open the app's socket."""
    origins = () if origin is None else (f"Origin: {origin}",)
    head = ask(server, "/_stcore/stream", f"Host: {host}", *origins, *HANDSHAKE)
    return head.splitlines()[0]


def test_only_the_apps_own_page_opens_its_socket(server: Server) -> None:
    host = urlsplit(server.url).netloc
    assert "101" in handshake(server, host=host, origin=server.url)
    assert "101" in handshake(server, host=host, origin=None)
    port = host.split(":")[1]
    localhost = f"localhost:{port}"
    assert "101" in handshake(server, host=localhost, origin=f"http://{localhost}")


@pytest.mark.parametrize(
    "origin", ["http://127.0.0.1:9999", "http://localhost:{port}", "https://evil.example", "null"]
)
def test_another_page_does_not(server: Server, origin: str) -> None:
    host = urlsplit(server.url).netloc
    origin = origin.format(port=host.split(":")[1])
    assert "403" in handshake(server, host=host, origin=origin)


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "[", "127.0.0.1.evil.example"]
)
def test_a_foreign_host_name_is_refused(server: Server, host: str) -> None:
    host = host.format(port=urlsplit(server.url).port)
    assert "403" in handshake(server, host=host, origin=f"http://{host}")
    assert "403" in ask(server, "/", f"Host: {host}").splitlines()[0]


def test_answers_forbid_framing_and_foreign_sources(server: Server) -> None:
    head = ask(server, "/", f"Host: {urlsplit(server.url).netloc}")
    assert "x-frame-options: sameorigin" in head
    assert "frame-ancestors 'self'" in head
    assert "default-src 'self'" in head
