"""A server on loopback that speaks OpenAI's routes and misbehaves on order.

It answers well unless an order says otherwise: each request takes the next order, and when there
are none left, `then`.
"""

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Order = Callable[["Exchange"], None]


@dataclass
class Exchange:
    """One request and the way to answer it.

    Args:
        number: which request of the server it is, from 0.
        path: asked for.
        headers: as they came, names in small letters.
        body: of a POST, as JSON.
    """

    server: "Misbehaving"
    handler: BaseHTTPRequestHandler
    number: int
    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]

    def send(
        self,
        status: int,
        body: bytes | str,
        *,
        headers: Mapping[str, str] | None = None,
        kind: str = "application/json",
        length: int | None = None,
    ) -> None:
        """Answer; a `length` beyond the body's is a promise that is broken."""
        data = body.encode() if isinstance(body, str) else body
        told = {"Content-Type": kind, "Content-Length": str(length or len(data)), **(headers or {})}
        head = "".join(f"{name}: {value}\r\n" for name, value in told.items())
        self.handler.wfile.write(f"HTTP/1.1 {status} X\r\n{head}\r\n".encode() + data)
        self.handler.wfile.flush()
        if length is not None:
            self.handler.close_connection = True

    def choices(self, **more: Any) -> list[dict[str, Any]]:
        """As many good texts as were asked for, none like another."""
        made = []
        for index in range(self.body.get("n", 1)):
            text = f"text {self.number} {index}"
            said = {"text": text} if self.plain else {"message": {"content": f'"{text}"'}}
            made.append({"index": index, "finish_reason": "stop", **said, **more})
        return made

    @property
    def plain(self) -> bool:
        """Whether it is Completions that was asked."""
        return not self.path.endswith("/chat/completions")

    def answer(self, choices: Any, **more: Any) -> dict[str, Any]:
        """A whole answer around choices."""
        count = len(choices) if isinstance(choices, list) else 0
        usage = {"prompt_tokens": 10, "completion_tokens": 5 * count}
        return {"id": "x", "object": "x", "model": "m", "choices": choices, "usage": usage, **more}


@dataclass
class Misbehaving:
    """See the top of the file; use it as a context manager.

    Args:
        orders: what happens to the first requests.
        then: what happens to all later ones.

    Attributes:
        seen: what was asked, in order.
    """

    orders: Iterable[Order] = ()
    then: Order | None = None
    seen: list[Exchange] = field(default_factory=list)

    def __enter__(self) -> "Misbehaving":
        self._orders = iter(self.orders)
        self._lock = threading.Lock()
        misbehaving = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                misbehaving.take(self)

            def do_GET(self) -> None:
                misbehaving.take(self)

            def finish(self) -> None:
                # A client that is gone must leave no socket behind.
                for stream in (self.wfile, self.rfile):
                    with suppress(OSError):
                        stream.close()

            def log_message(self, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *args: object) -> None:
                """A client that is gone is what some orders are about."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def order(self, *orders: Order, then: Order | None = None) -> None:
        """New orders in place of the old."""
        with self._lock:
            self._orders, self.then = iter(orders), then

    def take(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("Content-Length") or 0)
        body = json.loads(handler.rfile.read(length) or b"{}")
        headers = {name.lower(): value for name, value in handler.headers.items()}
        with self._lock:
            exchange = Exchange(self, handler, len(self.seen), handler.path, headers, body)
            self.seen.append(exchange)
            order = next(self._orders, self.then) or well
        order(exchange)


def well(exchange: Exchange) -> None:
    """A good answer."""
    exchange.send(200, json.dumps(exchange.answer(exchange.choices())))


def error(
    status: int, *, code: str = "", headers: Mapping[str, str] | None = None, **more: Any
) -> Order:
    """An error as OpenAI's servers give it."""
    told = {"error": {"message": "no", "type": code, "code": code, **more}}
    return lambda exchange: exchange.send(status, json.dumps(told), headers=headers)


def body(text: str, *, kind: str = "application/json", status: int = 200) -> Order:
    """Whatever body."""
    return lambda exchange: exchange.send(status, text, kind=kind)


def choices(made: Any, **more: Any) -> Order:
    """An answer with these choices."""
    return lambda exchange: exchange.send(200, json.dumps(exchange.answer(made, **more)))


def marked(**more: Any) -> Order:
    """A good answer whose choices have other members."""
    return lambda exchange: exchange.send(
        200, json.dumps(exchange.answer(exchange.choices(**more)))
    )


def dripping(exchange: Exchange) -> None:
    """A body that comes byte by byte, for as long as anybody listens."""
    exchange.send(200, "{", length=1_000_000)
    try:
        for _ in range(6000):
            exchange.handler.wfile.write(b" ")
            exchange.handler.wfile.flush()
            time.sleep(0.02)
    except OSError:
        pass


def reset(exchange: Exchange) -> None:
    """No answer: the connection is reset."""
    wire = exchange.handler.connection
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wire.close()
    exchange.handler.close_connection = True


def streamed(*pieces: str | bytes, done: bool = True, finish: str | None = "stop") -> Order:
    """A stream: texts become chunks, bytes are sent as they are."""

    def send(exchange: Exchange) -> None:
        lines: list[bytes] = []
        for piece in pieces:
            if isinstance(piece, bytes):
                lines.append(piece)
                continue
            said = {"text": piece} if exchange.plain else {"delta": {"content": piece}}
            lines.append(_event({"choices": [{"index": 0, "finish_reason": None, **said}]}))
        if finish is not None:
            ended = {"index": 0, "finish_reason": finish, "text": "", "delta": {}}
            lines.append(_event({"choices": [ended]}))
        if done:
            lines.append(b"data: [DONE]\n\n")
        exchange.send(200, b"".join(lines), kind="text/event-stream")

    return send


def _event(data: Any) -> bytes:
    return b"data: " + json.dumps(data).encode() + b"\n\n"
