"""Fault 36: an uploaded pickle or joblib: refused, never opened, whatever it calls itself."""

import gzip
import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest

from core.cli import main
from core.domain.errors import BadInput
from core.domain.settings import Home
from core.files.labelled import columns_of, read_labelled
from core.store.database import Database
from core.store.references import list_references
from core.store.tasks import save_task
from tests.store.making import TASK


class Trap:
    """Whoever unpickles it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def zipped(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", content)
    return buffer.getvalue()


@pytest.fixture
def sprung(tmp_path: Path) -> Path:
    return tmp_path / "sprung"


def test_the_trap_would_spring(sprung: Path) -> None:
    pickle.loads(pickle.dumps(Trap(sprung)))
    assert sprung.exists()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("name", ["m.pkl", "m.joblib", "m.pt", "m.npy", "m.csv", "m.parquet"])
def test_a_pickle_is_not_opened(sprung: Path, name: str, protocol: int) -> None:
    raw = pickle.dumps(Trap(sprung), protocol=protocol)
    for content in (raw, gzip.compress(raw), zipped(raw)):
        with pytest.raises(BadInput):
            read_labelled(content, name=name, task=None)
        if name != "m.csv" or protocol > 1:  # the old ones are lines of text, of no table
            with pytest.raises(BadInput):
                columns_of(content, name=name)
    assert not sprung.exists()


def test_nor_by_the_command_line(
    home: Home,
    real_db: Database,
    sprung: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WIDESET_HOME", str(home.folder))
    save_task(real_db, TASK)
    for name in ("reference.pkl", "reference.csv"):
        (tmp_path / name).write_bytes(pickle.dumps(Trap(sprung)))
        assert main(["reference", "add", str(tmp_path / name), "--task", TASK.name]) == 2
        assert "which could run any program; it was not opened" in capsys.readouterr().err
    assert not sprung.exists()
    assert list_references(real_db) == []
