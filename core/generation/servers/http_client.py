"""HTTP to one server: bounded in time and size, no redirects, the key for its base URL alone.

Short questions (probing, token ids, lists of models) are asked with `HttpClient.ask`, generated
texts with `CompletionsClient`: through the `openai` package, but over the same transport. Neither
retries anything: `requests` does.
"""

import asyncio
import json
import logging
import socket
import ssl
import time
import zlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from core.domain.connections import checked_url
from core.domain.errors import BackendFailed
from core.domain.serialization import Json, parse_json, value_at
from core.generation.servers.answers import (
    Answer,
    Api,
    Choice,
    ExpectedAnswer,
    StreamedAnswer,
    Usage,
    parse_choices,
    parse_usage,
    read_answer,
)
from core.generation.servers.bodies import parse_body
from core.generation.servers.errors import (
    ErrorKind,
    RequestFailed,
    ServerError,
    ServerInfo,
    error_from_object,
    error_from_status,
    error_of_kind,
)
from core.generation.servers.keys import Key, redacted

if TYPE_CHECKING:
    import httpx2

DEADLINE = 120.0
"""Seconds for a request for texts with its whole answer."""

SHORT_DEADLINE = 60.0
"""Seconds for a short question."""

CONNECT_TIMEOUT = 15.0
"""Seconds until a server that takes no connection counts as one that can't be reached."""

_GZIP_OR_ZLIB = 47  # zlib's name for "either, by its header"
MAX_BYTES = 32_000_000
MAX_SHORT_BYTES = 4_000_000
# What else a client library would send, such as headers named in the environment, is left out.
_SENT_HEADERS = ("accept", "content-type", "content-length", "host", "connection")


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """What came back.

    Args:
        status: of HTTP.
        data: the body as JSON, as `bodies.parse_body` reads it; None where it is none.
        text: the body.
        headers: names in small letters.
        seconds: from the question to the last byte.
    """

    status: int
    data: Json
    text: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether it is an answer, and no error inside of one either."""
        return 200 <= self.status < 300 and not value_at(self.data, "error")

    @property
    def choices(self) -> list[Choice]:
        """An answer's choices; none where it is no such answer."""
        return parse_choices(self.data) if self.ok else []

    @property
    def usage(self) -> Usage:
        """The tokens that the server reports."""
        return parse_usage(self.data)


class ServerClient(Protocol):
    """Whoever can ask the server a short question; `HttpClient` is the real one."""

    def ask(
        self, path: str, body: Mapping[str, Json] | None = None, *, root: bool = False
    ) -> HttpResponse:
        """A question, as `HttpClient.ask`."""


class ResponseTooLong(Exception):
    """A body that is longer than we read."""


class ResponsePacked(Exception):
    """A body that is compressed in a way that we don't read."""


