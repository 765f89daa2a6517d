"""Fault 13: a burst of 500 or 503: capped back-off with jitter, then the run pauses."""

import pytest

from core.domain.settings import Home
from core.store.database import Database
from tests.faults.misbehaving import Misbehaving, error, well
from tests.faults.serving import Runs


@pytest.mark.parametrize("status", [500, 503])
def test_it_backs_off_and_pauses(home: Home, real_db: Database, status: int) -> None:
    with Misbehaving([well], then=error(status)) as server, Runs(home, real_db, server) as runs:
        paused = runs.run(per_label=1, size=1, targets=[("neg", 0)])
        assert (paused.job.state, paused.outcomes) == ("done", ["ok"])

        paused = runs.run(per_label=1, size=1, targets=[("neg", 0)])
        assert paused.job.state == "paused"
        assert paused.outcomes == ["server_error"] * 6
        assert [attempt.attempt for attempt in paused.attempts] == [1, 2, 3, 4, 5, 6]
        assert f"({status})" in paused.job.message
        assert "resume" in paused.job.remedy
        waits = runs.time.slept
        assert len(waits) == 5
        for number, wait in enumerate(waits):
            full = min(30.0, 0.1 * 4**number)
            assert full / 2 <= wait <= full
        assert len({wait / 4**number for number, wait in enumerate(waits)}) == 5  # jitter

        server.order(then=None)
        done = runs.resume(paused.job)
    assert (done.job.state, len(done.samples)) == ("done", 1)


def test_a_short_burst_is_outlived(home: Home, real_db: Database) -> None:
    orders = [error(500), error(503), error(502)]
    with Misbehaving(orders) as server, Runs(home, real_db, server, at_once=4) as runs:
        ended = runs.run(per_label=4, size=4)
    assert (ended.job.state, len(ended.samples)) == ("done", 8)
    assert ended.outcomes.count("server_error") == 3


def test_a_server_that_is_not_there_pauses_the_run(home: Home, real_db: Database) -> None:
    with Misbehaving() as server:
        runs = Runs(home, real_db, server)
    with runs:
        ended = runs.run()
    assert ended.job.state == "paused"
    assert "can't be reached" in ended.job.message
    assert ended.attempts[0].status is None
