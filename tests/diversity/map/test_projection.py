"""Principal axes, samples for a map, and UMAP: by hand, against sklearn, by what a map is for."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

from core.diversity.map.projection import different, principal_axes, stratified
from core.diversity.map.umap import FEWEST, ExactIndex, FittedMap, MapCache, fit_map, keep_compiled
from core.diversity.measures.remote_clique import Vectors, unit_vectors

ROOT = Path(__file__).parents[3]
CLUSTERS, EACH = 4, 30


def clustered(seed: int = 0, *, each: int = EACH, size: int = 16) -> tuple[Vectors, Any]:
    """Vectors of four well separated clusters, and which cluster each is of."""
    rng = np.random.default_rng(seed)
    centres = np.eye(CLUSTERS, size) * 8
    labels = np.repeat(np.arange(CLUSTERS), each)
    return (centres[labels] + rng.normal(size=(len(labels), size))).astype(np.float32), labels


@pytest.fixture(scope="module")
def fitted() -> FittedMap:
    keep_compiled(None)
    return fit_map(clustered()[0], seed=5)


def test_axes_of_a_case_worked_out_by_hand() -> None:
    # Mean (0.5, 0.5); along (1, -1) / sqrt(2) the points lie at plus and minus sqrt(1/2).
    axes = principal_axes(np.array([[2, 0], [0, 3], [1, 0], [0, 1]], dtype=np.float32))
    assert np.allclose(axes.mean, [0.5, 0.5])
    assert np.allclose(np.abs(axes.components[0]), np.sqrt(0.5))
    assert np.isclose(axes.components[0] @ [1, 1], 0)
    assert np.allclose(axes.share, (1, 0))
    placed = axes.place(np.array([[5, 0], [0, 5]], dtype=np.float32))
    assert np.allclose(np.abs(placed), [[np.sqrt(0.5), 0], [np.sqrt(0.5), 0]], atol=1e-6)
    assert placed[0, 0] == pytest.approx(-placed[1, 0])


def test_axes_agree_with_sklearn_up_to_sign() -> None:
    vectors, _ = clustered(each=1500)  # more than one block
    unit = unit_vectors(vectors).astype(np.float64)
    reference = PCA(2, svd_solver="full").fit(unit)
    axes = principal_axes(vectors)
    signs = np.sign(np.sum(axes.components * reference.components_, axis=1))
    assert np.allclose(axes.components, reference.components_ * signs[:, None], atol=1e-4)
    assert np.allclose(axes.share, reference.explained_variance_ratio_, atol=1e-5)
    assert np.allclose(axes.place(vectors), reference.transform(unit) * signs, atol=1e-4)


def test_the_largest_entry_of_an_axis_is_positive() -> None:
    vectors, _ = clustered()
    for given_vectors in (vectors, -vectors, vectors[::-1]):
        components = principal_axes(given_vectors).components
        largest = components[np.arange(2), np.abs(components).argmax(axis=1)]
        assert (largest > 0).all()


@pytest.mark.parametrize("n", [1, 2, 5])
def test_axes_of_equal_texts_have_no_spread(n: int) -> None:
    vectors = np.tile(np.array([[3, 4, 0]], dtype=np.float32), (n, 1))
    axes = principal_axes(vectors)
    assert axes.share == (0, 0)
    assert np.array_equal(axes.place(vectors), np.zeros((n, 2)))


def test_axes_need_a_vector_that_has_a_direction() -> None:
    with pytest.raises(ValueError, match="no vector"):
        principal_axes(np.zeros((0, 3), dtype=np.float32))
    with pytest.raises(ValueError, match="zero or not finite"):
        principal_axes(np.zeros((2, 3), dtype=np.float32))


def test_different_vectors_are_counted_by_direction() -> None:
    vectors = np.array([[1, 0], [2, 0], [0, 1], [1, 1e-5], [1, 1]], dtype=np.float32)
    assert different(vectors, at_most=9) == 3
    assert different(vectors, at_most=2) == 2
    assert different(vectors[:0], at_most=2) == 0


@given(
    groups=st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=60),
    limit=st.integers(0, 70),
    seed=st.integers(0, 9),
)
@settings(deadline=None)
def test_a_sample_keeps_proportions(groups: list[str], limit: int, seed: int) -> None:
    rows = stratified(groups, limit=limit, rng=np.random.default_rng(seed))
    assert len(rows) == min(limit, len(groups))
    assert rows.tolist() == sorted(set(rows.tolist()))
    again = stratified(groups, limit=limit, rng=np.random.default_rng(seed))
    assert rows.tolist() == again.tolist()
    for group in set(groups):
        share = groups.count(group) * len(rows) / len(groups)
        assert abs(sum(groups[row] == group for row in rows) - share) < 1


def test_a_sample_is_drawn_at_random() -> None:
    samples = {
        tuple(stratified(["a"] * 20, limit=3, rng=np.random.default_rng(seed)).tolist())
        for seed in range(20)
    }
    assert len(samples) > 10


def test_neighbours_are_those_of_a_full_search() -> None:
    vectors, _ = clustered(each=20)
    unit = unit_vectors(vectors)
    rows, distances = ExactIndex(unit).query(unit, 7)
    expected, places = (
        NearestNeighbors(n_neighbors=7, metric="cosine", algorithm="brute")
        .fit(unit)
        .kneighbors(unit)
    )
    assert np.array_equal(rows, places)
    assert np.allclose(distances, expected, atol=1e-6)
    assert (distances[:, 0] == 0).all()


def test_clusters_stay_apart_on_the_map(fitted: FittedMap) -> None:
    _, labels = clustered()
    assert (fitted.method, fitted.note) == ("umap", "")
    assert fitted.coordinates.shape == (CLUSTERS * EACH, 2)
    _, near = NearestNeighbors(n_neighbors=6).fit(fitted.coordinates).kneighbors()
    assert (labels[near] == labels[:, None]).mean() > 0.98


def test_texts_that_come_later_lie_in_their_cluster(fitted: FittedMap) -> None:
    before = fitted.coordinates.copy()
    vectors, labels = clustered(seed=1, each=5)
    told: list[tuple[int, int]] = []
    placed = fitted.place(vectors, progress=lambda done, total: told.append((done, total)))
    _, near = NearestNeighbors(n_neighbors=5).fit(before).kneighbors(placed)
    assert (clustered()[1][near] == labels[:, None]).mean() > 0.98
    assert np.array_equal(fitted.coordinates, before)
    assert told[0] == (0, len(vectors))
    assert np.array_equal(fitted.place(vectors), placed)
    assert fitted.place(vectors[:0]).shape == (0, 2)


SCRIPT = """
import sys, numpy as np
from tests.diversity.map.test_projection import clustered
from core.diversity.map.umap import fit_map, keep_compiled
keep_compiled(None)
sys.stdout.buffer.write(fit_map(clustered()[0], seed=5).coordinates.tobytes())
"""


def test_another_process_makes_the_same_map_of_the_same_seed(fitted: FittedMap) -> None:
    made = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, check=True, timeout=120
    )
    assert np.array_equal(
        np.frombuffer(made.stdout, dtype=np.float32).reshape(-1, 2), fitted.coordinates
    )


def test_another_seed_makes_another_map(fitted: FittedMap) -> None:
    other = fit_map(clustered()[0], seed=6)
    assert not np.allclose(other.coordinates, fitted.coordinates, atol=0.1)


@pytest.mark.parametrize("n", [1, 2, 3, 9])
def test_few_texts_are_shown_by_principal_components_and_say_so(n: int) -> None:
    vectors = clustered()[0][::13][:n]
    few = fit_map(vectors, seed=0)
    assert few.method == "pca"
    word = "1 text," if n == 1 else f"{n} texts,"
    assert few.note == (
        f"The map shows principal components: {word} fewer than the {FEWEST} that UMAP needs."
    )
    assert np.array_equal(few.coordinates, principal_axes(vectors).place(vectors))
    later = clustered(seed=1)[0][:4]
    assert np.array_equal(few.place(later), principal_axes(vectors).place(later))


def test_equal_embeddings_say_so() -> None:
    same = fit_map(np.ones((50, 8), dtype=np.float32), seed=0)
    assert (same.method, np.unique(same.coordinates, axis=0).tolist()) == ("pca", [[0, 0]])
    assert "the texts have only 1 different embedding;" in same.note


@pytest.mark.parametrize("copies", [1, 2, 30])
def test_the_smallest_map_of_umap(copies: int) -> None:
    """As few different texts as may be, and each many times over: no warning, no text unplaced."""
    vectors = np.repeat(np.eye(FEWEST, 12, dtype=np.float32), copies, axis=0)
    made = fit_map(vectors, seed=0)
    assert made.method == "umap"
    assert np.isfinite(made.coordinates).all()
    assert np.isfinite(made.place(-vectors[:3])).all()  # as far away as a text can be


def test_opposite_texts_have_a_place() -> None:
    line = np.linspace(0.1, 1, 8)
    half = np.stack([np.ones(8), line, np.zeros(8)], axis=1)
    made = fit_map(np.concatenate([half, -half]).astype(np.float32), seed=0, neighbours=15)
    assert made.method == "umap"
    assert np.isfinite(made.coordinates).all()


class Stop(Exception):
    """What a job raises to end."""


def test_progress_is_told_and_may_end_the_fitting(fitted: FittedMap) -> None:
    vectors, _ = clustered(each=400)
    told: list[tuple[int, int]] = []

    def tell(done: int, total: int) -> None:
        told.append((done, total))
        if done:
            raise Stop

    with pytest.raises(Stop):
        fit_map(vectors, seed=5, progress=tell)
    assert told[0] == (0, 500)
    assert 0 < max(done for done, _ in told) < 500
    # What was ended left nothing behind that changes the next one.
    assert np.array_equal(fit_map(clustered()[0], seed=5).coordinates, fitted.coordinates)

    with pytest.raises(Stop):
        fitted.place(vectors, progress=lambda done, total: tell(1, total))


@pytest.mark.parametrize(
    ("texts", "epochs"), [(10, 500), (2000, 500), (4000, 250), (5000, 200), (20_000, 200)]
)
def test_many_texts_have_fewer_epochs(texts: int, epochs: int) -> None:
    told: list[tuple[int, int]] = []

    def tell(done: int, total: int) -> None:
        told.append((done, total))
        raise Stop

    vectors = np.random.default_rng(0).normal(size=(texts, 4)).astype(np.float32)
    with pytest.raises(Stop):
        fit_map(vectors, seed=0, progress=tell)
    assert told == [(0, epochs)]


def test_compiled_code_is_kept_where_it_is_told(tmp_path: Path) -> None:
    # What compiles at import, half a minute of it, comes from where it lies already.
    script = (
        "import sys, umap.layouts, umap.umap_; from pathlib import Path;"
        "from core.diversity.map.umap import keep_compiled; keep_compiled(Path(sys.argv[1]));"
        "print(umap.layouts.clip(9.0));"
        "print(umap.layouts._nb_optimize_layout_euclidean_single_epoch.stats.cache_path);"
        "print(umap.umap_.smooth_knn_dist.stats.cache_path);"
        "print(umap.umap_.compute_membership_strengths.stats.cache_path)"
    )
    environment = {key: value for key, value in os.environ.items() if key != "NUMBA_CACHE_DIR"}
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        cwd=ROOT,
        env=environment,
        check=True,
        timeout=240,
        capture_output=True,
        text=True,
    )
    clipped, *places = done.stdout.split()
    assert (clipped, len(places)) == ("4.0", 3)
    assert all(Path(place).is_relative_to(tmp_path) for place in places)
    assert [path.name.split("-")[0] for path in tmp_path.rglob("*.nbi")] == ["layouts.clip"]


def test_a_keeper_has_the_last_map_only() -> None:
    keeper = MapCache()
    one, two = (fit_map(clustered()[0][:n], seed=0) for n in (2, 3))
    assert keeper.kept("") is None
    keeper.keep("a", one)
    assert keeper.kept("a") is one
    keeper.keep("b", two)
    assert (keeper.kept("a"), keeper.kept("b")) == (None, two)
