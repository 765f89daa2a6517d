"""Error responses: what a server means by an HTTP status, an error object or a Retry-After."""

import email.utils
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from core.generation.served.failures import Fault, Server
from core.generation.served.redaction import said_by_server

# Where a server's words name a parameter it does not know.
_NAMED = re.compile(
    r"(?i)\b(?:parameter|argument|field|unsupported value|property)s?\b[^'\"`]{0,20}['\"`]"
    r"([A-Za-z_][\w.\[\]-]{0,60})['\"`]|['\"`]([A-Za-z_][\w.\[\]-]{0,60})['\"`] (?:is|does) not "
)


def fault_of_status(
    server: Server,
    status: int,
    *,
    body: str = "",
    data: Any = None,
    headers: Mapping[str, str] | None = None,
    clock: Callable[[], float] = time.time,
) -> Fault:
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
    wait = asked_wait(headers or {}, clock=clock)
    at = f"The server at {server.base_url}"

    if "insufficient_quota" in codes or "insufficient_quota" in body[:20_000] or status == 402:
        return Fault(
            kind="quota",
            what=f"{at} says that the account's quota is used up.{said}",
            remedy="Raise the quota or add credit there, then resume.",
            then="stop",
            status=status,
        )
    if status == 429:
        return Fault(
            kind="too_many_requests",
            what=f"{at} asks for fewer requests (429).{said}",
            remedy="Wait a while, then resume; fewer requests at once may help.",
            spent="pause",
            status=status,
            wait=wait,
        )
    if status == 401:
        variable = server.key_variable
        return Fault(
            kind="key_refused",
            what=f"{at} did not accept the key (401).{said}",
            remedy=f"Check the key in {variable}, then start Wideset anew and resume."
            if variable
            else "Name the variable that holds its key in the connection, then resume.",
            then="stop",
            status=status,
        )
    if status == 403:
        return Fault(
            kind="forbidden",
            what=f"{at} does not allow this (403).{said}",
            remedy=f"See whether the key may use the model '{server.model}'.",
            then="stop",
            status=status,
        )
    if status in (404, 405):
        return Fault(
            kind="not_found",
            what=f"{at} knows no such address or no model '{server.model}' ({status}).{said}",
            remedy="Check the base URL (it mostly ends in /v1) and the model's name; where the "
            "server has no Completions, use the chat prompt.",
            then="stop",
            status=status,
        )
    if 300 <= status < 400:
        return Fault(
            kind="redirect",
            what=f"{at} sends to another address ({status}), which is not followed.",
            remedy="Give the address that it means as the base URL, if you trust it.",
            then="stop",
            status=status,
        )
    if status >= 500 or status in (408, 409, 425):
        return Fault(
            kind="server_error",
            what=f"{at} failed ({status}).{said}",
            remedy="See whether it is well, then resume.",
            spent="pause",
            status=status,
            wait=wait,
        )
    named = _parameter(told, words)
    return Fault(
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


def fault_of_error_object(server: Server, data: Mapping[str, Any]) -> Fault:
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
    return fault_of_status(server, numbers[0] if numbers else status, data=data)


def asked_wait(headers: Mapping[str, str], *, clock: Callable[[], float]) -> float | None:
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
