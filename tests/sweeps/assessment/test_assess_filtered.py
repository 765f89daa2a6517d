"""Out-of-scope filtering of a sweep, by a stand-in for the person who judges."""

from typing import Any

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from core.diversity.measures.remote_clique import remote_clique
from core.domain.errors import BadInput
from core.interventions.scope_filter import train_filter
from core.sweeps.assessment import stages
from core.sweeps.assessment.recipe import Recipe
from core.sweeps.assessment.stages import filter_out_of_scope, scope_line
from tests.interventions.making import clouds
from tests.sweeps.assessment.assessed import assess, dataset_of, real_of, stage


def nearest(vectors: Any, real: Any, skip: int) -> Any:
    """Mean cosine distance to the 5 nearest, by scikit-learn."""
    found = NearestNeighbors(n_neighbors=5 + skip, metric="cosine").fit(real)
    return found.kneighbors(vectors)[0][:, skip:].mean(axis=1)


def test_a_line_worked_out_by_hand() -> None:
    # 100 real texts: 99 along one axis, each at distance 0 from its nearest, and one across, at 1
    # from all of them. The 99th percentile lies a hundredth of the way from the 99th to the 100th.
    real = np.array([[1.0, 0.0]] * 99 + [[0.0, 2.0]], dtype=np.float32)
    line = scope_line(real)
    assert line.distance == pytest.approx(0.01)
    texts = np.array([[5, 0], [0, 1], [1, 0.1], [1, 0.2]], dtype=np.float32)
    # 1 - cosine of the last two: 0.005 and 0.019.
    assert line.in_scope(texts).tolist() == [True, False, True, False]


def test_the_line_is_that_of_an_independent_search(monkeypatch: pytest.MonkeyPatch) -> None:
    real, _ = clouds(60, 60, spread=0.5)
    texts, _ = clouds(30, 30, spread=0.9, seed=1)
    distance = np.percentile(nearest(real, real, 1), 99)
    wanted = (nearest(texts, real, 0) <= distance).tolist()
    assert 0 < sum(wanted) < 60
    for cells in (1_000_000, 1000):
        monkeypatch.setattr(stages, "_CELLS", cells)
        line = scope_line(real)
        assert line.distance == pytest.approx(distance, abs=1e-6)
        assert line.in_scope(texts).tolist() == wanted


def test_many_real_texts_are_sampled_and_few_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    real, _ = clouds(100, 100, spread=0.5)
    monkeypatch.setattr(stages, "MOST", 150)
    one, other = scope_line(real), scope_line(real)
    assert len(one.real) == 150
    assert one.distance == other.distance
    assert one.distance == pytest.approx(
        np.percentile(nearest(one.real, one.real, 1), 99), abs=1e-6
    )
    with pytest.raises(BadInput, match="The reference has 99 texts to learn from"):
        scope_line(real[:99])


def stray(*, out: int = 40, each: int = 100) -> tuple[Any, list[str]]:
    """Texts of two labels, and some that lie where no real text does, under both."""
    inside, labels = clouds(each, each, spread=0.2)
    outside, borne = clouds(out // 2, out - out // 2, spread=0.2, seed=2)
    vectors = np.concatenate([inside, np.roll(outside, 4, axis=1)])
    order = np.random.default_rng(3).permutation(len(vectors))
    return vectors[order], [[*labels, *borne][row] for row in order]


def test_the_rest_is_learned_from_360_judged_texts() -> None:
    vectors, _ = stray(each=200, out=80)
    real = real_of(clouds(100, 100, spread=0.2, seed=5))
    texts = [f"text {row // 2}" for row in range(480)]  # every text twice
    vectors = vectors[np.arange(480) // 2]
    kept = filter_out_of_scope(texts, vectors, real, seed=6)
    line = scope_line(real.train_vectors)
    rows = np.random.default_rng(6).permutation(480)[:360].tolist()
    judged = dict(zip(rows, line.in_scope(vectors[rows]).tolist(), strict=True))
    once = {row: judged[row] for row in rows if row % 2 == 0 or row - 1 not in judged}
    stays = train_filter(vectors, once, seed=6).confidence >= 0.5
    wanted = [row for row in range(480) if judged.get(row, stays[row])]
    assert kept.rows == wanted
    assert set(range(480)) - set(kept.rows) - set(rows)  # some go that nobody judged
    out = sum(not said for said in judged.values())
    assert f"360 texts were judged so, {out} of them out of scope" in kept.note
    assert "no person was asked" in kept.note


def test_filtered_stages_are_the_same_labels_on_fewer_texts() -> None:
    vectors, labels = stray()
    real = real_of(clouds(100, 100, spread=0.2, seed=5), clouds(30, 30, spread=0.2, seed=6))
    dataset = dataset_of(labels, "ab")
    recipe = Recipe(budgets=(0, 60, "all"), lr_repeats=2, filter=True)
    found = assess(dataset, vectors, real, recipe)
    keys = [(s["inspected"], s["repeat"]) for s in found["stages"]]
    assert keys == [("0", 0), ("60", 0), ("60", 1), ("all", 0)] * 2
    assert [s["filtered"] for s in found["stages"]] == [False] * 4 + [True] * 4
    kept = filter_out_of_scope(dataset.texts, vectors, real, seed=0)
    assert kept.note in found["notes"]
    one = stage(found, "0", filtered=True)
    assert (one["n"], one["removed"]) == (len(kept.rows), 240 - len(kept.rows))
    assert 30 <= one["removed"] <= 50
    assert one["diversity"]["value"] == remote_clique(vectors[kept.rows])
    assert one["diversity"]["value"] < stage(found, "0")["diversity"]["value"]
    assert one["similarity"]["value"] > stage(found, "0")["similarity"]["value"]
    assert stage(found, "all", filtered=True)["diversity"] == one["diversity"]
    assert stage(found, "all", filtered=True)["label_accuracy"]["value"] == 1.0
    without = assess(dataset, vectors, real, Recipe(budgets=(0, 60, "all"), lr_repeats=2))
    assert without["stages"] == found["stages"][:4]


def test_a_filter_that_can_t_learn_is_left_out_with_the_reason() -> None:
    vectors, labels = clouds(50, 50, spread=0.2)
    recipe = Recipe(budgets=(0,), filter=True)
    few = real_of(clouds(30, 30, spread=0.2, seed=5))
    found = assess(dataset_of(labels, "ab"), vectors, few, recipe)
    assert [s["filtered"] for s in found["stages"]] == [False]
    assert found["notes"] == [
        "Out-of-scope filtering was left out. The reference has 60 texts to learn from; to tell "
        "what is out of scope takes 100."
    ]
    same = real_of((np.tile(vectors, (2, 1)), labels * 2))
    found = assess(dataset_of(labels, "ab"), vectors, same, recipe)
    assert [s["filtered"] for s in found["stages"]] == [False]
    assert found["notes"][0].startswith("Out-of-scope filtering was left out. ")
    assert "no text was removed" in found["notes"][0].lower()
