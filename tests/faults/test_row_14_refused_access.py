"""Fault 14: 401, 403, 404 stop the run at the first; the message says what to do."""

import pytest

from core.domain.settings import Home
from core.store.database import Database
from tests.faults.misbehaving import Misbehaving, error
from tests.faults.serving import Runs


@pytest.mark.parametrize(
    ("status", "what", "remedy"),
    [
        (401, "did not accept the key", "Check the key in SERVER_KEY"),
        (403, "does not allow this", "whether the key may use the model 'm'"),
        (404, "no such address or no model 'm'", "Check the base URL"),
    ],
)
def test_it_stops_at_the_first(
    home: Home, real_db: Database, status: int, what: str, remedy: str
) -> None:
    with (
        Misbehaving(then=error(status)) as server,
        Runs(home, real_db, server, key="a-key-of-our-own") as runs,
    ):
        ended = runs.run()
        assert len(server.seen) == 1
    assert ended.job.state == "failed"
    assert what in ended.job.message
    assert remedy in ended.job.remedy
    assert runs.time.slept == []
