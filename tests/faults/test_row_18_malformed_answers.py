"""Faults 18 to 21: a web page, an error with status 200, no choices or no content, broken JSON."""

import json

import pytest

from core.domain.settings import Home
from core.store.database import Database
from tests.faults.misbehaving import Misbehaving, Order, body, choices, marked
from tests.faults.serving import Runs

ONE = {"per_label": 1, "size": 1, "targets": [("neg", 0)]}
PAGE = "<!DOCTYPE html><html><body>Sign in</body></html>"


def error(**told: object) -> str:
    return json.dumps({"error": told})


def test_a_web_page_is_reported(home: Home, real_db: Database) -> None:
    order = body(PAGE, kind="text/html")
    with Misbehaving(then=order) as server, Runs(home, real_db, server) as runs:
        ended = runs.run(per_label=4, size=4)
    assert ended.job.state == "paused"
    assert "a web page instead of JSON" in ended.job.message
    assert "base URL" in ended.job.remedy
    assert set(ended.outcomes) == {"web_page"}
    assert ended.samples == []


@pytest.mark.parametrize(
    ("told", "state", "outcome", "tries"),
    [
        ({"code": "invalid_api_key", "message": "bad"}, "failed", "key_refused", 1),
        ({"code": "insufficient_quota", "message": "bad"}, "failed", "quota", 1),
        ({"code": 429, "message": "slow down"}, "paused", "too_many_requests", 6),
        ({"type": "server_error", "message": "oops"}, "paused", "server_error", 6),
    ],
)
def test_an_error_with_status_200_is_that_error(
    home: Home, real_db: Database, told: dict[str, object], state: str, outcome: str, tries: int
) -> None:
    with Misbehaving(then=body(error(**told))) as server, Runs(home, real_db, server) as runs:
        ended = runs.run(**ONE)
    assert ended.job.state == state
    assert ended.outcomes == [outcome] * tries
    assert str(told["message"]) in ended.job.message


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (choices([]), "no_choices"),
        (choices(None), "no_choices"),
        (marked(message={"content": None}, text=None), "stop"),
        (marked(message=None, text=None), "stop"),
    ],
    ids=["none", "null", "null content", "null message"],
)
@pytest.mark.parametrize("prompt", ["A", "chat"])
def test_an_answer_without_a_text_counts_as_empty(
    home: Home, real_db: Database, order: Order, reason: str, prompt: str
) -> None:
    with Misbehaving([order]) as server, Runs(home, real_db, server) as runs:
        ended = runs.run(**ONE, prompt=prompt)
    assert [(s.outcome, s.finish_reason) for s in ended.samples] == [
        ("empty", reason),
        ("usable", "stop"),
    ]
    assert ended.job.last_report["empty"] == 1
    assert ended.outcomes == ["ok", "ok"]


@pytest.mark.parametrize(
    "text", ['{"choices": [{"text": "half', "", "[]", "null", "[" * 100_000], ids=len
)
def test_broken_json_is_reported_and_retried(home: Home, real_db: Database, text: str) -> None:
    with Misbehaving([body(text)]) as server, Runs(home, real_db, server) as runs:
        ended = runs.run(**ONE)
    assert ended.outcomes == ["bad_json", "ok"]
    assert "JSON" in ended.attempts[0].message
    assert (ended.job.state, len(ended.samples)) == ("done", 1)
