"""One short question to a server, for probing and for token ids; texts go through `client`.

It follows no redirects, asks no proxy, and holds the key for its own base URL alone.
"""

import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

from core.connections import checked_url
from core.errors import BackendFailed
from core.generation.served.keys import Key
from core.generation.served.redaction import redacted

MAX_ANSWER = 4_000_000  # bytes
_CHUNK = 65_536


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back.

    Args:
        status: of HTTP.
        data: the body as JSON; None where it is none.
        text: the body.
        headers: names in small letters.
        seconds: from the question to the last byte.
    """

    status: int
    data: Any
    text: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether it is an answer, and no error inside of one either."""
        told = isinstance(self.data, dict) and self.data.get("error")
        return 200 <= self.status < 300 and not told


class Asking(Protocol):
    """Whoever can ask the server; `Wire` is the real one."""

    def ask(self, path: str, body: Mapping[str, Any] | None = None, *, root: bool = False) -> Reply:
        """A question, as `Wire.ask`."""
        ...


class Wire:
    """Asks one server.

    Args:
        base_url: as of a connection, such as http://127.0.0.1:8080/v1.
        key: bound to that base URL; None sends none.
        seconds: for a whole question and answer, by the clock on the wall.
        timer: seconds that only grow.
    """

    def __init__(
        self,
        base_url: str,
        *,
        key: Key | None = None,
        seconds: float = 60.0,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self.base_url = checked_url(base_url)
        self._key = None if key is None else key.value_for(self.base_url)
        self._seconds = seconds
        self._timer = timer

    def __repr__(self) -> str:
        return f"Wire({self.base_url!r})"

    def ask(self, path: str, body: Mapping[str, Any] | None = None, *, root: bool = False) -> Reply:
        """Send a question and read the whole answer.

        Args:
            path: such as `/models`, below the base URL.
            body: posted as JSON; None gets.
            root: the path is below the server's root: the base URL without its closing /v1.

        Raises:
            BackendFailed: nothing came back, or what came back is no answer of such a server (a
                redirect, too long, too late).
        """
        parts = urlsplit(self.base_url)
        below = parts.path.removesuffix("/v1") if root else parts.path
        headers = {"Accept": "application/json", "User-Agent": "wideset"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        written = None if body is None else json.dumps(dict(body)).encode()
        if written is not None:
            headers["Content-Type"] = "application/json"
        begun = self._timer()
        connection = self._connection(parts.scheme, parts.hostname or "", parts.port)
        try:
            connection.connect()
            with _cut_after(connection.sock, self._seconds - (self._timer() - begun)):
                method = "GET" if body is None else "POST"
                connection.request(method, below + path, written, headers)
                answer = connection.getresponse()
                read = self._read(answer)
            if self._timer() - begun >= self._seconds:
                raise TimeoutError
        except (OSError, http.client.HTTPException) as error:
            late = isinstance(error, TimeoutError) or self._timer() - begun >= self._seconds
            broken = isinstance(error, http.client.HTTPException | ConnectionResetError)
            said = "broke its answer off" if broken else "can't be reached"
            said = f"did not answer within {self._seconds:g} s" if late else said
            # The cause may hold what was sent; its kind is enough.
            raise BackendFailed(
                f"The server at {self.base_url} {said} ({type(error).__name__}).",
                "Check that it runs, and its base URL.",
            ) from None
        finally:
            connection.close()
        if 300 <= answer.status < 400:
            raise BackendFailed(
                f"The server at {self.base_url} sends to another address.",
                "Give the address that it means as the base URL, if you trust it.",
            )
        text = self._without_key(read.decode("utf-8", "replace"))
        try:
            data = json.loads(text)
        except ValueError:
            data = None
        seconds = self._timer() - begun
        named = {name.lower(): self._without_key(value) for name, value in answer.getheaders()}
        return Reply(answer.status, data, text, named, seconds)

    def _without_key(self, text: str) -> str:
        """What a server says, which may be what it was sent."""
        return redacted(text, (self._key,)) if self._key else text

    def _connection(self, scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
        if scheme == "https":
            safe = ssl.create_default_context()
            return http.client.HTTPSConnection(host, port, timeout=self._seconds, context=safe)
        return http.client.HTTPConnection(host, port, timeout=self._seconds)

    def _read(self, answer: http.client.HTTPResponse) -> bytes:
        """The body, unless it is longer than an answer to a short question can be."""
        parts: list[bytes] = []
        size = 0
        while part := answer.read1(_CHUNK):
            parts.append(part)
            size += len(part)
            if size > MAX_ANSWER:
                raise BackendFailed(
                    f"The server at {self.base_url} answered a short question with more than "
                    f"{MAX_ANSWER // 1_000_000} MB.",
                    "Check its base URL.",
                )
        if answer.length:  # promised and not sent
            raise http.client.IncompleteRead(b"")
        return b"".join(parts)


@contextmanager
def _cut_after(wire: socket.socket, seconds: float) -> Iterator[None]:
    """Cut a connection off when the time is up: a socket's own timeout begins anew with every byte
    that drips, of headers too."""

    def cut() -> None:
        with suppress(OSError):  # it has ended meanwhile
            wire.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(max(0.0, seconds), cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
