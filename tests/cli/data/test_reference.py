"""`reference`: files in, parts without a text in common, list and delete."""

import json
from pathlib import Path
from typing import Any

import pytest

from core.cli import main
from core.domain.settings import Home
from core.files.hub import HubDataset, fetch_dataset
from core.services.references import add_from_hub
from core.store.database import Database, open_database
from core.store.datasets import load_dataset, reference_key
from core.store.references import list_references, reference_of
from core.store.tasks import save_task
from tests.fake_hub import REVIEWS, FakeHub, as_parquet
from tests.store.making import TASK

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def db(home: Home) -> Database:
    database = open_database(home)
    save_task(database, TASK)
    return database


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    path = tmp_path / "reviews.csv"
    lines = [f"fine {n},POS\ndull {n},neg\n" for n in range(10)]
    path.write_text("Review,stars\n" + "".join(lines) + "Fine  0,POS\n")
    return path


def said(capsys: Capture, *arguments: object, code: int = 0) -> str:
    assert main(["reference", *map(str, arguments)]) == code
    output = capsys.readouterr()
    if code:
        assert output.out == ""
        assert output.err.count("\n") == 1
    return output.err if code else output.out


def test_a_file_becomes_the_tasks_reference(db: Database, reviews: Path, capsys: Capture) -> None:
    words = said(capsys, "add", reviews, "--task", "Reviews", "--label-column", "stars")
    reference = reference_of(db, TASK)
    assert reference is not None
    assert (reference.name, reference.test) == ("reviews.csv", reference.test)
    # Three of ten texts a label; the copy of "fine 0" goes where that is.
    extra = reference.test["pos"] - 3
    assert extra in (0, 1)
    assert (reference.train, reference.test) == (
        {"pos": 8 - extra, "neg": 7},
        {"pos": 3 + extra, "neg": 3},
    )
    assert words == (
        f"Reference {reference.id} 'reviews.csv' is now that of Reviews: {15 - extra} train and "
        f"{6 + extra} test texts ({8 - extra}+{3 + extra} pos, 7+3 neg), from the columns Review "
        "and stars. 1 are copies of others.\n"
    )
    assert reference.origin == {
        "file": "reviews.csv",
        "test_file": None,
        "text_column": "Review",
        "label_column": "stars",
        "label_map": {"POS": "pos"},
        "test_share": 0.3,
        "seed": 0,
        "copies": 1,
        "contradictory": 0,
        "left_out": 0,
    }


def test_share_seed_map_and_name(db: Database, reviews: Path, capsys: Capture) -> None:
    def add(seed: int) -> dict[str, Any]:
        options = ["--task", "Reviews", "--text-column", "review", "--label-column", "STARS"]
        options += ["--test-share", "0.5", "--seed", str(seed), "--name", "Swapped", "--json"]
        options += ["--map", "POS=neg", "--map", "neg=pos"]
        return json.loads(said(capsys, "add", reviews, *options))  # type: ignore[no-any-return]

    rows = [add(1), add(1), add(2)]
    tests = [load_dataset(db, reference_key(row["reference"], "test")).texts for row in rows]
    assert tests[0] == tests[1] != tests[2]
    assert (rows[0]["name"], rows[0]["labels"]) == ("Swapped", ["pos", "neg"])
    assert rows[0]["test"]["pos"] == 5
    assert rows[0]["origin"]["label_map"] == {"POS": "neg", "neg": "pos"}
    assert (rows[0]["origin"]["test_share"], rows[0]["origin"]["seed"]) == (0.5, 1)


def test_a_test_file_of_its_own(
    db: Database, reviews: Path, tmp_path: Path, capsys: Capture
) -> None:
    test = tmp_path / "test.jsonl"
    test.write_text('{"review": "FINE 0", "stars": "pos"}\n{"review": "new", "stars": "neg"}\n')
    words = said(
        capsys, "add", reviews, "--test", test, "--task", "Reviews", "--label-column", "stars"
    )
    assert "18+1" not in words
    assert "19 train and 2 test texts (9+1 pos, 10+1 neg)" in words
    assert "2 train texts are left out: they are in the test file." in words
    (reference,) = list_references(db)
    assert reference.origin["test_file"] == "test.jsonl"
    assert (reference.origin["seed"], reference.origin["left_out"]) == (None, 2)


