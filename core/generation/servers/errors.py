"""Errors of servers, classified, each with a sentence on what happened and one on what to do."""

import email.utils
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from core.domain.errors import BackendFailed
from core.generation.servers.keys import said_by_server

ErrorKind = Literal[
    "too_many_requests",
    "quota",
    "server_error",
    "key_refused",
    "forbidden",
    "not_found",
    "refused",
    "redirect",
    "unreachable",
    "connection_lost",
    "deadline",
    "too_long",
    "web_page",
    "bad_json",
]
Then = Literal["retry", "stop"]
Spent = Literal["lose", "pause"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerError:
    """One fault.

    Args:
        kind: see `ErrorKind`.
        what: one sentence on what happened.
        remedy: one sentence on what to do.
        then: whether trying again can help, or the run is to stop at once.
        spent: when the tries are spent: the request alone is lost, or the run pauses.
        status: HTTP's; None where no answer came.
        wait: seconds that the server asks to wait; None if it asks nothing.
    """

    kind: ErrorKind
    what: str
    remedy: str
    then: Then = "retry"
    spent: Spent = "lose"
    status: int | None = None
    wait: float | None = None


class ServerUnusable(BackendFailed):
    """The server takes nothing, whatever the condition: the key, the quota, the address."""


class RequestFailed(Exception):
    """A request went wrong; `fault` says how. Never reaches a person as it is."""

    def __init__(self, fault: ServerError) -> None:
        super().__init__(fault.what)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """How a server is spoken of.

    Args:
        base_url: of the connection.
        model: the server's name for it.
        key_variable: where its key comes from; empty without one.
        secrets: what must appear in no sentence.
    """

    base_url: str
    model: str
    key_variable: str = ""
    secrets: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Server({self.base_url!r}, {self.model!r})"


def error_of_kind(server: ServerInfo, kind: ErrorKind, *, detail: str = "") -> ServerError:
    """What it means that no readable answer came.

    Args:
        server: which.
        kind: one of those below.
        detail: of ours; never the server's words or an exception's.
    """
    at = f"The server at {server.base_url}"
    what, remedy = {
        "unreachable": (f"{at} can't be reached{detail}.", "Check that it runs and its base URL."),
        "connection_lost": (
            f"The connection to {server.base_url} broke off{detail}.",
            "See whether the server is well, then resume.",
        ),
        "deadline": (
            f"{at} did not finish its answer{detail}.",
            "Ask for fewer texts a request or fewer requests at once, then resume.",
        ),
        "too_long": (
            f"{at} answered with more than a request can hold{detail}.",
            "Check its base URL.",
        ),
        "web_page": (
            f"{at} answered with a web page instead of JSON.",
            "Check the base URL (it mostly ends in /v1), and that no sign-in page is in between.",
        ),
        "bad_json": (
            f"{at} answered with JSON that is broken off or none{detail}.",
            "See whether the server is well, then resume.",
        ),
    }[kind]
    return ServerError(
        kind=kind,
        what=what,
        remedy=remedy,
        spent="pause" if kind == "unreachable" else "lose",
    )


# Where a server's words name a parameter it does not know.
_NAMED = re.compile(
    r"(?i)\b(?:parameter|argument|field|unsupported value|property)s?\b[^'\"`]{0,20}['\"`]"
    r"([A-Za-z_][\w.\[\]-]{0,60})['\"`]|['\"`]([A-Za-z_][\w.\[\]-]{0,60})['\"`] (?:is|does) not "
)


def error_from_status(
    server: ServerInfo,
    status: int,
    *,
    body: str = "",
    data: Any = None,
    headers: Mapping[str, str] | None = None,
    clock: Callable[[], float] = time.time,
) -> ServerError:
    """What an answer of another status than 200 means.

    Args:
        server: whose answer it is.
        status: HTTP's, or the one that an error object stands for.
        body: as it came.
        data: the body as JSON, if it is any.
        headers: names in small letters.
        clock: seconds since 1970, for a Retry-After that is a date.
    """
    told = _error_object(data)
    words = said_by_server(str(told.get("message") or ""), server.secrets)
    if not words and "<" not in body[:200]:
        words = said_by_server(body, server.secrets)
    said = f" It says: {words}" if words else ""
    codes = {str(told.get(name) or "").lower() for name in ("code", "type")}
    wait = retry_after(headers or {}, clock=clock)
    at = f"The server at {server.base_url}"

    if "insufficient_quota" in codes or "insufficient_quota" in body[:20_000] or status == 402:
        return ServerError(
            kind="quota",
            what=f"{at} says that the account's quota is used up.{said}",
            remedy="Raise the quota or add credit there, then resume.",
            then="stop",
            status=status,
        )
    if status == 429:
        return ServerError(
            kind="too_many_requests",
            what=f"{at} asks for fewer requests (429).{said}",
            remedy="Wait a while, then resume; fewer requests at once may help.",
            spent="pause",
            status=status,
            wait=wait,
        )
    if status == 401:
        variable = server.key_variable
        return ServerError(
            kind="key_refused",
            what=f"{at} did not accept the key (401).{said}",
            remedy=f"Check the key in {variable}, then start Wideset anew and resume."
            if variable
            else "Name the variable that holds its key in the connection, then resume.",
            then="stop",
            status=status,
        )
    if status == 403:
        return ServerError(
            kind="forbidden",
            what=f"{at} does not allow this (403).{said}",
            remedy=f"See whether the key may use the model '{server.model}'.",
            then="stop",
            status=status,
        )
    if status in (404, 405):
        return ServerError(
            kind="not_found",
            what=f"{at} knows no such address or no model '{server.model}' ({status}).{said}",
            remedy="Check the base URL (it mostly ends in /v1) and the model's name; where the "
            "server has no Completions, use the chat prompt.",
            then="stop",
            status=status,
        )
    if 300 <= status < 400:
        return ServerError(
            kind="redirect",
            what=f"{at} sends to another address ({status}), which is not followed.",
            remedy="Give the address that it means as the base URL, if you trust it.",
            then="stop",
            status=status,
        )
    if status >= 500 or status in (408, 409, 425):
        return ServerError(
            kind="server_error",
            what=f"{at} failed ({status}).{said}",
            remedy="See whether it is well, then resume.",
            spent="pause",
            status=status,
            wait=wait,
        )
    named = _parameter(told, words)
    return ServerError(
        kind="refused",
        what=f"{at} refused the request ({status})"
        + (f" because of the parameter '{named}'." if named else ".")
        + said,
        remedy=f"Change or leave out '{named}', or choose another model."
        if named
        else "Change the settings, or choose another model.",
        then="stop",
        status=status,
    )


def error_from_object(server: ServerInfo, data: Mapping[str, Any]) -> ServerError:
    """What an error means that came with status 200."""
    told = _error_object(data)
    codes = [str(told.get(name) or "").lower() for name in ("code", "status", "type")]
    numbers = [int(code) for code in codes if re.fullmatch(r"[345]\d\d", code)]
    stands_for = {
        "rate_limit_exceeded": 429,
        "rate_limit_error": 429,
        "insufficient_quota": 429,
        "invalid_api_key": 401,
        "authentication_error": 401,
        "permission_error": 403,
        "model_not_found": 404,
        "notfounderror": 404,
        "not_found_error": 404,
        "invalid_request_error": 400,
        "context_length_exceeded": 400,
        "badrequesterror": 400,
        "unsupported_parameter": 400,
    }
    status = next((stands_for[code] for code in codes if code in stands_for), 500)
    return error_from_status(server, numbers[0] if numbers else status, data=data)


def retry_after(headers: Mapping[str, str], *, clock: Callable[[], float]) -> float | None:
    """Seconds that `Retry-After` asks for, whether by a number or a date; above 0.

    None where it asks for nothing, such as 0 seconds or a date that is over: an answer at once
    would only be refused again, so that our own waits count.
    """
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        value = headers.get(name, "").strip()
        if re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,9})?", value):
            return float(value) / unit or None
    try:
        at = email.utils.parsedate_to_datetime(headers.get("retry-after", ""))
        wait = at.timestamp() - clock()
    except (TypeError, ValueError, OverflowError):
        return None
    return wait if wait > 0 else None


def _error_object(data: Any) -> Mapping[str, Any]:
    found: Any = data
    if isinstance(found, Sequence) and not isinstance(found, str) and found:
        found = found[0]
    if isinstance(found, Mapping) and "error" in found:
        found = found["error"]
    if isinstance(found, str):
        return {"message": found}
    if isinstance(found, Mapping):
        detail = found.get("detail")
        return {"message": str(detail), **found} if detail else found
    return {}


def _parameter(told: Mapping[str, Any], words: str) -> str:
    named = told.get("param")
    if isinstance(named, str) and re.fullmatch(r"[A-Za-z_][\w.\[\]-]{0,60}", named):
        return named
    found = _NAMED.search(words)
    return (found.group(1) or found.group(2)) if found else ""
