"""The probe against scikit-learn itself."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from core.classification.probe import Probe, fit_probe, load_probe, save_probe
from core.domain.errors import BackendFailed


def blobs(labels: int, *, seed: int = 0, n: int = 150) -> tuple[np.ndarray, list[str]]:
    rng = np.random.default_rng(seed)
    names = [str(number) for number in rng.integers(labels, size=n)]
    centres = np.random.default_rng(9).normal(size=(labels, 12))
    vectors = np.array([centres[int(name)] for name in names]) + rng.normal(size=(n, 12))
    return vectors.astype(np.float32), names


@pytest.mark.parametrize("labels", [2, 4])
@pytest.mark.parametrize("weighted", [False, True])
def test_it_is_scikit_learns(labels: int, weighted: bool) -> None:
    vectors, names = blobs(labels)
    order = [str(number) for number in range(labels)]
    probe = fit_probe(vectors, names, label_names=order, class_weights=weighted)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    reference = LogisticRegression(
        C=3.0, max_iter=1000, class_weight="balanced" if weighted else None
    ).fit(unit, names)
    others, _ = blobs(labels, seed=1)
    told = reference.predict_proba(others / np.linalg.norm(others, axis=1, keepdims=True))
    np.testing.assert_allclose(probe.probabilities(others), told, atol=1e-4)
    assert probe.weights.shape == (labels, 12)


def test_labels_are_columns_in_the_order_given() -> None:
    vectors, names = blobs(3)
    one = fit_probe(vectors, names, label_names=("0", "1", "2")).probabilities(vectors)
    other = fit_probe(vectors, names, label_names=("2", "0", "1")).probabilities(vectors)
    np.testing.assert_allclose(other, one[:, [2, 0, 1]], atol=1e-3)
    assert (
        np.mean([("0", "1", "2")[k] == n for k, n in zip(one.argmax(1), names, strict=True)]) > 0.8
    )


@pytest.mark.parametrize("labels", [2, 4])
def test_it_comes_back_from_its_folder(tmp_path: Path, labels: int) -> None:
    vectors, names = blobs(labels)
    order = tuple(str(number) for number in range(labels))
    probe = fit_probe(vectors, names, label_names=order, encoder="sha256:x")
    save_probe(probe, tmp_path / "probe")
    found = load_probe(tmp_path / "probe")
    assert (found.label_names, found.encoder) == (order, "sha256:x")
    # Of more than two labels scikit-learn's weights lie in columns.
    assert found.weights.tolist() == probe.weights.tolist()
    np.testing.assert_allclose(
        found.probabilities(vectors), probe.probabilities(vectors), atol=1e-6
    )
    assert not [path for path in (tmp_path / "probe").iterdir() if path.name.startswith(".")]


def test_a_damaged_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(BackendFailed, match="can't be loaded"):
        load_probe(tmp_path)
    save_probe(Probe(("a",), np.zeros((1, 2), np.float32), np.zeros(1, np.float32)), tmp_path)
    (tmp_path / "probe.safetensors").write_bytes(b"\x80\x04 no")
    with pytest.raises(BackendFailed, match="can't be loaded"):
        load_probe(tmp_path)
