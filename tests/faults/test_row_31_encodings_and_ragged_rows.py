"""Fault 31: UTF-16, BOM, CP1252, ragged CSV: detected, or refused with the row number.

Every encoding and row on its own is in tests/test_labelled_files.py; here whole reference files go
in by the command line, and the store holds what they say or nothing.
"""

from pathlib import Path

import pytest

from core.cli import main
from core.domain.settings import Home
from core.store.database import Database
from core.store.datasets import load_dataset, reference_key
from core.store.references import list_references
from core.store.tasks import save_task
from tests.store.making import TASK

ROWS = [("größer, besser", "pos"), ("naïve €5", "neg"), ("prêt", "pos"), ("déjà vu", "neg")]
CONTENT = "text,label\r\n" + "".join(f'"{text}",{label}\r\n' for text, label in ROWS)


def add(path: Path) -> int:
    return main(["reference", "add", str(path), "--task", TASK.name, "--test-share", "0.5"])


@pytest.fixture
def file(home: Home, real_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WIDESET_HOME", str(home.folder))
    save_task(real_db, TASK)
    return tmp_path / "reviews.csv"


@pytest.mark.parametrize(
    "content",
    [
        CONTENT.encode(),
        CONTENT.encode("utf-8-sig"),
        CONTENT.encode("utf-16"),
        b"\xfe\xff" + CONTENT.encode("utf-16-be"),
        CONTENT.encode("cp1252"),
    ],
    ids=["utf-8", "bom", "utf-16", "utf-16-be", "cp1252"],
)
def test_what_can_be_told_is_read_exactly(real_db: Database, file: Path, content: bytes) -> None:
    file.write_bytes(content)
    assert add(file) == 0
    (reference,) = list_references(real_db)
    parts = [load_dataset(real_db, reference_key(reference.id, p)) for p in ("train", "test")]
    stored = [pair for part in parts for pair in zip(part.texts, part.labels, strict=True)]
    assert sorted(stored) == sorted(ROWS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (CONTENT.encode("utf-32"), "is in UTF-32, in UTF-16 without a mark, or no text at all"),
        (CONTENT.encode()[:-10] + b"\xff\r\n", "is damaged: line 5 is neither UTF-8 nor"),
        (CONTENT.encode() + b"short\r\n", "Row 6 of reviews.csv has 1 cells, but the header has 2"),
        (CONTENT.encode() + b"a,b,pos\r\n", "Row 6 of reviews.csv has 3 cells"),
        (CONTENT.encode() + b'"open,pos\r\n', "Row 6 of reviews.csv is not valid CSV"),
        (CONTENT.encode() + b",pos\r\n", "Row 6 of reviews.csv has no text."),
        (CONTENT.encode() + b"a,meh\r\n", "Row 6 of reviews.csv has the label 'meh'"),
    ],
    ids=["utf-32", "damaged", "short", "long", "open", "no-text", "label"],
)
def test_what_cannot_is_refused_and_nothing_is_stored(
    real_db: Database,
    file: Path,
    capsys: pytest.CaptureFixture[str],
    content: bytes,
    message: str,
) -> None:
    file.write_bytes(content)
    assert add(file) == 2
    assert message in capsys.readouterr().err
    assert list_references(real_db) == []
