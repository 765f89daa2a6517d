"""HTTP requests to one server, bounded in time and size; the key goes to its base URL alone."""

import asyncio
import http.client
import json
import logging
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from core.domain.connections import checked_url
from core.domain.errors import BackendFailed
from core.generation.servers.answers import Answer, Api, StreamedAnswer, read_answer
from core.generation.servers.errors import (
    ErrorKind,
    RequestFailed,
    ServerInfo,
    error_from_object,
    error_from_status,
    error_of_kind,
)
from core.generation.servers.keys import Key, redacted

if TYPE_CHECKING:
    import httpx2


MAX_ANSWER = 4_000_000  # bytes
_CHUNK = 65_536


@dataclass(frozen=True, slots=True)
class HttpResponse:
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


class ServerClient(Protocol):
    """Whoever can ask the server; `HttpClient` is the real one."""

    def ask(
        self, path: str, body: Mapping[str, Any] | None = None, *, root: bool = False
    ) -> HttpResponse:
        """A question, as `HttpClient.ask`."""
        ...


class HttpClient:
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

    def ask(
        self, path: str, body: Mapping[str, Any] | None = None, *, root: bool = False
    ) -> HttpResponse:
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
        return HttpResponse(answer.status, data, text, named, seconds)

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


DEADLINE = 120.0
CONNECTING = 15.0
"""Seconds until a server that takes no connection counts as one that can't be reached."""

MOST_BYTES = 32_000_000
# The rest of what the package would send, such as headers named in the environment, stays here.
_SENT = ("accept", "content-type", "content-length", "host", "connection")


class TextClient:
    """Asks one server; belongs to one event loop.

    Args:
        server: which, and how it is spoken of.
        key: sent as a bearer token; None sends none.
        deadline: seconds for a request and its whole answer, dripping or not.
        most_bytes: of an answer.
        transport: carries requests; None opens connections.
    """

    def __init__(
        self,
        server: ServerInfo,
        *,
        key: Key | None = None,
        deadline: float = DEADLINE,
        most_bytes: int = MOST_BYTES,
        transport: "httpx2.AsyncBaseTransport | None" = None,
    ) -> None:
        import httpx2
        import openai

        # At DEBUG these log headers and bodies, which can hold whatever a server says.
        for name in ("openai", "httpx2", "httpcore2"):
            logging.getLogger(name).setLevel(logging.WARNING)
        self.server = server
        self._deadline = deadline
        # Without TLS no certificate is ever looked at, and reading them all takes a while.
        bare = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        carrier = transport or httpx2.AsyncHTTPTransport(
            verify=bare if server.base_url.startswith("http:") else httpx2.create_ssl_context(),
            trust_env=False,
            limits=httpx2.Limits(max_connections=300),
            retries=0,
        )
        self._openai = openai.AsyncOpenAI(
            api_key="unused",  # the transport has the key, and errors never see it
            base_url=server.base_url,
            max_retries=0,
            timeout=httpx2.Timeout(deadline, connect=min(deadline, CONNECTING)),
            http_client=openai.DefaultAsyncHttpxClient(
                transport=_guarded(carrier, server.base_url, key, most_bytes),
                follow_redirects=False,
                trust_env=False,
            ),
        )

    def __repr__(self) -> str:
        return f"Client({self.server!r})"

    async def ask(
        self, api: Api, body: Mapping[str, Any], *, asked: int, open_quote: bool = False
    ) -> Answer:
        """Ask and read the whole answer.

        Args:
            api: which route.
            body: the parameters; what the package does not know lies in `extra_body`.
            asked: texts that the body asks for.
            open_quote: as in `answers.read_answer`.

        Raises:
            ServerFault: no answer came, or none that can be used.
        """
        async with self._faults():
            reply = await self._route(api).with_raw_response.create(**body)
            text = reply.text
        return read_answer(text, server=self.server, api=api, asked=asked, open_quote=open_quote)

    async def ask_piecewise(
        self, api: Api, body: Mapping[str, Any], *, open_quote: bool = False
    ) -> Answer:
        """Ask for one text and read it piece by piece: what came before a break is kept.

        Raises:
            ServerFault: nothing of a text came.
        """
        gathered = StreamedAnswer(self.server, api, open_quote)
        try:
            async with self._faults():
                stream = await self._route(api).create(**body, stream=True)
                async with stream:
                    kind = stream.response.headers.get("content-type", "")
                    if "event-stream" not in kind:  # a server that knows no streams
                        whole = (await stream.response.aread()).decode("utf-8", "replace")
                        return read_answer(
                            whole, server=self.server, api=api, asked=1, open_quote=open_quote
                        )
                    async for chunk in stream:
                        gathered.add(_as_mapping(chunk))
        except RequestFailed as broken:
            if not gathered.parts:
                raise
            return gathered.answer(broken.fault)
        return gathered.answer()

    async def close(self) -> None:
        """Close the connections."""
        await self._openai.close()

    def _route(self, api: Api) -> Any:
        return self._openai.chat.completions if api == "chat" else self._openai.completions

    @asynccontextmanager
    async def _faults(self) -> AsyncIterator[None]:
        """Within the deadline, and with every failure as a fault of ours."""
        import httpx2
        import openai

        server = self.server
        try:
            async with asyncio.timeout(self._deadline):
                yield
        except openai.APIStatusError as error:
            status, text = error.status_code, _text_of(error.response)
            headers = {name.lower(): value for name, value in error.response.headers.items()}
            fault = error_from_status(
                server, status, body=text, data=_json_of(text), headers=headers
            )
        except (openai.APIConnectionError, httpx2.HTTPError, httpx2.StreamError) as error:
            kind = _kind_of(error)
            detail = f" within {self._deadline:g} s" if kind == "deadline" else ""
            fault = error_of_kind(server, kind, detail=detail)
        except openai.APIError as error:  # an error object within a stream
            fault = error_from_object(server, {"error": error.body or {"code": "500"}})
        except TimeoutError:
            fault = error_of_kind(server, "deadline", detail=f" within {self._deadline:g} s")
        except TooLong:
            fault = error_of_kind(server, "too_long")
        except (json.JSONDecodeError, UnicodeDecodeError):
            fault = error_of_kind(server, "bad_json")
        else:
            return
        # What was caught may hold what the server said; it ends here.
        raise RequestFailed(fault) from None


