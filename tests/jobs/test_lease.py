import time

from core.jobs.lease import Heartbeat, living, new_owner, release, renew, take
from core.jobs.queue import submit
from core.store.database import Database
from tests.store.making import FakeClock


def test_one_holds_the_lease_until_it_runs_out(db: Database, clock: FakeClock) -> None:
    assert living(db) is None
    assert take(db, "a", 11)
    assert not take(db, "b", 22)
    clock.forward(9)
    assert renew(db, "a", note="busy x")
    clock.forward(9)
    lease = living(db)
    assert lease is not None
    assert (lease.owner, lease.pid, lease.note) == ("a", 11, "busy x")
    assert lease.until == clock.now + 1
    assert lease.started_at == clock.now - 18
    assert not take(db, "b", 22)
    clock.forward(1)
    assert living(db) is None
    assert take(db, "b", 22)
    assert not renew(db, "a")
    assert not release(db, "a")
    assert release(db, "b")
    assert living(db) is None


def test_a_late_renewal_holds_if_nobody_came(db: Database, clock: FakeClock) -> None:
    take(db, "a", 1)
    clock.forward(60)
    assert renew(db, "a")
    assert living(db) is not None


def test_an_idle_release_minds_queued_jobs(db: Database) -> None:
    take(db, "a", 1)
    submit(db, "generate", {})
    assert not release(db, "a", only_if_idle=True)
    assert living(db) is not None
    assert release(db, "a")


def test_owners_differ(db: Database) -> None:
    assert len({new_owner(db) for _ in range(100)}) == 100


def test_the_heartbeat_renews_and_notices_a_loss(real_db: Database) -> None:
    take(real_db, "a", 1, seconds=0.3)
    with Heartbeat(real_db, "a", seconds=0.3, every=0.05) as heartbeat:
        time.sleep(0.6)
        lease = living(real_db)
        assert lease is not None
        assert lease.owner == "a"
        assert not heartbeat.lost.is_set()
        with real_db.write() as connection:
            connection.execute("UPDATE lease SET owner = 'b'")
        assert heartbeat.lost.wait(2)
    assert not renew(real_db, "a")
