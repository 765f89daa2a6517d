"""Fault 15: 400 unsupported parameter: named; that condition fails, the next one goes on."""

import json

import pytest

from core.domain.settings import Home
from core.store.database import Database
from tests.faults.misbehaving import Exchange, Misbehaving, error, well
from tests.faults.serving import Runs


def picky(exchange: Exchange) -> None:
    """Takes no temperature but 1."""
    if exchange.body["temperature"] == 1:
        return well(exchange)
    return error(
        400,
        code="unsupported_value",
        message="Unsupported value: 'temperature' does not support 0.3 with this model.",
        param="temperature",
    )(exchange)


def test_the_parameter_is_named_and_the_next_condition_runs(home: Home, real_db: Database) -> None:
    with Misbehaving(then=picky) as server, Runs(home, real_db, server) as runs:
        failed = runs.run(temperature=0.3)
        assert len(server.seen) == 1
        done = runs.run(temperature=1.0)
    assert failed.job.state == "failed"
    assert "parameter 'temperature'" in failed.job.message
    assert "'temperature'" in failed.job.remedy
    assert (done.job.state, len(done.samples)) == ("done", 4)


@pytest.mark.parametrize(
    ("message", "named"),
    [
        ('Unrecognized request argument supplied: "min_p" is not known', "min_p"),
        ("Unsupported parameter: 'logit_bias' is not supported with this model.", "logit_bias"),
    ],
)
def test_a_name_is_found_in_the_words(
    home: Home, real_db: Database, message: str, named: str
) -> None:
    body = json.dumps({"error": {"message": message, "type": "invalid_request_error"}})
    with (
        Misbehaving(then=lambda exchange: exchange.send(400, body)) as server,
        Runs(home, real_db, server) as runs,
    ):
        ended = runs.run()
    assert f"parameter '{named}'" in ended.job.message