class TooLong(Exception):
    """A body that is longer than we read, or packed so that its length can't be told."""


def _guarded(
    carrier: "httpx2.AsyncBaseTransport", base_url: str, key: Key | None, most_bytes: int
) -> "httpx2.AsyncBaseTransport":
    import httpx2

    home = httpx2.URL(base_url)

    class Guarded(httpx2.AsyncBaseTransport):
        """Sends to the base URL's own place, what we mean to send and no more."""

        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            url = request.url
            if (url.scheme, url.host, url.port) != (home.scheme, home.host, home.port):
                raise httpx2.UnsupportedProtocol("another host", request=request)
            headers = {name: request.headers[name] for name in _SENT if name in request.headers}
            headers |= {"user-agent": "wideset", "accept-encoding": "identity"}
            if key is not None:
                headers["authorization"] = f"Bearer {key.value_for(base_url)}"
            # A request of its own, as errors carry the one that they were raised for.
            response = await carrier.handle_async_request(
                httpx2.Request(
                    request.method,
                    url,
                    headers=headers,
                    stream=request.stream,
                    extensions=request.extensions,
                )
            )
            if response.headers.get("content-encoding", "identity").lower() != "identity":
                await response.aclose()
                raise TooLong
            assert isinstance(response.stream, httpx2.AsyncByteStream)
            return httpx2.Response(
                response.status_code,
                headers=response.headers,
                stream=Bounded(response.stream),
                extensions=response.extensions,
            )

        async def aclose(self) -> None:
            await carrier.aclose()

    class Bounded(httpx2.AsyncByteStream):
        """A body that ends by itself or by us."""

        def __init__(self, stream: httpx2.AsyncByteStream) -> None:
            self._stream = stream

        async def __aiter__(self) -> AsyncIterator[bytes]:
            size = 0
            async for part in self._stream:
                size += len(part)
                if size > most_bytes:
                    raise TooLong
                yield part

        async def aclose(self) -> None:
            await self._stream.aclose()

    return Guarded()


def _kind_of(error: Exception) -> ErrorKind:
    import httpx2

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, TooLong):
            return "too_long"
        if isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout):
            return "unreachable"
        if isinstance(cause, httpx2.TimeoutException):
            return "deadline"
        cause = cause.__cause__
    return "connection_lost"


def _text_of(response: "httpx2.Response") -> str:
    import httpx2

    try:
        return response.text
    except httpx2.StreamError:  # it was never read
        return ""


def _json_of(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _as_mapping(chunk: Any) -> Mapping[str, Any]:
    if isinstance(chunk, Mapping):
        return chunk
    told = chunk.to_dict(warnings=False) if hasattr(chunk, "to_dict") else {}
    return told if isinstance(told, Mapping) else {}
