"""References in the store, and the datasets that they become."""

from dataclasses import replace

import pytest

from core.domain.errors import BadInput, StoreFull
from core.domain.runs import Example
from core.domain.settings import Home
from core.domain.tasks import Label
from core.store.database import Database, open_database
from core.store.datasets import load_dataset, reference_key
from core.store.references import (
    add_reference,
    delete_reference,
    get_reference,
    list_references,
    reference_of,
    restore_reference,
)
from tests.store.making import TASK, FakeClock

TRAIN = [Example("fine", "pos"), Example("dull", "neg"), Example("fine", "pos")]
TEST = [Example("a\u202e 'bad' one", "neg")]
ORIGIN = {"file": "reviews.csv", "seed": 3}


def test_a_reference_is_kept_whole(db: Database, home: Home, clock: FakeClock) -> None:
    added = add_reference(db, TASK, "Real reviews", TRAIN, TEST, ORIGIN)
    assert (added.name, added.task_key, added.label_names) == (
        "Real reviews",
        TASK.key,
        ("pos", "neg"),
    )
    assert (added.origin, added.created_at, added.deleted_at) == (ORIGIN, clock.now, None)
    assert (added.train, added.test) == ({"pos": 2, "neg": 1}, {"pos": 0, "neg": 1})
    assert get_reference(open_database(home), added.id) == added
    assert list_references(db) == [added]


def test_its_parts_are_datasets_in_the_order_given(db: Database) -> None:
    added = add_reference(db, TASK, "R", TRAIN, TEST, ORIGIN)
    train = load_dataset(db, reference_key(added.id, "train"))
    assert list(zip(train.texts, train.labels, strict=True)) == [(e.text, e.label) for e in TRAIN]
    assert train.ids == tuple(f"{added.id}-train-{n}" for n in range(3))
    assert (train.name, train.label_names, train.fluency) == (
        "R (train)",
        ("pos", "neg"),
        (None, None, None),
    )
    test = load_dataset(db, f"reference:{added.id}:test")
    assert (test.texts, test.labels, test.name) == ((TEST[0].text,), ("neg",), "R (test)")
    for key in (f"reference:{added.id}", f"reference:{added.id}:all", "reference:none:train"):
        with pytest.raises(BadInput, match="no such reference"):
            load_dataset(db, key)


def test_a_task_has_its_newest_living_reference(db: Database, clock: FakeClock) -> None:
    other = replace(TASK, text_type="book review")
    assert reference_of(db, TASK) is None
    first = add_reference(db, TASK, "First", TRAIN, TEST, {})
    clock.forward(1)
    second = add_reference(db, TASK, "Second", TRAIN, TEST, {})
    clock.forward(1)
    foreign = add_reference(db, other, "Foreign", TRAIN, TEST, {})
    assert [r.id for r in list_references(db)] == [foreign.id, second.id, first.id]
    assert [r.id for r in list_references(db, TASK.key)] == [second.id, first.id]
    # Name, phrases and the order of labels make no other task of it.
    same = replace(TASK, name="Mine", labels=tuple(Label(x.name, "?") for x in TASK.labels[::-1]))
    assert reference_of(db, same) == second
    delete_reference(db, second.id)
    clock.forward(1)
    delete_reference(db, second.id)
    assert get_reference(db, second.id).deleted_at == clock.now - 1
    assert reference_of(db, TASK) == first
    assert [r.id for r in list_references(db, TASK.key, include_deleted=True)] == [
        second.id,
        first.id,
    ]
    # What is deleted can still be read by what was made with it.
    assert len(load_dataset(db, reference_key(second.id, "train"))) == 3
    restore_reference(db, second.id)
    assert reference_of(db, TASK) == second


def test_unknown_references_are_told(db: Database) -> None:
    for act in (get_reference, delete_reference, restore_reference):
        with pytest.raises(BadInput, match="no reference 'nothing'"):
            act(db, "nothing")


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        ([], TEST, "The train part has no texts"),
        (TRAIN, [], "The test part has no texts"),
        (TRAIN, [Example("a", "meh")], "The test part has the label 'meh', which the task lacks"),
    ],
)
def test_what_is_no_reference_of_the_task_is_refused(
    db: Database, train: list[Example], test: list[Example], message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        add_reference(db, TASK, "R", train, test, {})
    assert list_references(db) == []


@pytest.mark.parametrize("name", ["", " \0 ", "\u202e"])
def test_a_name_of_nothing_is_the_tasks(db: Database, name: str) -> None:
    assert add_reference(db, TASK, name, TRAIN, TEST, {}).name == "Reviews reference"


def test_a_full_disk_leaves_nothing_of_it(db: Database) -> None:
    pages = db.connection().execute("PRAGMA page_count").fetchone()[0]
    db.connection().execute(f"PRAGMA max_page_count = {pages + 20}")
    large = [Example("a" * 90_000, "pos")] * 10
    with pytest.raises(StoreFull):
        add_reference(db, TASK, "R", large, TEST, {})
    assert list_references(db) == []
    assert db.connection().execute("SELECT count(*) FROM reference_texts").fetchone()[0] == 0


def test_many_texts_are_stored_at_once(db: Database) -> None:
    many = [Example(f"text {n}", "pos") for n in range(20_000)]
    added = add_reference(db, TASK, "R", many, TEST, {})
    dataset = load_dataset(db, reference_key(added.id, "train"))
    assert dataset.texts == tuple(e.text for e in many)
    assert len(set(dataset.ids)) == 20_000
