"""Neighbours and near duplicates against naive loops; the Vendi score by hand and by its kernel."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.diversity.measures import neighbours
from core.diversity.measures.neighbours import (
    nearest_distances,
    nearest_earlier,
    nearest_pairs,
    nearest_to,
)
from core.diversity.measures.remote_clique import Vectors, unit_vectors, vendi_score


def plane(*degrees: float) -> Vectors:
    """Vectors in the plane at these angles, of unlike lengths."""
    radians = np.deg2rad(degrees)
    lengths = np.arange(1, len(degrees) + 1)[:, None]
    return (lengths * np.stack([np.cos(radians), np.sin(radians)], axis=1)).astype(np.float32)


def distances_of(vectors: Vectors) -> np.ndarray:
    unit = vectors.astype(np.float64)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    return 1 - unit @ unit.T


SOME = st.integers(2, 40).flatmap(
    lambda n: st.integers(0, 1000).map(
        lambda seed: np.random.default_rng(seed).normal(0.3, 1, (n, 4)).astype(np.float32)
    )
)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "_CELLS", 100)
    monkeypatch.setattr(neighbours, "_HEIGHT", 7)


@settings(deadline=None)
@given(SOME)
def test_the_nearest_distance_is_the_least_to_any_other(vectors: Vectors) -> None:
    distances = distances_of(vectors)
    np.fill_diagonal(distances, np.inf)
    assert nearest_distances(vectors) == pytest.approx(distances.min(axis=1), abs=1e-5)


@settings(deadline=None)
@given(SOME, st.integers(1, 60))
def test_the_nearest_pairs_are_those_of_a_full_sort(vectors: Vectors, count: int) -> None:
    distances = distances_of(vectors)
    rows, columns = np.triu_indices(len(vectors), k=1)
    expected = np.sort(distances[rows, columns])[:count]
    found = nearest_pairs(vectors, count)
    assert [pair.distance for pair in found] == pytest.approx(expected, abs=1e-5)
    for pair in found:
        assert pair.one < pair.other
        assert pair.distance == pytest.approx(distances[pair.one, pair.other], abs=1e-5)


@settings(deadline=None)
@given(SOME)
def test_the_nearest_earlier_is_the_least_to_those_before(vectors: Vectors) -> None:
    distances = distances_of(vectors)
    found, rows = nearest_earlier(vectors)
    assert np.isnan(found[0])
    assert rows[0] == -1
    for place in range(1, len(vectors)):
        assert found[place] == pytest.approx(distances[place, :place].min(), abs=1e-5)
        assert distances[place, rows[place]] == pytest.approx(found[place], abs=1e-5)
        assert rows[place] < place


def test_texts_kept_apart_are_no_neighbours() -> None:
    vectors = plane(0, 10, 10, 50, 0)
    apart = np.array([0, 1, 1, 2, 0])
    found, rows = nearest_earlier(vectors, apart=apart)
    assert rows.tolist() == [-1, 0, 0, 1, 1]
    assert found[1:] == pytest.approx(1 - np.cos(np.deg2rad([10, 10, 40, 10])), abs=1e-6)
    pairs = nearest_pairs(vectors, 4, apart=apart)
    assert {(pair.one, pair.other) for pair in pairs} == {(0, 1), (0, 2), (1, 4), (2, 4)}
    assert nearest_pairs(vectors, 4, apart=np.zeros(5, dtype=np.int64)) == []
    assert np.isnan(nearest_earlier(vectors, apart=np.zeros(5, dtype=np.int64))[0]).all()


def test_of_equally_near_ones_the_first_counts() -> None:
    assert nearest_earlier(plane(0, 0, 90, 0))[1].tolist() == [-1, 0, 0, 0]
    found, rows = nearest_earlier(plane())
    assert found.tolist() == rows.tolist() == []


@settings(deadline=None)
@given(SOME, st.integers(1, 60), st.integers(1, 5))
def test_pairs_of_different_kinds_are_those_of_a_full_sort(
    vectors: Vectors, count: int, kinds: int
) -> None:
    apart = np.arange(len(vectors)) % kinds
    distances = distances_of(vectors)
    rows, columns = np.triu_indices(len(vectors), k=1)
    keep = apart[rows] != apart[columns]
    expected = np.sort(distances[rows[keep], columns[keep]])[:count]
    found = [pair.distance for pair in nearest_pairs(vectors, count, apart=apart)]
    assert found == pytest.approx(expected, abs=1e-5)


def test_the_nearest_to_one_text() -> None:
    vectors = plane(0, 30, -10, 180)
    found = nearest_to(vectors, 0, 2)
    assert [row for row, _ in found] == [2, 1]
    expected = [1 - np.cos(np.deg2rad(10)), 1 - np.cos(np.deg2rad(30))]
    assert [distance for _, distance in found] == pytest.approx(expected, abs=1e-6)
    assert [row for row, _ in nearest_to(vectors, 3, 99)] == [1, 2, 0]
    assert nearest_to(vectors[:1], 0, 3) == []


def test_the_vendi_score_by_hand() -> None:
    assert vendi_score(plane(0, 90)) == pytest.approx(2)
    assert vendi_score(plane(0, 0, 0)) == pytest.approx(1)
    # shares 3/4 and 1/4: entropy of them, exponentiated
    expected = np.exp(-(0.75 * np.log(0.75) + 0.25 * np.log(0.25)))
    assert vendi_score(plane(0, 0, 0, 90)) == pytest.approx(expected)
    assert vendi_score(plane()) is None


@settings(deadline=None)
@given(SOME)
def test_the_vendi_score_is_that_of_the_kernel(vectors: Vectors) -> None:
    unit = unit_vectors(vectors).astype(np.float64)
    shares = np.linalg.eigvalsh(unit @ unit.T / len(unit))
    shares = shares[shares > 1e-12]
    expected = np.exp(-(shares * np.log(shares)).sum())
    assert vendi_score(vectors) == pytest.approx(expected, rel=1e-4)