class HttpClient:
    """Requests to one server.

    Args:
        base_url: as of a connection, such as http://127.0.0.1:8080/v1.
        key: bound to that base URL, sent as a bearer token; None sends none.
        deadline: wall-clock seconds for a request and its whole answer, dripping or not.
        max_bytes: of an answer.
        transport: carries requests; None opens connections.
    """

    def __init__(
        self,
        base_url: str,
        *,
        key: Key | None = None,
        deadline: float = SHORT_DEADLINE,
        max_bytes: int = MAX_SHORT_BYTES,
        transport: "httpx2.AsyncBaseTransport | None" = None,
    ) -> None:
        self.base_url = checked_url(base_url)
        self.deadline = deadline
        self._key = key
        self._secrets = () if key is None else (key.value_for(self.base_url),)
        self._max_bytes = max_bytes
        self._transport = transport

    def __repr__(self) -> str:
        return f"HttpClient({self.base_url!r})"

    def ask(
        self, path: str, body: Mapping[str, Json] | None = None, *, root: bool = False
    ) -> HttpResponse:
        """Send a short question and read the whole answer; not for use within an event loop.

        Args:
            path: such as `/models`, below the base URL.
            body: posted as JSON; None gets.
            root: the path is below the server's root: the base URL without its closing /v1.

        Raises:
            BackendFailed: nothing came back, or what came back is no answer of such a server (a
                redirect, too long, too late).
        """
        try:
            return asyncio.run(self._request(path, body, root=root))
        except RequestFailed as failed:
            error = failed.error
        # Raised here, as the exception above may hold what was sent.
        remedy = (
            error.remedy if error.kind == "redirect" else "Check that it runs and its base URL."
        )
        raise BackendFailed(error.what, remedy)

    def open(self) -> "httpx2.AsyncClient":
        """A client that sends to this server alone, for the event loop that it is first used in."""
        import httpx2

        # At DEBUG these log headers and bodies, which can hold whatever a server says.
        for name in ("openai", "httpx2", "httpcore2"):
            logging.getLogger(name).setLevel(logging.WARNING)
        carrier = self._transport or httpx2.AsyncHTTPTransport(
            verify=self._tls,
            trust_env=False,
            limits=httpx2.Limits(max_connections=300),
            retries=0,
        )
        return httpx2.AsyncClient(
            transport=_guarded(carrier, self.base_url, self._key, self._max_bytes),
            timeout=self.timeout,
            follow_redirects=False,
            trust_env=False,
        )

    @property
    def timeout(self) -> "httpx2.Timeout":
        """Of a single read or connection; `bounded` keeps the deadline of the whole."""
        import httpx2

        return httpx2.Timeout(self.deadline, connect=min(self.deadline, CONNECT_TIMEOUT))

    @asynccontextmanager
    async def bounded(self) -> AsyncIterator[None]:
        """Within the deadline, and with every failure of the connection as `RequestFailed`."""
        import httpx2

        try:
            async with asyncio.timeout(self.deadline):
                yield
        except (
            httpx2.HTTPError,
            httpx2.InvalidURL,
            httpx2.StreamError,
            OSError,
            ResponseTooLong,
            ResponsePacked,
            json.JSONDecodeError,
            UnicodeError,
        ) as error:
            failure = self.failure(error)
        else:
            return
        # What was caught may hold what the server said; it ends here.
        raise RequestFailed(failure) from None

    def failure(self, error: Exception) -> ServerError:
        """The failure that an exception of the connection stands for."""
        kind = _kind_of(error)
        detail = f" within {self.deadline:g} s" if kind == "deadline" else ""
        if kind == "unreachable" and (cause := _system_error(error)) is not None:
            detail = f" ({type(cause).__name__})"
        return error_of_kind(self.base_url, kind, detail=detail)

    async def _request(
        self, path: str, body: Mapping[str, Json] | None, *, root: bool
    ) -> HttpResponse:
        url = (self.base_url.removesuffix("/v1") if root else self.base_url) + path
        begun = time.monotonic()
        async with self.bounded(), self.open() as client:
            response = await client.request(
                "GET" if body is None else "POST",
                url,
                json=None if body is None else dict(body),
                headers={"Accept": "application/json"},
            )
        seconds = time.monotonic() - begun
        status = response.status_code
        if 300 <= status < 400:
            raise RequestFailed(error_from_status(ServerInfo(self.base_url), status))
        text = self._redacted(response.content.decode("utf-8", "replace"))
        headers = {name.lower(): self._redacted(value) for name, value in response.headers.items()}
        return HttpResponse(status, parse_body(text), text, headers, seconds)

    def _redacted(self, text: str) -> str:
        """What a server says, which may be what it was sent."""
        return redacted(text, self._secrets) if self._secrets else text

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        import httpx2

        # Without TLS no certificate is ever looked at, and reading them all takes a while.
        if self.base_url.startswith("http:"):
            return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        return httpx2.create_ssl_context()


class CompletionsClient:
    """Asks one server for texts; belongs to one event loop.

    Args:
        server: what messages may name.
        http: sends.
    """

    def __init__(self, server: ServerInfo, http: HttpClient) -> None:
        import openai

        self.server = server
        self._http = http
        self._openai = openai.AsyncOpenAI(
            api_key="unused",  # the transport has the key, and errors never see it
            base_url=server.base_url,
            max_retries=0,
            timeout=http.timeout,
            http_client=http.open(),
        )

    def __repr__(self) -> str:
        return f"CompletionsClient({self.server!r})"

    async def ask(self, body: Mapping[str, Json], expected: ExpectedAnswer) -> Answer:
        """Ask and read the whole answer.

        Args:
            body: the parameters.
            expected: what they ask for.

        Raises:
            RequestFailed: no answer came, or none that can be used.
        """
        # Some servers stream unless they are told not to.
        arguments = _arguments({**body, "stream": False})
        async with self._errors():
            response = await self._route(expected.api).with_raw_response.create(**arguments)
            text = response.text
        return read_answer(text, expected, server=self.server)

    async def stream(self, body: Mapping[str, Json], expected: ExpectedAnswer) -> Answer:
        """Ask for one text and read it piece by piece: what came before a break is kept.

        Raises:
            RequestFailed: nothing of a text came.
        """
        streamed = StreamedAnswer(self.server, expected)
        try:
            async with self._errors():
                stream = await self._route(expected.api).create(**_arguments(body), stream=True)
                async with stream:
                    content_type = stream.response.headers.get("content-type", "")
                    if "event-stream" not in content_type:  # a server that knows no streams
                        whole = (await stream.response.aread()).decode("utf-8", "replace")
                        return read_answer(whole, expected, server=self.server)
                    async for chunk in stream:
                        streamed.add(
                            chunk if isinstance(chunk, Mapping) else chunk.to_dict(warnings=False)
                        )
        except RequestFailed as failed:
            if not streamed.begun:
                raise
            return streamed.answer(failed.error)
        return streamed.answer()

    async def close(self) -> None:
        """Close the connections."""
        await self._openai.close()

    def _route(self, api: Api) -> Any:
        return self._openai.chat.completions if api == "chat" else self._openai.completions

    @asynccontextmanager
    async def _errors(self) -> AsyncIterator[None]:
        """Within the deadline, and with every failure as `RequestFailed`."""
        import openai

        async with self._http.bounded():
            try:
                yield
                return
            except openai.APIStatusError as error:
                text = _text_of(error.response)
                headers = {name.lower(): value for name, value in error.response.headers.items()}
                failure = error_from_status(
                    self.server,
                    error.status_code,
                    body=text,
                    data=parse_json(text),
                    headers=headers,
                )
            except openai.APIConnectionError as error:
                failure = self._http.failure(error)
            except openai.APIError as error:  # an error object within a stream
                body: Json = error.body or {"code": "500"}  # type: ignore[assignment]
                failure = error_from_object(self.server, {"error": body})
            raise RequestFailed(failure) from None


