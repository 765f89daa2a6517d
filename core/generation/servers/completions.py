"""Texts of Chat Completions or Completions through the `openai` package, with our own rules.

It retries nothing: `requests` does. Time, size, redirects and the key are `http_client`'s.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from core.generation.servers.answers import Answer, Api, StreamedAnswer, read_answer
from core.generation.servers.errors import (
    RequestFailed,
    ServerInfo,
    error_from_object,
    error_from_status,
)
from core.generation.servers.http_client import DEADLINE, MAX_BYTES, HttpClient, parse_json
from core.generation.servers.keys import Key

if TYPE_CHECKING:
    import httpx2


class CompletionsClient:
    """Asks one server for texts; belongs to one event loop.

    Args:
        server: what messages may name.
        key: sent as a bearer token; None sends none.
        deadline: seconds for a request and its whole answer, dripping or not.
        max_bytes: of an answer.
        transport: carries requests; None opens connections.
    """

    def __init__(
        self,
        server: ServerInfo,
        *,
        key: Key | None = None,
        deadline: float = DEADLINE,
        max_bytes: int = MAX_BYTES,
        transport: "httpx2.AsyncBaseTransport | None" = None,
    ) -> None:
        import openai

        self.server = server
        self._http = HttpClient(
            server.base_url, key=key, deadline=deadline, max_bytes=max_bytes, transport=transport
        )
        self._openai = openai.AsyncOpenAI(
            api_key="unused",  # the transport has the key, and errors never see it
            base_url=server.base_url,
            max_retries=0,
            timeout=self._http.timeout,
            http_client=self._http.open(),
        )

    def __repr__(self) -> str:
        return f"CompletionsClient({self.server!r})"

    async def ask(
        self, api: Api, body: Mapping[str, Any], *, n: int, open_quote: bool = False
    ) -> Answer:
        """Ask and read the whole answer.

        Args:
            api: which route.
            body: the parameters; what the package does not know lies in `extra_body`.
            n: texts that the body asks for.
            open_quote: as in `answers.read_answer`.

        Raises:
            RequestFailed: no answer came, or none that can be used.
        """
        async with self._errors():
            response = await self._route(api).with_raw_response.create(**body)
            text = response.text
        return read_answer(text, server=self.server, api=api, n=n, open_quote=open_quote)

    async def stream(
        self, api: Api, body: Mapping[str, Any], *, open_quote: bool = False
    ) -> Answer:
        """Ask for one text and read it piece by piece: what came before a break is kept.

        Raises:
            RequestFailed: nothing of a text came.
        """
        streamed = StreamedAnswer(self.server, api, open_quote)
        try:
            async with self._errors():
                stream = await self._route(api).create(**body, stream=True)
                async with stream:
                    content_type = stream.response.headers.get("content-type", "")
                    if "event-stream" not in content_type:  # a server that knows no streams
                        whole = (await stream.response.aread()).decode("utf-8", "replace")
                        return read_answer(
                            whole, server=self.server, api=api, n=1, open_quote=open_quote
                        )
                    async for chunk in stream:
                        streamed.add(_as_mapping(chunk))
        except RequestFailed as failed:
            if not streamed.parts:
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
                failure = error_from_object(self.server, {"error": error.body or {"code": "500"}})
            raise RequestFailed(failure) from None


def _text_of(response: "httpx2.Response") -> str:
    import httpx2

    try:
        return response.text
    except httpx2.StreamError:  # it was never read
        return ""


def _as_mapping(chunk: Any) -> Mapping[str, Any]:
    if isinstance(chunk, Mapping):
        return chunk
    data = chunk.to_dict(warnings=False) if hasattr(chunk, "to_dict") else {}
    return data if isinstance(data, Mapping) else {}
