"""Versions: derived, never changed; back and forth through them to any depth."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.errors import BadInput, StaleEdit
from core.domain.settings import Home
from core.store.database import Database, open_database
from core.store.datasets import load_dataset, version_key
from core.store.generation.runs import create_run
from core.store.generation.samples import add_samples
from core.store.interventions.versions import (
    VersionRecord,
    VersionRow,
    choose,
    derive,
    get_version,
    head,
    lineage,
    list_versions,
    moves_of,
    raw_version,
    redo,
    redo_target,
    undo,
    version_rows,
)
from tests.store.making import FakeClock, make_sample, make_spec


@pytest.fixture
def run_id(db: Database) -> str:
    run_id = create_run(db, make_spec(), name="Mine").id
    add_samples(
        db,
        [
            make_sample(run_id, 0),
            make_sample(run_id, 1, outcome="empty"),
            make_sample(run_id, 2, label="neg"),
            make_sample(run_id, 3),
        ],
    )
    return run_id


def step(db: Database, parent: VersionRecord, name: str) -> VersionRecord:
    rows = version_rows(db, parent.id)
    return derive(db, parent.id, "manual", rows, who="Ann", name=name, spec={}, facts={})


def test_the_raw_version_holds_the_usable_texts(db: Database, run_id: str) -> None:
    raw = raw_version(db, run_id)
    assert (raw.kind, raw.parent_id, raw.name) == ("raw", None, "Raw")
    assert version_rows(db, raw.id) == [
        VersionRow(f"{run_id}-{number}", label)
        for number, label in ((0, "pos"), (2, "neg"), (3, "pos"))
    ]
    assert raw_version(db, run_id) == raw
    add_samples(db, [make_sample(run_id, 4)])
    later = raw_version(db, run_id)
    assert later.id != raw.id
    assert len(version_rows(db, raw.id)) == 3
    assert len(version_rows(db, later.id)) == 4


def test_a_run_without_texts_has_no_versions(db: Database) -> None:
    empty = create_run(db, make_spec()).id
    with pytest.raises(BadInput, match="no usable texts"):
        raw_version(db, empty)
    assert list_versions(db, empty) == []


def test_a_version_and_its_dataset(db: Database, run_id: str, clock: FakeClock) -> None:
    raw = raw_version(db, run_id)
    first, second, third = version_rows(db, raw.id)
    rows = [
        replace(first, label="neg", proxy_label="neg", confidence=0.75),
        replace(second, label="pos", human_label="pos", who="Ann", in_scope=True),
        replace(third, kept=False, in_scope=False, scope_confidence=0.125),
    ]
    clock.forward(5)
    version = derive(
        db,
        raw.id,
        "lr",
        rows,
        name=" A\nname ",
        spec={"weight": 0.3},
        facts={"changed": 2},
        who="Ann",
    )
    assert get_version(db, version.id) == version
    assert (version.name, version.spec, version.facts) == (
        "A name",
        {"weight": 0.3},
        {"changed": 2},
    )
    assert version_rows(db, version.id) == rows
    assert [row.label for row in version_rows(db, raw.id)] == ["pos", "neg", "pos"]
    dataset = load_dataset(db, version_key(version.id))
    assert dataset.name == "Mine: A name"
    assert dataset.ids == (f"{run_id}-0", f"{run_id}-2")
    assert dataset.labels == ("neg", "pos")
    assert dataset.texts == ("text 0", "text 2")
    assert dataset.fluency == (-1.5, -1.5)
    assert dataset.label_names == ("pos", "neg")
    # What is derived from it later holds the text that went, too.
    again = derive(
        db,
        version.id,
        "manual",
        [*rows[:2], replace(rows[2], kept=True)],
        spec={},
        facts={},
        who="Ann",
    )
    assert again.name == "Manual edits"
    assert load_dataset(db, version_key(again.id)).ids[-1] == f"{run_id}-3"
    assert [v.id for v in lineage(db, again.id)] == [raw.id, version.id, again.id]
    assert [v.id for v in list_versions(db, run_id)] == [raw.id, version.id, again.id]


def test_a_version_of_other_texts_or_labels_is_refused(db: Database, run_id: str) -> None:
    raw = raw_version(db, run_id)
    rows = version_rows(db, raw.id)
    for wrong in (rows[:2], [*rows, rows[0]], [*rows[:2], VersionRow(f"{run_id}-1", "pos")]):
        with pytest.raises(ValueError, match="texts of its parent"):
            derive(db, raw.id, "lr", wrong, spec={}, facts={}, who="Ann")
    with pytest.raises(ValueError, match="labels are the task's"):
        derive(
            db, raw.id, "lr", [replace(rows[0], label="x"), *rows[1:]], spec={}, facts={}, who="Ann"
        )
    for key in ("nothing", ""):
        with pytest.raises(BadInput, match="no such version"):
            derive(db, key, "lr", rows, spec={}, facts={}, who="Ann")
        with pytest.raises(BadInput, match="no such version"):
            load_dataset(db, f"version:{key}")
    assert [version.id for version in list_versions(db, run_id)] == [raw.id]


def test_undo_and_redo_walk_to_any_depth(db: Database, run_id: str) -> None:
    assert head(db, run_id) is None
    with pytest.raises(BadInput, match="nothing was derived"):
        undo(db, run_id, who="Ann", seen="x")
    chain = [raw_version(db, run_id)]
    for name in "abc":
        chain.append(step(db, chain[-1], name))
    for now, before in zip(chain[:0:-1], chain[-2::-1], strict=True):
        assert head(db, run_id) == now
        assert undo(db, run_id, who="Ann", seen=now.id) == before
    with pytest.raises(BadInput, match="nothing to undo"):
        undo(db, run_id, who="Ann", seen=chain[0].id)
    for now, after in pairwise(chain):
        assert redo_target(db, run_id) == after
        assert redo(db, run_id, who="Ann", seen=now.id) == after
    with pytest.raises(BadInput, match="nothing to redo"):
        redo(db, run_id, who="Ann", seen=chain[-1].id)
    actions = [move.action for move in moves_of(db, run_id)]
    assert actions == ["derive"] * 3 + ["undo"] * 3 + ["redo"] * 3


def test_redo_goes_the_way_that_was_gone_last(db: Database, run_id: str) -> None:
    raw = raw_version(db, run_id)
    a = step(db, raw, "a")
    b = step(db, a, "b")
    undo(db, run_id, who="Ann", seen=b.id)
    c = step(db, a, "c")  # another branch; b stays
    undo(db, run_id, who="Ann", seen=c.id)
    undo(db, run_id, who="Ann", seen=a.id)
    redo(db, run_id, who="Ann", seen=raw.id)
    assert redo_target(db, run_id) == c
    choose(db, b.id, who="Ann")
    undo(db, run_id, who="Ann", seen=b.id)
    assert redo_target(db, run_id) == b


def test_undo_of_what_another_moved_meanwhile_is_refused(db: Database, run_id: str) -> None:
    raw = raw_version(db, run_id)
    a = step(db, raw, "a")
    b = step(db, a, "b")
    for move in (undo, redo):
        with pytest.raises(StaleEdit, match="stands at 'b' meanwhile"):
            move(db, run_id, who="Ann", seen=a.id)
    assert head(db, run_id) == b
    assert len(moves_of(db, run_id)) == 2


def test_a_version_that_an_earlier_edition_deleted_stays_hidden(db: Database, run_id: str) -> None:
    raw = raw_version(db, run_id)
    a = step(db, raw, "a")
    undo(db, run_id, who="Ann", seen=a.id)
    with db.write() as connection:
        connection.execute("UPDATE versions SET deleted_at = 1 WHERE id = ?", (a.id,))
    assert list_versions(db, run_id) == [raw]
    assert [v.id for v in list_versions(db, run_id, include_deleted=True)] == [raw.id, a.id]
    assert redo_target(db, run_id) is None
    for attempt in (lambda: step(db, a, "x"), lambda: choose(db, a.id, who="Ann")):
        with pytest.raises(BadInput, match="was deleted"):
            attempt()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(["derive", "undo", "redo"]), max_size=25))
def test_undo_and_redo_are_those_of_a_list(tmp_path_factory, actions: list[str]) -> None:  # type: ignore[no-untyped-def]
    db = open_database(Home(tmp_path_factory.mktemp("home")))
    run_id = create_run(db, make_spec()).id
    add_samples(db, [make_sample(run_id, 0)])
    path, at = [raw_version(db, run_id).id], 0
    for number, action in enumerate(actions):
        if action == "derive":
            del path[at + 1 :]
            path.append(step(db, get_version(db, path[at]), str(number)).id)
            at += 1
        elif action == "undo" and at > 0:
            at -= 1
            assert undo(db, run_id, who="Ann", seen=path[at + 1]).id == path[at]
        elif action == "redo" and at + 1 < len(path):
            at += 1
            assert redo(db, run_id, who="Ann", seen=path[at - 1]).id == path[at]
    now = head(db, run_id)
    assert (now.id if now else path[0]) == path[at]
    target = redo_target(db, run_id)
    assert (target.id if target else None) == (path[at + 1] if at + 1 < len(path) else None)
    db.close()