def _arguments(body: Mapping[str, Json]) -> dict[str, Json]:
    """As the package takes them: what it does not insist on is sent as it is."""
    required = {name: body[name] for name in ("model", "messages", "prompt") if name in body}
    others = {name: value for name, value in body.items() if name not in required}
    return {**required, "extra_body": others}


def _text_of(response: "httpx2.Response") -> str:
    import httpx2

    try:
        return response.text
    except httpx2.StreamError:  # it was never read
        return ""


def _guarded(
    carrier: "httpx2.AsyncBaseTransport", base_url: str, key: Key | None, max_bytes: int
) -> "httpx2.AsyncBaseTransport":
    import httpx2

    home = httpx2.URL(base_url)

    class Guarded(httpx2.AsyncBaseTransport):
        """Sends to the base URL's own host, what we mean to send and no more."""

        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            url = request.url
            if (url.scheme, url.host, url.port) != (home.scheme, home.host, home.port):
                raise httpx2.UnsupportedProtocol("another host", request=request)
            sent = {n: request.headers[n] for n in _SENT_HEADERS if n in request.headers}
            sent |= {"user-agent": "wideset", "accept-encoding": "identity"}
            if key is not None:
                sent["authorization"] = f"Bearer {key.value_for(base_url)}"
            # A request of its own, as errors carry the one that they were raised for.
            response = await carrier.handle_async_request(
                httpx2.Request(
                    request.method,
                    url,
                    headers=sent,
                    stream=request.stream,
                    extensions=request.extensions,
                )
            )
            # Some servers and proxies compress though none of it was asked for.
            encoding = response.headers.get("content-encoding", "identity").strip().lower()
            if encoding not in ("identity", "gzip", "x-gzip", "deflate"):
                await response.aclose()
                raise ResponsePacked
            assert isinstance(response.stream, httpx2.AsyncByteStream)
            packed = encoding != "identity"
            headers = [
                (name, value)
                for name, value in response.headers.multi_items()
                if not (packed and name.lower() in ("content-encoding", "content-length"))
            ]
            return httpx2.Response(
                response.status_code,
                headers=headers,
                stream=Bounded(response.stream, packed),
                extensions=response.extensions,
            )

        async def aclose(self) -> None:
            await carrier.aclose()

    class Bounded(httpx2.AsyncByteStream):
        """A body that ends by itself or by us; a packed one is measured as it is unpacked."""

        def __init__(self, stream: httpx2.AsyncByteStream, packed: bool) -> None:
            self._stream = stream
            self._unpack = zlib.decompressobj(_GZIP_OR_ZLIB).decompress if packed else None

        async def __aiter__(self) -> AsyncIterator[bytes]:
            size = 0
            async for part in self._stream:
                try:
                    whole = self._unpack(part, max_bytes - size + 1) if self._unpack else part
                except zlib.error as error:
                    raise ResponsePacked from error
                size += len(whole)
                if size > max_bytes:
                    raise ResponseTooLong
                yield whole

        async def aclose(self) -> None:
            await self._stream.aclose()

    return Guarded()


def _kind_of(error: Exception) -> ErrorKind:
    import httpx2

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ResponseTooLong):
            return "too_long"
        if isinstance(cause, ResponsePacked):
            return "packed"
        if isinstance(cause, json.JSONDecodeError | UnicodeDecodeError):
            return "bad_json"
        if isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.InvalidURL):
            return "unreachable"
        if isinstance(cause, httpx2.TimeoutException | TimeoutError):
            return "deadline"
        cause = cause.__cause__
    return "connection_lost"


def _system_error(error: BaseException) -> OSError | None:
    """The error of the operating system at the root, such as ConnectionRefusedError."""
    root: BaseException = error
    while root.__cause__ is not None:
        root = root.__cause__
    return root if isinstance(root, socket.gaierror | ConnectionError) else None
