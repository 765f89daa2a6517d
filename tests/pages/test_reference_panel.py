"""Attaching reference data to a task, removing it, and what is refused on the way."""

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.domain.errors import BadInput
from core.domain.runs import Example
from core.domain.serialization import to_json
from core.domain.settings import Home
from core.domain.tasks import Task
from core.jobs import claims
from core.jobs.lease import release, take
from core.jobs.queue import list_jobs
from core.services.references import example_task
from core.store.database import Database
from core.store.datasets import load_dataset, reference_key
from core.store.references import add_reference, list_references, reference_of
from tests.pages.making import buttons, words
from tests.store.making import TASK


def page(task: dict) -> None:  # type: ignore[type-arg]
    import streamlit as st

    from core.domain.tasks import task_from_dict
    from pages.components.reference import choose_reference
    from pages.components.shell import set_up, show_flash

    app = set_up()
    show_flash()
    with st.sidebar:
        chosen = choose_reference(app, task_from_dict(task))
    st.code(str(chosen and chosen.id))


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    path = tmp_path / "reviews.csv"
    lines = [f"fine {n},good,{n}\n*dull* {n},NEG,{n}\n" for n in range(10)]
    path.write_text("Review,Mood,n\n" + "".join(lines))
    return path


class Panel:
    """The panel of a task, as a person works with it."""

    def __init__(self, task: Task = TASK) -> None:
        self.task = task
        self.app = AppTest.from_function(page, args=(to_json(task),), default_timeout=60)
        self.round = 0
        self.run()

    def key(self, name: str) -> str:
        return f"reference-{self.task.key}-{self.round}-{name}"

    def run(self) -> None:
        self.app.run()
        assert not self.app.exception

    def choose_way(self, way: str) -> None:
        self.app.get_by_key(self.key("from")).set_value(way)
        self.run()

    def write(self, name: str, value: object) -> None:
        self.app.text_input(key=self.key(name)).input(str(value))
        self.run()

    def press(self, key: str) -> None:
        self.app.button(key=key).click()
        self.run()

    def attach(self) -> None:
        self.press(self.key("attach"))

    def selects(self) -> dict[str, Any]:
        return {one.label: one for one in self.app.selectbox}

    @property
    def chosen(self) -> str:
        return str(self.app.code[0].value)

    @property
    def said(self) -> str:
        return words(self.app)


def test_a_task_without_a_reference_offers_to_attach_one(home: Home, db: Database) -> None:
    panel = Panel()
    assert panel.chosen == "None"
    assert "Reference: real labelled texts of this task" in panel.said
    assert "remove_reference" not in buttons(panel.app)
    ways = panel.app.get_by_key(panel.key("from"))
    assert ways.options == ["Upload", "Path", "Hugging Face"]


def test_a_file_is_mapped_split_and_attached(home: Home, db: Database, reviews: Path) -> None:
    panel = Panel()
    panel.choose_way("Path")
    panel.write("train", reviews)
    selects = panel.selects()
    assert selects["Text column"].value == "Review"
    assert selects["Label column"].value is None
    assert "Choose the text and label columns." in panel.said
    selects["Label column"].select("Mood")
    panel.run()
    # NEG reads like neg; what good is, a person says.
    selects = panel.selects()
    assert (selects["good (10)"].value, selects["NEG (10)"].value) == (None, "neg")
    assert "1 label is not mapped yet." in panel.said
    assert panel.key("attach") not in buttons(panel.app)
    selects["good (10)"].select("pos")
    panel.run()
    preview = panel.app.dataframe[0].value
    assert preview["Text"].tolist() == ["fine 0", "*dull* 0", "fine 1", "*dull* 1", "fine 2"]
    assert preview["Task label"].tolist() == ["pos", "neg", "pos", "neg", "pos"]
    panel.app.slider(key=panel.key("share")).set_value(20)
    panel.app.number_input(key=panel.key("seed")).set_value(7)
    panel.run()
    counts = panel.app.dataframe[1].value
    assert counts.values.tolist() == [["pos", 8, 2], ["neg", 8, 2]]
    assert "16 train and 4 test texts, no overlap." in panel.said
    panel.attach()
    reference = reference_of(db, TASK)
    assert reference is not None
    assert panel.chosen == reference.id
    assert (reference.name, reference.test) == ("reviews.csv", {"pos": 2, "neg": 2})
    assert reference.origin["label_map"] == {"good": "pos", "NEG": "neg"}
    assert (reference.origin["test_share"], reference.origin["seed"]) == (0.2, 7)
    assert panel.app.expander[0].label.replace("\\", "") == "reviews.csv: 16 train, 4 test"
    assert "From reviews.csv; 20% test, split with seed 7." in panel.said
    # The next one begins with empty fields.
    panel.round = 1
    assert panel.app.get_by_key(panel.key("from")).value == "Upload"


