"""What a server tells of itself when it does not answer: statuses, error objects, Retry-After."""

from typing import Any

import pytest

from core.generation.servers.bodies import parse_body
from core.generation.servers.errors import (
    ServerInfo,
    error_from_object,
    error_from_status,
    retry_after,
)
from core.generation.servers.http_client import HttpResponse
from core.generation.servers.probing.questions import response_error


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "7", "retry-after-ms": "1500"}, 1.5),
        ({"retry-after": "Thu, 01 Jan 1970 00:01:40 GMT"}, 60.0),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:10 GMT"}, None),
        ({"retry-after": "0"}, None),
        ({"retry-after": "0", "retry-after-ms": "250"}, 0.25),
        ({"retry-after": "999999999999"}, 999_999_999_999.0),
        ({"retry-after": "9" * 13}, None),
        ({"retry-after": "\u0663"}, None),
        ({"retry-after": "Fri, 31 Dec 99999 00:00:00 GMT"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
    ids=str,
)
def test_what_is_asked_for(headers: dict[str, str], wait: float | None) -> None:
    assert retry_after(headers, clock=lambda: 40.0) == wait


@pytest.mark.parametrize(
    ("told", "kind", "retryable"),
    [
        ({"error": {"code": 429}}, "too_many_requests", True),
        ({"error": {"type": "rate_limit_error"}}, "too_many_requests", True),
        ({"error": {"type": "overloaded_error"}}, "server_error", True),
        ({"error": "model is loading"}, "server_error", True),
        ({"error": {"code": "model_not_found"}}, "not_found", False),
        ({"object": "error", "type": "NotFoundError", "code": None}, "not_found", False),
        ({"error": {"code": 999}}, "server_error", True),
        ({"error": [1]}, "server_error", True),
        ([{"error": {"status": "400", "message": "bad"}}], "refused", False),
    ],
    ids=str,
)
def test_an_error_object_stands_for_a_status(told: Any, kind: str, retryable: bool) -> None:
    error = error_from_object(ServerInfo("http://h/v1", "m"), told)
    assert (error.kind, error.retryable) == (kind, retryable)


def test_the_words_of_a_list_of_complaints_are_told() -> None:
    told = {"detail": [{"loc": ["body", "top_k"], "msg": "extra fields not permitted"}]}
    error = error_from_status(ServerInfo("http://h/v1", "m"), 422, data=told)
    assert error.kind == "refused"
    assert "extra fields not permitted" in error.what


@pytest.mark.parametrize(
    ("message", "said"), [("no", "It says: no."), ("No!", "It says: No!"), ("", "(400).")]
)
def test_a_servers_words_end_as_a_sentence(message: str, said: str) -> None:
    data = {"error": {"message": message, "code": "x"}}
    error = error_from_status(ServerInfo("http://h/v1"), 400, data=data)
    assert error.what.endswith(said)


@pytest.mark.parametrize(
    ("text", "kind"),
    [('{"choices": []}', "no_choices"), ("{", "bad_json"), ("<html>", "web_page")],
)
def test_what_is_no_answer_to_a_test_is_told_apart(text: str, kind: str) -> None:
    response = HttpResponse(200, parse_body(text), text)
    assert response_error(response, ServerInfo("http://h/v1")).kind == kind
