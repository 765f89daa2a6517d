"""Which requests the server answers, and the headers of its answers."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose
from streamlit import config

# Streamlit and Plotly run inline scripts and styles, compile shaders' code, and start workers from
# blobs. Nothing is loaded from another address, and no other page may frame this one.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:;"
        " style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:;"
        " media-src 'self' blob:; worker-src 'self' blob:; object-src 'none'; base-uri 'self';"
        " form-action 'self'; frame-ancestors 'self'"
    ),
    "X-Frame-Options": "SAMEORIGIN",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class RequestGuard:
    """ASGI middleware that refuses the requests of foreign pages.

    Streamlit accepts a WebSocket from any page of this machine, whatever its port, and under any
    host name, so another local page, or one whose name was pointed here, could operate the app.

    A server that listens on a loopback address answers loopback host names only. A page's origin
    must be the host that it talks to, or one of Streamlit's `server.corsAllowedOrigins`. Requests
    without an origin, which no page sends for a WebSocket, pass.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it with status 403."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        if not _allowed(Headers(scope=scope)):
            refusal = (
                WebSocketClose()
                if scope["type"] == "websocket"
                else PlainTextResponse("This address or page may not use the app.", 403)
            )
            await refusal(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _allowed(headers: Headers) -> bool:
    host, origin = headers.get("host", ""), headers.get("origin")
    address = config.get_option("server.address")
    if address and is_loopback(address) and not is_loopback(_name(f"//{host}")):
        return False
    if origin is None or urlsplit(origin).netloc == host:
        return True
    return origin in config.get_option("server.corsAllowedOrigins")


def is_loopback(name: str) -> bool:
    """Whether a host name or address, without a port, is this machine's own."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def _name(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
