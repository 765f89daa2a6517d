"""Who may read a home folder: its owner alone."""

import os
import shutil
from pathlib import Path
from stat import S_IMODE

import pytest

from core.domain.settings import Home
from core.store.database import open_database

FIRST_EDITION = Path(__file__).parent.parent / "homes" / "first_edition"

pytestmark = pytest.mark.skipif(os.name == "nt", reason="access is another matter there")


def mode(path: Path) -> int:
    return S_IMODE(path.stat().st_mode)


def test_a_new_home_is_its_owners_alone(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    before = os.umask(0o022)
    try:
        open_database(home).close()
    finally:
        os.umask(before)
    assert mode(home.folder) == 0o700
    files = [path for path in home.folder.iterdir() if path.is_file()]
    assert home.store in files
    assert {path.name: mode(path) for path in files} == {path.name: 0o600 for path in files}


def test_the_store_of_an_older_home_becomes_private_and_so_does_its_backup(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    shutil.copytree(FIRST_EDITION, home.folder)
    home.store.chmod(0o644)
    before = os.umask(0o022)
    try:
        open_database(home).close()
    finally:
        os.umask(before)
    stores = list(home.folder.glob("wideset.sqlite3*"))
    assert len(stores) >= 2
    assert {path.name: mode(path) for path in stores} == {path.name: 0o600 for path in stores}
