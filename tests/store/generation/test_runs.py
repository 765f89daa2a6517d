import re
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.conditions import Condition, Suppression
from core.domain.errors import BadInput, StaleEdit
from core.domain.runs import ModelMetadata
from core.store.database import Database
from core.store.generation.runs import (
    clean_name,
    create_run,
    delete_run,
    get_run,
    list_runs,
    rename_run,
    restore_run,
    set_metadata,
)
from core.store.generation.samples import Counts, add_samples, sample_rows
from core.store.records import new_id
from tests.store.making import FakeClock, make_sample, make_spec


def test_a_run_comes_back_as_it_was_made(db: Database, clock: FakeClock) -> None:
    run = create_run(db, make_spec(), name="first")
    assert get_run(db, run.id) == run
    assert (run.name, run.revision, run.created_at) == ("first", 1, clock.now)
    assert (run.metadata, run.deleted_at, run.job_id) == (None, None, None)
    assert run.spec == make_spec()


def test_without_a_name_task_and_main_knobs_serve(db: Database) -> None:
    plain = make_spec()
    assert create_run(db, plain).name == "Reviews, T 0.9, S 0"
    wide = replace(plain, condition=Condition(1.3, suppression=Suppression(7.5)))
    assert create_run(db, wide).name == "Reviews, T 1.3, S 7.5"


def test_an_unknown_run_is_named_in_the_error(db: Database) -> None:
    with pytest.raises(BadInput, match="no run 'nope'"):
        get_run(db, "nope")
    for change in (delete_run, restore_run):
        with pytest.raises(BadInput, match="no run 'nope'"):
            change(db, "nope")
    with pytest.raises(BadInput, match="no run"):
        rename_run(db, "nope", "x", expected_revision=1)


def test_the_later_of_two_renames_is_told(db: Database) -> None:
    run = create_run(db, make_spec(), name="old")
    assert rename_run(db, run.id, "mine", expected_revision=1).revision == 2
    with pytest.raises(StaleEdit, match="'mine'"):
        rename_run(db, run.id, "yours", expected_revision=1)
    assert get_run(db, run.id).name == "mine"
    assert rename_run(db, run.id, "yours", expected_revision=2).name == "yours"


def test_a_deleted_run_is_hidden_and_can_be_restored(db: Database, clock: FakeClock) -> None:
    run = create_run(db, make_spec())
    add_samples(db, [make_sample(run.id, 0)])
    delete_run(db, run.id)
    deleted_at = clock.now
    clock.forward(5)
    delete_run(db, run.id)
    assert list_runs(db) == []
    assert [s.run.deleted_at for s in list_runs(db, include_deleted=True)] == [deleted_at]
    restore_run(db, run.id)
    assert [s.counts.usable for s in list_runs(db)] == [1]


def test_metadata_is_replaced(db: Database) -> None:
    run = create_run(db, make_spec())
    set_metadata(db, run.id, ModelMetadata(device="cpu", dtype="bfloat16"))
    set_metadata(db, run.id, ModelMetadata(device="cuda"))
    assert get_run(db, run.id).metadata == ModelMetadata(device="cuda")


def test_the_list_is_newest_first_with_counts(db: Database, clock: FakeClock) -> None:
    older = create_run(db, make_spec())
    clock.forward(1)
    newer = create_run(db, make_spec())
    add_samples(
        db,
        [
            make_sample(older.id, 0),
            make_sample(older.id, 1, duplicate_of=f"{older.id}-0"),
            make_sample(older.id, 2, outcome="empty", duplicate_of=f"{older.id}-0"),
            make_sample(older.id, 3, outcome="truncated"),
            make_sample(older.id, 4, label="neg"),
        ],
    )
    summaries = list_runs(db)
    assert [s.run.id for s in summaries] == [newer.id, older.id]
    assert summaries[0].counts == Counts()
    assert summaries[1].counts == Counts(usable=3, empty=1, truncated=1, duplicates=1)
    assert (summaries[1].counts.total, summaries[1].counts.new) == (5, 2)


@pytest.mark.alone
def test_ten_thousand_samples_are_listed_and_loaded_quickly(db: Database) -> None:
    for _ in range(5):
        run = create_run(db, make_spec())
        add_samples(
            db,
            (
                make_sample(run.id, n, text="a text of some length " * 5, token_ids=(7,) * 30)
                for n in range(2000)
            ),
        )
    started = time.perf_counter()
    summaries = list_runs(db)
    listed = time.perf_counter()
    rows = sample_rows(db, run.id)
    loaded = time.perf_counter()
    assert [s.counts.usable for s in summaries] == [2000] * 5
    assert len(rows) == 2000
    # About 4 and 8 ms here; the bounds leave room for a busy machine.
    assert listed - started < 0.2
    assert loaded - listed < 0.2


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../x", "../../x"),
        ("a\0b\x1bc", "abc"),
        ("two\nlines\tand  more", "two lines and more"),
        ("x" * 300, "x" * 200),
        ("   ", "Unnamed run"),
        ("\0", "Unnamed run"),
        ("\u202egnp.exe", "gnp.exe"),
        ("\ud800ab", "ab"),
        ("Größe 😀", "Größe 😀"),
    ],
)
def test_clean_name(name: str, shown: str) -> None:
    assert clean_name(name) == shown


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_any_name_becomes_a_line_that_can_be_stored(name: str) -> None:
    shown = clean_name(name)
    assert 1 <= len(shown) <= 200
    assert len(shown.splitlines()) == 1
    assert clean_name(shown) == shown
    shown.encode("utf-8")


def test_ids_sort_by_time_and_differ_within_a_millisecond() -> None:
    ids = [new_id(1_700_000_000 + n / 1000) for n in range(50)]
    assert ids == sorted(ids)
    assert all(re.fullmatch("[a-z0-9]{15}", one) for one in ids)
    assert len({new_id(1_700_000_000) for _ in range(1000)}) == 1000


def test_a_spec_that_was_read_before_is_the_same_object(db: Database) -> None:
    run = create_run(db, make_spec())
    again, listed = get_run(db, run.id), list_runs(db)[0].run
    assert again.spec == make_spec()
    assert again.spec is listed.spec
