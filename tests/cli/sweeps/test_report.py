"""`report`: what it finds by a name, what it writes, and what it refuses."""

import csv
import json
from pathlib import Path

import pytest

from core.cli import main
from core.cli.sweeps.report import find_project
from core.domain.errors import BadInput
from core.domain.settings import Home
from core.domain.tasks import Label, Task
from core.store.database import open_database
from core.store.sweeps import create_sweep
from tests.analysis.made_results import SST2
from tests.analysis.study_store import finished_sweep

Capture = pytest.CaptureFixture[str]

OTHER = Task("=SUM(1)", "headline", (Label("a", "a news"), Label("b", "a bait")))


def test_a_study_becomes_a_file_and_its_numbers(
    home: Home, tmp_path: Path, capsys: Capture
) -> None:
    db = open_database(home)
    sweeps = [finished_sweep(db, study="Both"), finished_sweep(db, task=OTHER, study="Both")]
    out, folder = tmp_path / "report.html", tmp_path / "new" / "data"
    told = ["report", "Both", "--out", str(out), "--csv", str(folder), "--json"]
    assert main(told) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == {
        "out": str(out),
        "csv": str(folder),
        "sweeps": [one.id for one in sweeps[::-1]],
        "tasks": ["SST-2 sentiment", "=SUM(1)"],
        "runs": 16,
        "points": 24,
    }
    page = out.read_text("utf-8")
    assert "<title>Both</title>" in page
    assert "I am so happy with the plot." in page
    with (folder / "points.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 24
    assert {row["task"] for row in rows} == {"SST-2 sentiment", "'=SUM(1)"}  # no formula
    assert float(rows[0]["label_accuracy"]) == pytest.approx(0.9)
    assert rows[0]["similarity_low"] != "nan"
    assert json.loads((folder / "study.json").read_text("utf-8"))["runs"] == 16
    assert len((folder / "results.csv").read_bytes().splitlines()) == 1 + 16 * 3


def test_what_is_meant_by_a_name(home: Home) -> None:
    db = open_database(home)
    first = finished_sweep(db, name="One", study="Study")
    second = finished_sweep(db, name="Two", study="Study")
    third = finished_sweep(db, name="Three", task=OTHER)

    def ids(wanted: str) -> tuple[str, set[str]]:
        found = find_project(db, wanted)
        return found.kind, {one.id for one in found.records}

    both = {first.id, second.id}
    assert ids(first.id) == ("sweep", {first.id})
    assert ids("One") == ("sweep", {first.id})
    assert ids("Study") == ("study", both)
    assert ids(SST2.name) == ("task", both)
    assert ids(SST2.key) == ("task", both)
    assert ids(SST2.key[:6]) == ("task", both)
    assert ids("=SUM(1)")[1] == {third.id}
    for wanted in ("", "Nothing", "sweep:Study", "study:One", "task:"):
        with pytest.raises(BadInput, match="There is no sweep, study or task"):
            find_project(db, wanted)


def test_a_name_of_two_things_is_named_and_can_be_told_apart(home: Home) -> None:
    db = open_database(home)
    named = finished_sweep(db, name="Same")
    study = finished_sweep(db, name="Other", study="Same", task=OTHER)
    with pytest.raises(BadInput, match=r"'Same' means 2 things: the study 'Same' .*sweep 'Same'"):
        find_project(db, "Same")
    assert find_project(db, "study:Same").records[0].id == study.id
    assert find_project(db, "sweep:Same").records[0].id == named.id


def test_refusals_are_one_line_and_leave_nothing(
    home: Home, tmp_path: Path, capsys: Capture
) -> None:
    db = open_database(home)
    create_sweep(db, {"runs": []}, task_key=SST2.key, name="Empty")
    out = tmp_path / "report.html"
    for told, said in (
        (["report", "Empty", "--out", str(out)], "No run of these sweeps is assessed yet."),
        (["report", "None", "--out", str(out)], "There is no sweep, study or task 'None'"),
        (["report", "Empty", "--out", str(tmp_path / "x.txt")], "is no .html file"),
        (["report", "Empty"], "--out"),
    ):
        assert main(told) == 2
        shown = capsys.readouterr()
        assert said in shown.err
        assert (shown.out, shown.err.count("\n")) == ("", 1)
    finished_sweep(db, name="Full")
    assert main(["report", "Full", "--out", str(tmp_path / "no" / "x.html")]) == 2
    assert list(tmp_path.glob("*.html")) == []
