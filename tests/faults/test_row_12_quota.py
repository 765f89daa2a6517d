"""Fault 12: 429 insufficient_quota stops at once and says why."""

from core.domain.settings import Home
from core.store.database import Database
from tests.faults.misbehaving import Misbehaving, error, well
from tests.faults.serving import Runs


def test_one_request_and_no_retry(home: Home, real_db: Database) -> None:
    used_up = error(429, code="insufficient_quota", headers={"Retry-After": "1"})
    with Misbehaving([well], then=used_up) as server, Runs(home, real_db, server) as runs:
        ended = runs.run()
        assert len(server.seen) == 2
    assert ended.job.state == "failed"
    assert ended.outcomes == ["ok", "quota"]
    assert "quota is used up" in ended.job.message
    assert runs.time.slept == []
    assert len(ended.samples) == 1  # what came before is kept


def test_once_there_is_credit_resume_goes_on(home: Home, real_db: Database) -> None:
    orders = [error(429, code="insufficient_quota")]
    with Misbehaving(orders) as server, Runs(home, real_db, server) as runs:
        done = runs.resume(runs.run().job)
    assert (done.job.state, len(done.samples)) == ("done", 4)
