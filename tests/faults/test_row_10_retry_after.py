"""Faults 10 and 11: 429 with Retry-After: a short wait is waited, a long one pauses the run."""

import email.utils
import time

import pytest

from core.domain.settings import Home
from core.store.database import Database
from tests.faults.misbehaving import Exchange, Misbehaving, error, well
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
        assert runs.backend.endpoint.limiter.limit < 3
    assert ended.job.state == "done"
    assert len(ended.samples) == 12
    assert runs.time.now >= 30


def test_a_storm_halves_the_requests_at_once_and_is_recovered_from(
    home: Home, real_db: Database
) -> None:
    under_way, most_at_once = [0], [0]

    def counted(exchange: Exchange) -> None:
        under_way[0] += 1
        most_at_once[0] = max(most_at_once[0], under_way[0])
        time.sleep(0.002)
        under_way[0] -= 1
        (error(429) if 30 <= exchange.number < 45 else well)(exchange)

    with (
        Misbehaving(then=counted) as server,
        Runs(home, real_db, server, at_once=8) as runs,
    ):
        ended = runs.run(per_label=40, size=40)
        limits = runs.backend.endpoint.limiter.limit
    assert (ended.job.state, len(ended.samples)) == ("done", 80)
    assert ended.outcomes.count("too_many_requests") == 15
    assert max(attempt.attempt for attempt in ended.attempts) <= 6
    assert most_at_once[0] <= 8
    assert 2 < limits <= 8  # a storm brings it down to one or two


@pytest.mark.parametrize("asked", ["-5", "0", "soon", "Thu, 01 Jan 1970 00:00:10 GMT"])
def test_a_wait_of_nothing_leaves_our_own(home: Home, real_db: Database, asked: str) -> None:
    orders = [error(429, headers={"Retry-After": asked})] * 3
    with Misbehaving(orders) as server, Runs(home, real_db, server) as runs:
        ended = runs.run(per_label=1, size=1, targets=[("neg", 0)])
    assert ended.job.state == "done"
    first, second, third = runs.time.slept
    assert 0.2 <= first <= 0.4
    assert 0.8 <= second <= 1.6
    assert 3.2 <= third <= 6.4


def test_a_wait_of_ages_is_told_in_words(home: Home, real_db: Database) -> None:
    orders = [error(429, headers={"Retry-After": "999999"})]
    with Misbehaving(orders) as server, Runs(home, real_db, server) as runs:
        paused = runs.run()
    assert paused.job.state == "paused"
    assert "It asks to wait 11.6 days." in paused.job.message
    assert paused.job.remedy == "Resume after 11.6 days."


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
