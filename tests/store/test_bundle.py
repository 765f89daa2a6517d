"""Bundles: a store carried into another, whole, once, and without what belongs to one machine."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from core.domain.errors import StoreUnusable
from core.domain.settings import Home
from core.domain.texts import text_hash
from core.jobs.queue import list_jobs, start_run
from core.store.bundle import _LEFT_BEHIND, _TABLES, pack, take_over
from core.store.database import Database, open_database
from core.store.datasets import load_dataset, run_key, version_key
from core.store.diversity import add_vectors, matrix_of
from core.store.generation.runs import create_run, delete_run, get_run, list_runs
from core.store.generation.samples import add_samples
from core.store.interventions.judgements import last_number
from core.store.interventions.versions import VersionRow, derive, head, raw_version, undo
from tests.store.making import make_sample, make_spec


@pytest.fixture
def bundle(db: Database, tmp_path: Path) -> tuple[Path, str, str]:
    """A packed store with one run of three texts; the ids of the run and of its second version."""
    run, _ = start_run(db, make_spec(), name="Carried")
    add_samples(db, [make_sample(run.id, number) for number in range(3)])
    raw = raw_version(db, run.id)
    rows = [
        VersionRow(sample_id=f"{run.id}-{number}", label="neg", kept=number > 0)
        for number in range(3)
    ]
    made = derive(db, raw.id, "manual", rows, who="Ada", spec={}, facts={})
    add_vectors(db, "enc", {text_hash("text 0"): np.ones(4, np.float32)})
    path = tmp_path / "bundle.sqlite3"
    pack(db, path)
    return path, run.id, made.id


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Database]:
    database = open_database(Home(tmp_path / "other"))
    yield database
    database.close()


def test_all_of_it_comes_and_nothing_is_to_run_again(
    bundle: tuple[Path, str, str], other: Database
) -> None:
    path, run_id, version_id = bundle
    own = create_run(other, make_spec(), name="Own")
    take_over(other, path)
    assert {row.run.name for row in list_runs(other)} == {"Own", "Carried"}
    assert get_run(other, run_id).job_id is None
    assert list_jobs(other) == []
    assert load_dataset(other, run_key(run_id)).texts == ("text 0", "text 1", "text 2")
    assert load_dataset(other, version_key(version_id)).labels == ("neg", "neg")
    assert head(other, run_id).id == version_id
    vectors = matrix_of(other, "enc", [text_hash("text 0")])
    assert vectors is not None
    assert vectors.tolist() == [[1, 1, 1, 1]]
    assert get_run(other, own.id).name == "Own"


def test_a_second_time_adds_nothing_and_keeps_what_was_done_since(
    bundle: tuple[Path, str, str], other: Database
) -> None:
    path, run_id, version_id = bundle
    take_over(other, path)
    undo(other, run_id, seen=version_id, who="Bob")
    moved = head(other, run_id).id
    tables = ("runs", "samples", "versions", "version_rows", "version_moves", "embeddings")
    before = {t: _count(other, t) for t in tables}
    take_over(other, path)
    assert {t: _count(other, t) for t in tables} == before
    assert head(other, run_id).id == moved


def test_what_was_deleted_comes_back(bundle: tuple[Path, str, str], other: Database) -> None:
    path, run_id, _ = bundle
    take_over(other, path)
    delete_run(other, run_id)
    take_over(other, path)
    assert get_run(other, run_id).deleted_at is None


def test_the_bundle_is_not_changed(bundle: tuple[Path, str, str], other: Database) -> None:
    before = bundle[0].read_bytes()
    take_over(other, bundle[0])
    assert bundle[0].read_bytes() == before
    assert sorted(path.name for path in bundle[0].parent.glob("bundle*")) == ["bundle.sqlite3"]


def test_every_table_is_carried_or_left_behind_by_name(db: Database) -> None:
    with db.read() as connection:
        tables = {
            row[0]
            for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            if not row[0].startswith("sqlite_")
        }
    assert tables == {*_TABLES, *_LEFT_BEHIND, "lease"}


@pytest.mark.parametrize("content", [None, b"", b"no store at all" * 100])
def test_what_is_no_bundle_is_refused(
    content: bytes | None, other: Database, tmp_path: Path
) -> None:
    path = tmp_path / "wrong.sqlite3"
    if content is not None:
        path.write_bytes(content)
    if content == b"":
        take_over(other, path)  # an empty store
    else:
        with pytest.raises(StoreUnusable):
            take_over(other, path)
    assert list_runs(other) == []


def test_judgements_keep_their_order_under_new_numbers(
    bundle: tuple[Path, str, str], db: Database, other: Database, tmp_path: Path
) -> None:
    _, run_id, _ = bundle
    with db.write() as connection:
        for number in range(2):
            connection.execute(
                "INSERT INTO judgements (id, run_id, sample_id, who, at, why, session, label,"
                " skipped) VALUES (?, ?, ?, 'Ada', 0, 'audit', 's', 'neg', 0)",
                (f"judgement{number}", run_id, f"{run_id}-{number}"),
            )
    path = tmp_path / "judged.sqlite3"
    pack(db, path)
    with other.write() as connection:  # numbers that are taken already
        connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('judgements', 40)")
    take_over(other, path)
    with closing(sqlite3.connect(other.path)) as connection:
        found = connection.execute("SELECT number, id FROM judgements ORDER BY number").fetchall()
    assert found == [(41, "judgement0"), (42, "judgement1")]
    assert last_number(other, run_id) == 42


def _count(db: Database, table: str) -> int:
    with db.read() as connection:
        number: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    return number
