"""`replicate`: all sets one after the other, and the card of what was found."""

import json
from pathlib import Path

import pytest

from core.cli import main
from core.domain.settings import Home
from core.domain.tasks import preset
from core.store.database import open_database
from core.store.sweeps import list_sweeps
from core.sweeps.replication import replication_grid
from tests.cli.sweeps.test_sweep import pretend

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "sst2"
    folder.mkdir(parents=True)
    for part in ("train", "test"):
        rows = [f"{part} {k},{label}" for k in range(30) for label in ("good", "bad")]
        (folder / f"{part}.csv").write_text("\n".join(["text,label", *rows]))
    (folder / "labels.csv").write_text(
        "label,label_in_prompt\ngood,positive sentiment\nbad,negative sentiment\n"
    )
    return folder.parent


def test_the_card_and_its_numbers_are_written(
    home: Home, data: Path, tmp_path: Path, capsys: Capture
) -> None:
    out = tmp_path / "out"
    told = ["replicate", str(data), "--texts", "10", "--repeats", "1", "--out", str(out)]
    assert main([*told, "--json"], handlers={"sweep": pretend()}) == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["finding"] for one in found["card"]] == [1, 2, 3, 4, 5, 6, 7]
    assert found["runs"] == 16
    text = (out / "card.md").read_text("utf-8")
    assert "16 of 16 conditions" in text
    assert json.loads((out / "card.json").read_text("utf-8")) == found
    assert (out / "points.csv").read_text("utf-8").startswith("point,")
    assert "<title>Replication: what holds</title>" in (out / "report.html").read_text("utf-8")
    assert len((out / "results.csv").read_text("utf-8").splitlines()) > 16
    with_reference = list_sweeps(open_database(home))[0].grid["recipe"]["reference"]
    assert list_sweeps(open_database(home))[0].grid == json.loads(
        json.dumps(
            replication_grid(
                preset("sst2"), reference=with_reference, texts=10, repeats=1
            ).to_dict()
        )
    )
    # The same command again does nothing again.
    assert main(told, handlers={}) == 0
    assert "1. Logit suppression" in capsys.readouterr().out


def test_failed_runs_are_told_and_the_card_is_of_the_others(
    home: Home, data: Path, tmp_path: Path, capsys: Capture
) -> None:
    told = ["replicate", str(data), "--texts", "10", "--repeats", "1", "--out", str(tmp_path / "o")]
    assert main(told, handlers={"sweep": pretend(fail=3)}) == 1
    assert "1 runs failed" in capsys.readouterr().err
    assert "15 of 15 conditions" in (tmp_path / "o" / "card.md").read_text("utf-8")


def test_a_folder_without_sets_is_refused(home: Home, tmp_path: Path, capsys: Capture) -> None:
    assert main(["replicate", str(tmp_path)]) == 2
    assert "no real set" in capsys.readouterr().err


def test_a_set_that_cannot_be_used_is_named(home: Home, data: Path, capsys: Capture) -> None:
    (data / "sst2" / "test.csv").unlink()
    assert main(["replicate", str(data)]) == 2
    assert capsys.readouterr().err.startswith("sst2: The file test.csv can't be read")
    assert list_sweeps(open_database(home)) == []
