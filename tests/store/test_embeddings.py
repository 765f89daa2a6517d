"""Embeddings in the store, by encoder and text hash."""

import sqlite3

import numpy as np
import pytest

from core.domain.texts import text_hash
from core.store.database import Database
from core.store.diversity import add_vectors, encoders_of, known_vectors, matrix_of

A, B, C = (text_hash(text) for text in ("a", "b", "c"))


def vector(*numbers: float) -> np.ndarray:
    return np.array(numbers, dtype=np.float32)


def test_vectors_come_back_exactly_and_by_encoder(db: Database) -> None:
    given = {A: vector(0.1, -2.5e-38, 3e38), B: vector(0.0, -0.0, 1.0)}
    add_vectors(db, "one", given)
    add_vectors(db, "two", {A: vector(7.0)})
    found = known_vectors(db, "one", [B, A, C, A])
    assert set(found) == {A, B}
    for key, numbers in given.items():
        assert found[key].tobytes() == numbers.tobytes()
        assert found[key].dtype == np.float32
        with pytest.raises(ValueError, match="read-only"):
            found[key][0] = 1.0
    assert known_vectors(db, "two", [A, B])[A].tolist() == [7.0]
    assert known_vectors(db, "three", [A]) == {}
    assert known_vectors(db, "one", []) == {}


def test_they_are_stored_as_little_endian_float32(db: Database) -> None:
    add_vectors(db, "one", {A: np.array([1.0, -2.0], dtype=np.float64)})
    row = db.connection().execute("SELECT * FROM embeddings").fetchone()
    assert tuple(row) == ("one", A, bytes.fromhex("0000803f000000c0"))


def test_the_first_vector_of_a_text_stays(db: Database) -> None:
    add_vectors(db, "one", {A: vector(1.0)})
    add_vectors(db, "one", {A: vector(2.0), B: vector(3.0)})
    found = known_vectors(db, "one", [A, B])
    assert (found[A].tolist(), found[B].tolist()) == ([1.0], [3.0])


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_finite_is_refused_whole(db: Database, number: float) -> None:
    with pytest.raises(ValueError, match="not finite"):
        add_vectors(db, "one", {A: vector(1.0), B: vector(1.0, number)})
    assert known_vectors(db, "one", [A, B]) == {}


def test_what_is_no_hash_or_no_vector_is_refused(db: Database) -> None:
    for key, numbers in ((b"short", vector(1.0)), (A, vector())):
        with pytest.raises(sqlite3.IntegrityError):
            add_vectors(db, "one", {key: numbers})


def test_a_matrix_is_in_the_order_asked_for_and_whole_or_none(db: Database) -> None:
    add_vectors(db, "one", {A: vector(1.0, 2.0), B: vector(3.0, 4.0)})
    matrix = matrix_of(db, "one", [B, A, B])
    assert matrix is not None
    assert matrix.tolist() == [[3.0, 4.0], [1.0, 2.0], [3.0, 4.0]]
    assert matrix.dtype == np.float32
    assert matrix_of(db, "one", [A, C]) is None
    assert matrix_of(db, "one", []) is None
    assert matrix_of(db, "two", [A]) is None


def test_more_texts_than_a_query_takes(db: Database) -> None:
    keys = [text_hash(str(number)) for number in range(1201)]
    add_vectors(db, "one", {key: vector(place) for place, key in enumerate(keys[:-1])})
    found = known_vectors(db, "one", reversed(keys))
    assert len(found) == 1200
    assert all(found[key].tolist() == [place] for place, key in enumerate(keys[:-1]))
    assert encoders_of(db, keys) == {"one"}


def test_encoders_that_know_any_of_the_texts(db: Database) -> None:
    add_vectors(db, "one", {A: vector(1.0), B: vector(1.0)})
    add_vectors(db, "two", {B: vector(1.0)})
    assert encoders_of(db, [A, C]) == {"one"}
    assert encoders_of(db, [A, B]) == {"one", "two"}
    assert encoders_of(db, [C]) == encoders_of(db, []) == set()
