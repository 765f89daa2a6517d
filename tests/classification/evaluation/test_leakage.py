"""Test texts that training has seen."""

import numpy as np
import pytest

from core.classification.evaluation.checks import Overlap, look_for_leakage, near_overlaps


def test_exact_repeats_ignore_case_and_white_space() -> None:
    found = look_for_leakage(
        ["A  good film", "dull", "a good film"], ["a good\nfilm ", "new", "Dull", "dull."]
    )
    assert found.exact == (Overlap(0, 0, 1.0), Overlap(2, 1, 1.0))
    assert found.near == ()
    assert found.threshold is None
    assert "2 of 4 test texts are training texts, too: the scores" in (found.warning() or "")


def test_nothing_found_is_nothing_said() -> None:
    assert look_for_leakage(["a"], ["b"]).warning() is None


def test_near_repeats_against_a_naive_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    train = rng.normal(size=(50, 6)).astype(np.float32)
    test = np.concatenate([train[7:17] + rng.normal(0, 0.2, (10, 6)), rng.normal(size=(20, 6))])
    test = test.astype(np.float32)
    wanted = []
    for row, one in enumerate(test):
        cosines = [
            float(one @ other / np.linalg.norm(one) / np.linalg.norm(other)) for other in train
        ]
        if max(cosines) >= 0.95:
            wanted.append((row, int(np.argmax(cosines)), max(cosines)))
    assert 3 < len(wanted) < 25
    monkeypatch.setattr("core.classification.evaluation.checks._CELLS", 200)  # blocks of four texts
    found = near_overlaps(train, test)
    assert [(o.test, o.train) for o in found] == [(row, seen) for row, seen, _ in wanted]
    assert [o.similarity for o in found] == pytest.approx([c for _, _, c in wanted], abs=1e-5)


def test_an_exact_repeat_is_not_counted_as_a_near_one() -> None:
    vectors = (np.eye(2, dtype=np.float32), np.array([[1, 0.01], [1, 0]], dtype=np.float32))
    found = look_for_leakage(["a", "b"], ["a!", "A"], vectors=vectors)
    assert [(o.test, o.train) for o in found.exact] == [(1, 0)]
    assert [(o.test, o.train) for o in found.near] == [(0, 0)]
    assert found.near[0].similarity == pytest.approx(1, abs=1e-4)
    assert "1 of 2 test texts are training texts, too, 1 more nearly so" in (found.warning() or "")
    assert found.exact == (Overlap(test=1, train=0, similarity=1.0),)
