"""Fault 17: connection reset: retried, then that request fails and the run goes on."""

from core.domain.settings import Home
from core.store.database import Database
from tests.faults.misbehaving import Misbehaving, reset
from tests.faults.serving import Runs

ONE = {"per_label": 1, "size": 1, "targets": [("neg", 0)]}


def test_it_is_retried(home: Home, real_db: Database) -> None:
    with Misbehaving([reset]) as server, Runs(home, real_db, server) as runs:
        ended = runs.run(**ONE)
    assert ended.outcomes == ["connection_lost", "ok"]
    assert ended.job.state == "done"


def test_then_the_request_fails_and_is_made_up_for(home: Home, real_db: Database) -> None:
    with Misbehaving([reset] * 6) as server, Runs(home, real_db, server) as runs:
        ended = runs.run(**ONE)
    assert ended.outcomes == ["connection_lost"] * 6 + ["ok"]
    (sample,) = ended.samples
    assert (sample.cycle, ended.job.state) == (2, "done")  # topped up by the next cycle


def test_one_request_after_another_lost_pauses_the_run(home: Home, real_db: Database) -> None:
    with Misbehaving(then=reset) as server, Runs(home, real_db, server) as runs:
        paused = runs.run(per_label=5, size=5)
        assert paused.job.state == "paused"
        assert "4 requests in a row" in paused.job.message
        assert set(paused.outcomes) == {"connection_lost"}
        assert 4 * 6 <= len(paused.outcomes) <= 10 * 6
        server.order()
        done = runs.resume(paused.job)
    assert (done.job.state, len(done.samples)) == ("done", 10)
