import os
import subprocess
import sys
import time
from pathlib import Path

from core.domain.settings import Home
from core.jobs.launch import ensure_worker
from core.jobs.lease import (
    GRACE_SECONDS,
    LEASE_SECONDS,
    Heartbeat,
    ProcessLock,
    living,
    new_owner,
    release,
    renew,
    take,
)
from core.jobs.queue import submit
from core.store.database import Database
from tests.store.making import FakeClock

HOLD = """
import sys, time
from pathlib import Path
from core.jobs.lease import ProcessLock
from core.store.database import Database
lock = ProcessLock(Database(Path(sys.argv[1])))
assert lock.hold()
print("held", flush=True)
time.sleep(60)
"""


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


def test_a_lease_that_ran_out_counts_while_its_process_lives(
    db: Database, clock: FakeClock, tmp_path: Path
) -> None:
    take(db, "a", 1)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(db.path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        clock.forward(LEASE_SECONDS + GRACE_SECONDS - 1)
        assert living(db) is not None
        assert not take(db, "b", 2)
        assert not ensure_worker(Home(tmp_path), db, spawn=lambda _: None)
        holder.kill()  # nobody reaps it yet: its lock is gone all the same
        os.waitid(os.P_PID, holder.pid, os.WEXITED | os.WNOWAIT)
        assert living(db) is None
    finally:
        holder.kill()
        holder.communicate()


def test_a_process_that_hangs_loses_its_lease(db: Database, clock: FakeClock) -> None:
    take(db, "a", 1)
    lock = ProcessLock(db)
    assert lock.hold()
    clock.forward(LEASE_SECONDS + GRACE_SECONDS)
    assert living(db) is None
    assert take(db, "b", 2)
    lock.release()
