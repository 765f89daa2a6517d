"""Maps in a real store."""

import sqlite3
import time

import numpy as np
import pytest

from core.diversity.embedding.encoder import EncoderChoice
from core.domain.texts import text_hash
from core.store.database import Database
from core.store.diversity import (
    MapFacts,
    MapRecord,
    Point,
    add_points,
    fitted_points,
    latest_map,
    new_map,
    points_of,
)
from tests.store.making import FakeClock

CHOICE = EncoderChoice()
OTHER = EncoderChoice(pooling="cls")
A, B, C, D = (text_hash(text) for text in "abcd")


def make_map(
    db: Database,
    fitted: dict[bytes, Point],
    *,
    task_key: str = "task",
    choice: EncoderChoice = CHOICE,
) -> MapRecord:
    facts = MapFacts(choice=choice.to_dict(), seed=3)
    return new_map(db, task_key=task_key, encoder="e", choice=choice, facts=facts, fitted=fitted)


def test_a_map_comes_back_with_its_points(db: Database, clock: FakeClock) -> None:
    made = make_map(db, {A: (1.5, -2.0), B: (0.1, 1e-9)})
    assert latest_map(db, "task", choice=CHOICE) == made
    assert (made.encoder, made.facts.seed, made.created_at) == ("e", 3, clock.now)
    assert points_of(db, made.id, [B, A, C, A]) == {A: (1.5, -2.0), B: (0.1, 1e-9)}
    assert points_of(db, made.id, []) == {}
    assert points_of(db, "another", [A]) == {}


def test_a_map_is_found_by_its_task_and_choice(db: Database) -> None:
    one = make_map(db, {A: (1, 1)})
    two = make_map(db, {A: (2, 2)}, choice=OTHER)
    three = make_map(db, {A: (3, 3)}, task_key="another")
    assert latest_map(db, "task", choice=CHOICE) == one
    assert latest_map(db, "task", choice=OTHER) == two
    assert latest_map(db, "another", choice=CHOICE) == three
    assert latest_map(db, "another", choice=OTHER) is None


def test_points_that_come_later_are_not_those_it_was_fitted_on(db: Database) -> None:
    made = make_map(db, {B: (1, 2), A: (3, 4)})
    add_points(db, made.id, {C: (5, 6)})
    add_points(db, made.id, {C: (9, 9), A: (9, 9), D: (7, 8)})
    assert points_of(db, made.id, [A, B, C, D]) == {A: (3, 4), B: (1, 2), C: (5, 6), D: (7, 8)}
    assert list(fitted_points(db, made.id).items()) == sorted({A: (3, 4), B: (1, 2)}.items())
    with pytest.raises(sqlite3.IntegrityError):
        add_points(db, "nothing", {A: (1, 1)})


def test_a_new_map_removes_the_one_that_it_replaces(db: Database) -> None:
    old, kept = make_map(db, {A: (1, 1)}), make_map(db, {A: (2, 2)}, choice=OTHER)
    new = make_map(db, {A: (3, 3)})
    assert latest_map(db, "task", choice=CHOICE) == new
    assert points_of(db, old.id, [A]) == {}
    assert points_of(db, kept.id, [A]) == {A: (2, 2)}
    with db.read() as connection:
        ids = {row["id"] for row in connection.execute("SELECT id FROM maps")}
    assert ids == {kept.id, new.id}


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_point_that_is_nowhere_stores_nothing(db: Database, bad: float) -> None:
    old = make_map(db, {A: (1, 1)})
    with pytest.raises(ValueError, match="not finite"):
        make_map(db, {A: (2, 2), B: (bad, 0)})
    with pytest.raises(ValueError, match="not finite"):
        add_points(db, old.id, {B: (2, 2), C: (0, bad)})
    assert latest_map(db, "task", choice=CHOICE) == old
    assert points_of(db, old.id, [A, B, C]) == {A: (1, 1)}


def test_a_map_that_fails_half_way_leaves_the_old_one(db: Database) -> None:
    old = make_map(db, {A: (1, 1)})
    with pytest.raises(sqlite3.IntegrityError):
        make_map(db, {B: (2, 2), b"short": (3, 3)})
    assert latest_map(db, "task", choice=CHOICE) == old
    assert points_of(db, old.id, [A, B]) == {A: (1, 1)}


@pytest.mark.alone
def test_ten_thousand_points_are_read_in_a_moment(db: Database) -> None:
    keys = [text_hash(str(number)) for number in range(20_000)]
    places = np.random.default_rng(0).normal(size=(len(keys), 2)).tolist()
    points = {key: (x, y) for key, (x, y) in zip(keys, places, strict=True)}
    made = make_map(db, points)
    times = []
    for _ in range(3):
        start = time.perf_counter()
        found = points_of(db, made.id, keys[::2])
        times.append(time.perf_counter() - start)
    assert found == {key: points[key] for key in keys[::2]}
    assert min(times) < 0.1
