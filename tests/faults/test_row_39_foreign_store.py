"""Fault 39: a store from a newer version, or corrupt: refused; the file untouched."""

import hashlib
import subprocess
import sys

import pytest

from core.domain.errors import StoreUnusable
from core.domain.settings import Home
from core.jobs.worker import Worker
from core.store.database import Database, open_database
from tests.jobs.fake_worker import ROOT


@pytest.mark.parametrize("what", ["newer", "corrupt", "text"])
def test_it_is_refused_and_left_alone(db: Database, home: Home, what: str) -> None:
    if what == "newer":
        db.connection().execute("PRAGMA user_version = 2000")
    db.close()
    if what == "corrupt":
        home.store.write_bytes(home.store.read_bytes()[:5000])
    if what == "text":
        home.store.write_text("dear diary\n" * 1000)
    before = hashlib.sha256(home.store.read_bytes()).digest(), home.store.stat().st_mtime_ns
    for start in (open_database, lambda home: Worker(home, {}).run_forever()):
        with pytest.raises(StoreUnusable) as caught:
            start(home)
        assert str(home.store) in caught.value.what
        assert caught.value.remedy
    subprocess.run(
        [sys.executable, "-m", "tests.jobs.fake_worker", str(home.folder)],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    after = hashlib.sha256(home.store.read_bytes()).digest(), home.store.stat().st_mtime_ns
    assert after == before
