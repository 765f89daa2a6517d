"""Faults 10 and 11: 429 with Retry-After: a short wait is waited, a long one pauses the run."""

import email.utils
import time

from core.settings import Home
from core.store.database import Database
from tests.faults.misbehaving import Misbehaving, error, well
from tests.faults.serving import Runs


def test_two_seconds_are_waited_and_the_run_goes_on(home: Home, real_db: Database) -> None:
    orders = [well, error(429, headers={"Retry-After": "2"})]
    with Misbehaving(orders) as server, Runs(home, real_db, server) as runs:
        ended = runs.run()
    assert ended.job.state == "done"
    assert len(ended.samples) == 4
    assert ended.outcomes == ["ok", "too_many_requests", "ok", "ok", "ok"]
    assert [attempt.attempt for attempt in ended.attempts].count(2) == 1
    assert 2 <= runs.time.now <= 2.2


def test_a_date_is_heeded_too(home: Home, real_db: Database) -> None:
    later = email.utils.formatdate(time.time() + 20, usegmt=True)
    orders = [error(429, headers={"Retry-After": later})]
    with Misbehaving(orders) as server, Runs(home, real_db, server) as runs:
        ended = runs.run()
    assert ended.job.state == "done"
    assert 17 <= runs.time.now <= 20.2


def test_while_one_waits_no_other_is_sent(home: Home, real_db: Database) -> None:
    """All requests to the server hold, not only the one that was told."""
    orders = [error(429, headers={"Retry-After": "30"})]
    with (
        Misbehaving(orders) as server,
        Runs(home, real_db, server, at_once=2) as runs,
    ):
        ended = runs.run(per_label=6, size=6)
        assert runs.backend.line.pace.limit < 3
    assert ended.job.state == "done"
    assert len(ended.samples) == 12
    assert runs.time.now >= 30


def test_five_minutes_pause_the_run_visibly_and_resume_goes_on(
    home: Home, real_db: Database
) -> None:
    orders = [well, error(429, headers={"Retry-After": "300"})]
    with Misbehaving(orders) as server, Runs(home, real_db, server) as runs:
        paused = runs.run()
        assert paused.job.state == "paused"
        assert "300 s" in paused.job.message
        assert "Resume after 300 s" in paused.job.remedy
        assert runs.time.slept == []
        assert len(paused.samples) == 1
        assert len(server.seen) == 2

        done = runs.resume(paused.job)
    assert done.job.state == "done"
    assert done.samples[0] == paused.samples[0]
    assert len(done.samples) == 4
    assert done.outcomes.count("ok") == 4  # none was asked for again