def test_an_upload_with_a_test_file_of_its_own(home: Home, db: Database) -> None:
    panel = Panel()
    panel.app.toggle(key=panel.key("own")).set_value(True)
    panel.run()
    train = b"text,label\nfine,pos\ndull,neg\ngood,pos\n"
    test = b'{"TEXT": "Dull", "label": "neg"}\n'
    train_file, test_file = panel.app.file_uploader
    train_file.upload("train.csv", train, "text/csv")
    panel.run()
    assert panel.key("attach") not in buttons(panel.app)
    test_file = panel.app.file_uploader[1]
    test_file.upload("test.jsonl", test, "application/json")
    panel.run()
    assert "Left out of the train part, as they are in the test file: 1 text." in panel.said
    panel.attach()
    reference = reference_of(db, TASK)
    assert reference is not None
    assert load_dataset(db, reference_key(reference.id, "train")).texts == ("fine", "good")
    assert load_dataset(db, reference_key(reference.id, "test")).texts == ("Dull",)
    assert reference.origin["test_file"] == "test.jsonl"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("n.csv", b"text,label\na,pos\nb\n", "Row 3 of n.csv has 1 cells, but the header has 2."),
        ("n.csv", b"\x80\x04K\x01.", "is a Python pickle, which could run any program"),
        ("n.csv", b"text,label\na,pos\n", "These texts can't be split into train and test"),
        ("n.csv", b"x," * 2_000, "has over 1,000 columns"),
        (
            "n.jsonl",
            b'{"text": "a", "label": 0.5}',
            "has a label that is no text but of type float",
        ),
        ("n.csv", b"text,label\n" + b"".join(b"a,%d\n" % n for n in range(101)), "too many to be"),
        ("m.joblib", b"text,label\n", "is a Python pickle"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_in_words(
    home: Home, db: Database, tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    panel = Panel()
    panel.choose_way("Path")
    panel.write("train", path)
    assert message in panel.said
    assert panel.key("attach") not in buttons(panel.app)
    panel.write("train", tmp_path / "gone.csv")
    assert "The file gone.csv can't be read (No such file or directory)." in panel.said


def test_the_example_is_offered_for_its_task(home: Home, db: Database) -> None:
    panel = Panel(example_task())
    assert panel.app.get_by_key(panel.key("from")).value == "Example"
    assert "300 train and 150 test texts, no overlap." in panel.said
    panel.attach()
    reference = reference_of(db, example_task())
    assert reference is not None
    assert set(reference.train.values()) == {60}
    assert set(reference.test.values()) == {30}


def test_a_reference_is_removed_and_brought_back(home: Home, db: Database) -> None:
    texts = [Example("a", "pos")], [Example("b", "neg")]
    hostile = "![x](http://x.example/a.png) <b>"
    old = add_reference(db, TASK, "Old", *texts, {"file": "old.csv"})
    new = add_reference(db, TASK, hostile, *texts, {"file": "new.csv"})
    panel = Panel()
    assert panel.chosen == new.id
    assert hostile in panel.app.expander[0].label.replace("\\", "").replace("\u2060", "")
    panel.press("remove_reference")
    assert panel.chosen == old.id
    panel.press("restore_reference")
    assert panel.chosen == new.id
    assert "restore_reference" not in buttons(panel.app)


def test_a_dataset_is_fetched_by_the_worker(home: Home, db: Database) -> None:
    panel = Panel()
    panel.choose_way("Hugging Face")
    assert not buttons(panel.app)[panel.key("attach")]
    panel.write("hub", " owner/reviews ")
    panel.write("split", "test")
    panel.app.text_area(key=panel.key("pairs")).input("0 = neg\n\nx=1 = pos\n")
    panel.run()
    panel.attach()
    (job,) = list_jobs(db)
    assert job.kind == "fetch"
    assert job.spec == {
        "hub": "owner/reviews",
        "config": None,
        "split": "test",
        "task": to_json(TASK),
        "text_column": None,
        "label_column": None,
        "map": {"0": "neg", "x=1": "pos"},
        "test_share": 0.3,
        "seed": 0,
        "name": "",
    }
    assert "Waiting to download owner/reviews" in panel.said
    # Another session sees it too, and another task's panel does not.
    assert "owner/reviews" in Panel().said
    assert "owner/reviews" not in Panel(example_task()).said
    assert take(db, "w", 1, seconds=600)
    assert claims.claim(db, "w", job_id=job.id)
    panel.run()
    assert "Downloading owner/reviews" in panel.said
    claims.settle(db, job.id, "w", "failed", BadInput("There is no *such* dataset.", "Choose one."))
    release(db, "w")
    panel.run()
    assert "There is no *such* dataset. Choose one." in panel.said
    assert "such" not in Panel().said
    panel.press("dismiss_fetch")
    assert "such" not in panel.said


def test_a_fetch_can_be_stopped(home: Home, db: Database) -> None:
    panel = Panel()
    panel.choose_way("Hugging Face")
    panel.write("hub", "owner/reviews")
    panel.attach()
    panel.press("stop_fetch")
    (job,) = list_jobs(db)
    assert job.state == "cancelled"
    assert "owner/reviews" not in panel.said
    assert list_references(db) == []


def test_an_invalid_label_mapping_is_refused(home: Home, db: Database) -> None:
    panel = Panel()
    panel.choose_way("Hugging Face")
    panel.write("hub", "owner/reviews")
    panel.app.text_area(key=panel.key("pairs")).input("zero is neg")
    panel.run()
    panel.attach()
    assert "The line 'zero is neg' is not a label mapping." in panel.said
    assert list_jobs(db) == []
