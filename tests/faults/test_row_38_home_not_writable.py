"""Fault 38: the home folder can't be written to: a clear message at start."""

from pathlib import Path

import pytest

from core.domain.errors import HomeUnusable
from core.domain.settings import Home
from core.jobs.worker import Worker
from core.store.database import open_database


@pytest.mark.parametrize("where", ["under a file", "/proc/wideset"])
def test_it_is_said_with_the_folder_and_the_way_out(tmp_path: Path, where: str) -> None:
    # Also root, as whom these tests may run, can write to neither.
    (tmp_path / "file").write_text("")
    folder = tmp_path / "file" / "home" if where == "under a file" else Path(where)
    if where.startswith("/proc") and not Path("/proc/self").exists():
        pytest.skip("no /proc here")
    for start in (open_database, lambda home: Worker(home, {}).run_forever()):
        with pytest.raises(HomeUnusable) as caught:
            start(Home(folder))
        assert str(folder) in caught.value.what
        assert "WIDESET_HOME" in caught.value.remedy