def test_a_dataset_of_the_hub(
    db: Database, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = FakeHub(tmp_path, {"small/test/0000.parquet": as_parquet(REVIEWS)})

    def from_fake(dataset_id: str, **options: Any) -> HubDataset:
        return fetch_dataset(dataset_id, hub=hub, answers=lambda: True, **options)

    assert add_from_hub.__kwdefaults__
    monkeypatch.setitem(add_from_hub.__kwdefaults__, "fetch", from_fake)
    options = ["--hub", "owner/reviews", "--config", "small", "--split", "test"]
    words = said(capsys, "add", *options, "--task", "Reviews", "--test-share", "0.5")
    assert "2 train and 2 test texts (1+1 pos, 1+1 neg)" in words
    (reference,) = list_references(db)
    assert (reference.name, reference.origin["config"]) == ("owner/reviews", "small")


def test_without_a_network_the_hub_is_said_to_be_out_of_reach(
    db: Database, capsys: Capture
) -> None:
    words = said(capsys, "add", "--hub", "owner/reviews", "--task", "Reviews", code=1)
    assert words.startswith("The Hugging Face hub can't be reached")
    assert "files (CSV, JSONL, Parquet) work" in words


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "There is nothing to add. Give either FILE or --hub ID."),
        (["{file}", "--hub", "x"], "There is both a file and a dataset of the hub."),
        (["{file}", "--split", "x"], "--config and --split are of a dataset of the hub."),
        (["--hub", "x", "--test", "{file}"], "--test goes with a file, not with --hub."),
        (["{file}", "--test", "{file}", "--seed", "1"], "--test gives the test part."),
        (["{file}", "--seed", "-1"], "--seed is -1."),
        (["{file}", "--map", "POS"], "--map 'POS' is no map."),
        (["{file}", "--map", "=pos"], "--map '=pos' is no map."),
        (["{file}"], "Which column of reviews.csv holds the labels is unclear"),
        (["{file}", "--label-column", "stars", "--map", "POS=meh"], "The label 'meh', which a"),
        (["{file}", "--label-column", "stars", "--test-share", "1"], "The share of test texts is"),
        (["{file}", "--label-column", "stars", "--test-share", "nan"], "The share of test texts"),
        (["{file}", "--label-column", "stars", "--test", "{file}"], "All texts of the train file"),
        (["{file}", "--label-column", "none"], "has no column 'none'; its columns are: Review, st"),
        (["missing.csv"], "The file missing.csv can't be read (No such file or directory)."),
    ],
)
def test_what_cannot_be_added_is_told_in_a_line(
    db: Database, reviews: Path, capsys: Capture, arguments: list[str], message: str
) -> None:
    given = [argument.format(file=reviews) for argument in arguments]
    assert message in said(capsys, "add", *given, "--task", "Reviews", code=2)
    assert list_references(db) == []


def test_a_label_that_holds_a_sign_can_be_mapped(
    db: Database, tmp_path: Path, capsys: Capture
) -> None:
    file = tmp_path / "n.csv"
    file.write_text("text,label\na,x=1\nb,x=1\nc,neg\n")
    said(capsys, "add", file, "--task", "Reviews", "--map", "x=1=pos")
    (reference,) = list_references(db)
    assert reference.origin["label_map"] == {"x=1": "pos"}


def test_references_are_listed_deleted_and_restored(
    db: Database, reviews: Path, capsys: Capture
) -> None:
    assert said(capsys, "list").startswith("There are no references yet. Add one: python -m core r")
    assert said(capsys, "list", "--json") == "[]\n"
    common = ["add", reviews, "--task", "Reviews", "--label-column", "stars", "--name"]
    said(capsys, *common, "Old \x1b[2J")
    said(capsys, *common, "New")
    new, old = list_references(db)
    lines = said(capsys, "list").splitlines()
    assert lines[0].startswith(f"{new.id}  20")
    assert lines[0].endswith("New (pos, neg)")
    assert "\x1b" not in lines[1]
    rows = json.loads(said(capsys, "list", "--json"))
    assert [(row["reference"], row["train"]) for row in rows] == [
        (new.id, dict(new.train)),
        (old.id, dict(old.train)),
    ]
    assert "brings it back" in said(capsys, "delete", "New")
    assert reference_of(db, TASK) == old
    assert said(capsys, "delete", "New", code=2).startswith("There is no reference 'New'.")
    listed = said(capsys, "list", "--all").splitlines()
    assert " deleted New" in listed[0]
    assert len(said(capsys, "list").splitlines()) == 1
    said(capsys, "restore", new.id)
    assert reference_of(db, TASK) == new
    common_start = new.id[:3]
    assert "means 2 references" in said(capsys, "delete", common_start, code=2)


def test_it_needs_an_action(capsys: Capture, db: Database) -> None:
    assert "Missing command" in said(capsys, code=2)
