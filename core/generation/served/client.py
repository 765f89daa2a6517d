"""Client: one request to a server through the `openai` package, with our own rules.

It retries nothing, follows no redirect, heeds no proxy and no variable of the environment, sends
the key to its own base URL alone, ends by a clock on the wall and reads no endless body.
"""

import asyncio
import json
import logging
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from core.generation.served.answers import Answer, Api, Gathered, read_answer
from core.generation.served.error_responses import fault_of_error_object, fault_of_status
from core.generation.served.failures import Kind, Server, ServerFault, fault_of_kind
from core.generation.served.keys import Key

if TYPE_CHECKING:
    import httpx2

DEADLINE = 120.0
CONNECTING = 15.0
"""Seconds until a server that takes no connection counts as one that can't be reached."""

MOST_BYTES = 32_000_000
# The rest of what the package would send, such as headers named in the environment, stays here.
_SENT = ("accept", "content-type", "content-length", "host", "connection")


class Client:
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
        server: Server,
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
        gathered = Gathered(self.server, api, open_quote)
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
        except ServerFault as broken:
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
            fault = fault_of_status(server, status, body=text, data=_json_of(text), headers=headers)
        except (openai.APIConnectionError, httpx2.HTTPError, httpx2.StreamError) as error:
            kind = _kind_of(error)
            detail = f" within {self._deadline:g} s" if kind == "deadline" else ""
            fault = fault_of_kind(server, kind, detail=detail)
        except openai.APIError as error:  # an error object within a stream
            fault = fault_of_error_object(server, {"error": error.body or {"code": "500"}})
        except TimeoutError:
            fault = fault_of_kind(server, "deadline", detail=f" within {self._deadline:g} s")
        except TooLong:
            fault = fault_of_kind(server, "too_long")
        except (json.JSONDecodeError, UnicodeDecodeError):
            fault = fault_of_kind(server, "bad_json")
        else:
            return
        # What was caught may hold what the server said; it ends here.
        raise ServerFault(fault) from None


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


def _kind_of(error: Exception) -> Kind:
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
