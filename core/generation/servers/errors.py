"""Errors of servers, classified, each with a sentence on what happened and one on what to do."""

import email.utils
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from core.domain.errors import BackendFailed
from core.domain.serialization import Json
from core.generation.servers.keys import server_message

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
    "packed",
    "web_page",
    "bad_json",
    "no_choices",
]

# A name that looks like a parameter, and where a server's message names one it does not know.
_PARAMETER = re.compile(r"[A-Za-z_][\w.\[\]-]{0,60}")
_NAMED = re.compile(
    r"(?i)\b(?:parameter|argument|field|unsupported value|property)s?\b[^'\"`]{0,20}['\"`]"
    r"([A-Za-z_][\w.\[\]-]{0,60})['\"`]|['\"`]([A-Za-z_][\w.\[\]-]{0,60})['\"`] (?:is|does) not "
)
_NO_QUOTA = "insufficient_quota"
_KIND_OF_STATUS: dict[int, ErrorKind] = {
    401: "key_refused",
    402: "quota",
    403: "forbidden",
    404: "not_found",
    405: "not_found",
    408: "server_error",
    409: "server_error",
    425: "server_error",
    429: "too_many_requests",
}
# The HTTP status that an error object stands for, by its code, status or type.
_STATUS_OF_CODE = {
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    _NO_QUOTA: 429,
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerError:
    """What went wrong with one request.

    Args:
        kind: see `ErrorKind`.
        what: one sentence on what happened.
        remedy: one sentence on what to do.
        retryable: whether trying again can help; if not, the run stops at once.
        exhausted: after the last retry the request alone is lost, or the run pauses.
        status: HTTP's; None where no answer came.
        retry_after: seconds that the server asks to wait; None if it asks nothing.
    """

    kind: ErrorKind
    what: str
    remedy: str
    retryable: bool = True
    exhausted: Literal["lose", "pause"] = "lose"
    status: int | None = None
    retry_after: float | None = None


class ServerUnusable(BackendFailed):
    """The server takes no request under any condition: the key, the quota or the address."""


class RequestFailed(Exception):
    """A request went wrong; `error` says how. Never shown to a person as it is."""

    def __init__(self, error: ServerError) -> None:
        super().__init__(error.what)
        self.error = error


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """What messages about a server may name, and what they must not.

    Args:
        base_url: of the connection.
        model: the server's name for it.
        key_variable: where its key comes from; empty without one.
        secrets: redacted in every message.
    """

    base_url: str
    model: str = ""
    key_variable: str = ""
    secrets: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"ServerInfo({self.base_url!r}, {self.model!r})"


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What a kind of error is for people, with places to fill in."""

    what: str
    remedy: str
    retryable: bool = True
    exhausted: Literal["lose", "pause"] = "lose"


_MEANINGS: dict[ErrorKind, _Meaning] = {
    "quota": _Meaning(
        "{at} says that the account's quota is used up.{says}",
        "Raise the quota or add credit there, then resume.",
        retryable=False,
    ),
    "too_many_requests": _Meaning(
        "{at} asks for fewer requests (429).{says}",
        "Wait a while, then resume; fewer requests at once may help.",
        exhausted="pause",
    ),
    "server_error": _Meaning(
        "{at} failed ({status}).{says}", "See whether it is well, then resume.", exhausted="pause"
    ),
    "key_refused": _Meaning(
        "{at} did not accept the key (401).{says}",
        "Check the key in {variable}, then restart Wideset and resume.",
        retryable=False,
    ),
    "forbidden": _Meaning(
        "{at} does not allow this (403).{says}",
        "See whether the key may use the model '{model}'.",
        retryable=False,
    ),
    "not_found": _Meaning(
        "{at} knows no such address or no model '{model}' ({status}).{says}",
        "Check the base URL (it mostly ends in /v1) and the model's name (resume --model NAME "
        "takes a new one); where the server has no Completions, use the chat prompt.",
        retryable=False,
    ),
    "refused": _Meaning(
        "{at} refused the request ({status}){because}.{says}",
        "Change the settings, or choose another model.",
        retryable=False,
    ),
    "redirect": _Meaning(
        "{at} sends to another address ({status}), which is not followed.",
        "Give the address that it means as the base URL, if you trust it.",
        retryable=False,
    ),
    "unreachable": _Meaning(
        "{at} can't be reached{detail}.",
        "Check that it runs and its base URL.",
        exhausted="pause",
    ),
    "connection_lost": _Meaning(
        "{at} broke its answer off{detail}.", "See whether the server is well, then resume."
    ),
    "deadline": _Meaning(
        "{at} did not answer{detail}.",
        "Ask for fewer texts per request or fewer requests at once, then resume.",
    ),
    "too_long": _Meaning(
        "{at} answered with more than a request can hold{detail}.", "Check its base URL."
    ),
    "packed": _Meaning(
        "{at} compressed its answer in a way that can't be read{detail}.",
        "Turn compression off there, or in the proxy in between.",
        retryable=False,
    ),
    "web_page": _Meaning(
        "{at} answered with a web page instead of JSON.",
        "Check the base URL (it mostly ends in /v1), and that no sign-in page is in between.",
    ),
    "no_choices": _Meaning(
        "{at} answered without a text{detail}.",
        "See whether the model generates texts, and whether the base URL is that of the API.",
    ),
    "bad_json": _Meaning(
        "{at} answered with JSON that is broken off or none{detail}.",
        "See whether the server is well, then resume.",
    ),
}


def error_of_kind(base_url: str, kind: ErrorKind, *, detail: str = "") -> ServerError:
    """The error where no readable answer came.

    Args:
        base_url: of the server.
        kind: from `unreachable` on.
        detail: put after the first clause; never the server's words or an exception's.
    """
    meaning = _MEANINGS[kind]
    return ServerError(
        kind=kind,
        what=meaning.what.format(at=f"The server at {base_url}", detail=detail),
        remedy=meaning.remedy,
        retryable=meaning.retryable,
        exhausted=meaning.exhausted,
    )


def error_from_status(
    server: ServerInfo,
    status: int,
    *,
    body: str = "",
    data: Json = None,
    headers: Mapping[str, str] | None = None,
    clock: Callable[[], float] = time.time,
) -> ServerError:
    """The error that an answer of another status than 200 means.

    Args:
        server: whose answer it is.
        status: HTTP's, or the one that an error object stands for.
        body: as it came.
        data: the body as JSON, if it is any.
        headers: names in small letters.
        clock: seconds since 1970, for a Retry-After that is a date.
    """
    error = _error_object(data)
    message = server_message(str(error.get("message") or ""), server.secrets)
    if not message and "<" not in body[:200]:
        message = server_message(body, server.secrets)
    end = "" if message.endswith((".", "!", "?")) else "."
    no_quota = _NO_QUOTA in _codes(error) or _NO_QUOTA in body[:20_000]
    kind = "quota" if no_quota else _kind_of_status(status)
    parameter = _rejected_parameter(error, message) if kind == "refused" else ""
    meaning = _MEANINGS[kind]
    remedy = meaning.remedy
    if parameter:
        remedy = "Change or leave out '{parameter}', or choose another model."
    elif kind == "key_refused" and not server.key_variable:
        remedy = "Name the variable that holds its key in the connection, then resume."
    words = {
        "at": f"The server at {server.base_url}",
        "says": f" It says: {message}{end}" if message else "",
        "because": f" because of the parameter '{parameter}'" if parameter else "",
        "status": str(status),
        "model": server.model,
        "variable": server.key_variable,
        "parameter": parameter,
    }
    return ServerError(
        kind=kind,
        what=meaning.what.format_map(words),
        remedy=remedy.format_map(words),
        retryable=meaning.retryable,
        exhausted=meaning.exhausted,
        status=status,
        retry_after=retry_after(headers or {}, clock=clock) if meaning.retryable else None,
    )


def _kind_of_status(status: int) -> ErrorKind:
    if 300 <= status < 400:
        return "redirect"
    if status >= 500:
        return "server_error"
    return _KIND_OF_STATUS.get(status, "refused")


def error_from_object(server: ServerInfo, data: Json) -> ServerError:
    """The error that an error object with status 200 means."""
    codes = _codes(_error_object(data))
    numbers = [int(code) for code in codes if re.fullmatch(r"[345]\d\d", code)]
    status = next((_STATUS_OF_CODE[code] for code in codes if code in _STATUS_OF_CODE), 500)
    return error_from_status(server, numbers[0] if numbers else status, data=data)


def retry_after(headers: Mapping[str, str], *, clock: Callable[[], float]) -> float | None:
    """Seconds that `Retry-After` asks for, whether by a number or a date; above 0.

    None where it asks for nothing, such as 0 seconds or a date in the past: an answer at once
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


def _error_object(data: Json) -> Mapping[str, Json]:
    """The error object, in whichever of the known shapes it came."""
    error = data[0] if isinstance(data, list) and data else data
    if isinstance(error, Mapping) and "error" in error:
        error = error["error"]
    if isinstance(error, str):
        return {"message": error}
    if not isinstance(error, Mapping):
        return {}
    detail = error.get("detail")
    return {"message": str(detail), **error} if detail else error


def _codes(error: Mapping[str, Json]) -> list[str]:
    return [str(error.get(name) or "").lower() for name in ("code", "status", "type")]


def _rejected_parameter(error: Mapping[str, Json], message: str) -> str:
    """The parameter that a server turned down; empty where it names none."""
    named = error.get("param")
    if isinstance(named, str) and _PARAMETER.fullmatch(named):
        return named
    match = _NAMED.search(message)
    return (match.group(1) or match.group(2)) if match else ""
