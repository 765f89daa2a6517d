"""The assessment: values worked out by hand, and what is left out said."""

import json
from typing import Any

import numpy as np
import pytest
from scipy.stats import t as student

from core.classification.evaluation.intervals import wilson
from core.classification.probe import fit_probe
from core.diversity.measures.measure import measure
from core.interventions.relabelling.oracle import train_oracle
from core.interventions.relabelling.relabel import replace_labels
from core.sweeps.assessment import assess as oracles
from core.sweeps.assessment.assess import ITS_OWN_JUDGE
from core.sweeps.assessment.recipe import Recipe
from core.sweeps.execution.trial import RealTexts
from tests.interventions.making import clouds
from tests.sweeps.assessment.assessed import NO_VECTORS, assess, dataset_of, real_of, stage

ONE, OTHER = [1.0, 0.0], [0.0, 1.0]


def rows_of(*rows: list[float]) -> Any:
    return np.array(rows, dtype=np.float32)


def plane() -> RealTexts:
    """Real texts of which "a" lie along one axis and "b" along the other."""
    return real_of(
        (rows_of(*[ONE] * 20, *[OTHER] * 20), ["a"] * 20 + ["b"] * 20),
        (rows_of(ONE, ONE, ONE, OTHER), ["a", "a", "a", "b"]),
    )


def test_a_case_worked_out_by_hand() -> None:
    # Three of the five texts along the other axis bear the wrong label, and one text is repeated.
    vectors = rows_of(ONE, [3.0, 0.0], [2.0, 0.0], OTHER, [0.0, 2.0], OTHER, OTHER, OTHER)
    dataset = dataset_of(
        "aaaabaab",
        ["a", "b"],
        texts=["x", "y", "z", "Same", "u", "v", "same ", "w"],
        fluency=[-1.0, -2.0, None, -3.0, None, None, None, None],
    )
    recipe = Recipe(reference="r", budgets=(0, 90, "all"))
    found = assess(dataset, vectors, plane(), recipe)
    assert {key: value for key, value in found.items() if key not in ("stages", "notes")} == {
        "version": 1,
        "n": 8,
        "encoder": "fake, mean pooling",
        "distance": "cosine",
        "oracle": {"accuracy": 1.0, "n": 4, "notes": []},
        "reference": {"train": 40, "test": 4},
        "fluency": -2.0,
        "duplicates": 1 / 8,
        "classifier": "probe",
    }
    assert found["notes"] == [
        ITS_OWN_JUDGE,
        "LR with 90 inspected texts was left out, as there are 8 in all.",
    ]
    assert [(s["inspected"], s["n"], s["removed"]) for s in found["stages"]] == [
        ("0", 8, 0),
        ("all", 8, 0),
    ]
    plain, relabelled = found["stages"]
    # 15 of 28 pairs lie on two axes, at distance 1.
    assert plain["diversity"]["value"] == pytest.approx(15 / 28)
    assert plain["similarity"]["value"] == pytest.approx(3 / 8 * 0.5 + 5 / 8 * 0.5)
    assert plain["label_accuracy"] == {
        "value": 5 / 8,
        "low": wilson(5, 8).low,
        "high": wilson(5, 8).high,
    }
    # Along the other axis most texts say "a", so the probe does, and misses the one "b".
    assert plain["model_accuracy"]["value"] == 3 / 4
    assert relabelled["label_accuracy"]["value"] == 1.0
    assert relabelled["model_accuracy"] == {
        "value": 1.0,
        "low": wilson(4, 4).low,
        "high": wilson(4, 4).high,
    }
    # LR changes no text.
    for name in ("diversity", "similarity"):
        assert relabelled[name] == plain[name]


def case(*, spread: float = 0.6, seed: int = 0) -> tuple[Any, Any, RealTexts]:
    """120 texts of three labels, every fourth under a wrong one; the reference's 300 and 90."""
    vectors, right = clouds(40, 40, 40, spread=spread, seed=seed)
    borne = ["abc"[("abc".index(r) + (row % 4 == 0)) % 3] for row, r in enumerate(right)]
    real = real_of(
        clouds(100, 100, 100, spread=spread, seed=7), clouds(30, 30, 30, spread=spread, seed=8)
    )
    return dataset_of(borne, "abc"), vectors, real


def test_each_budget_is_drawn_and_learned_as_on_the_intervene_page() -> None:
    dataset, vectors, real = case()
    recipe = Recipe(reference="r", budgets=(0, 20, 60), lr_repeats=3, weight=0.2, seed=5)
    found = assess(dataset, vectors, real, recipe)
    keys = [(s["inspected"], s["repeat"]) for s in found["stages"]]
    assert keys == [("0", 0), *((b, r) for b in ("20", "60") for r in range(3))]
    oracle = train_oracle(real.train_vectors, real.train_labels)
    says = oracle.judge(dataset.texts, vectors).labels
    for budget, repeat in [(20, 0), (20, 2), (60, 1)]:
        rng = np.random.default_rng(5 + repeat)
        # The draws of whether and how the annotator errs come first (`noisy`).
        rng.random(120)
        rng.integers(1, 3, size=120)
        sample = rng.permutation(120)[:budget].tolist()
        new = replace_labels(
            vectors,
            dataset.labels,
            {row: says[row] for row in sample},
            label_names=("a", "b", "c"),
            weight=0.2,
            seed=5 + repeat,
        ).new
        one = stage(found, str(budget), repeat=repeat)
        hits = sum(a == b for a, b in zip(new, says, strict=True))
        assert one["label_accuracy"]["value"] == hits / 120
        probe = fit_probe(vectors, new, label_names="abc")
        given = np.array(list("abc"))[probe.probabilities(real.test_vectors).argmax(axis=1)]
        right = int((given == np.array(real.test_labels)).sum())
        assert one["model_accuracy"]["value"] == right / 90
        assert stage(found, "0")["label_accuracy"]["value"] < hits / 120
    of_repeats = [stage(found, "60", repeat=r)["label_accuracy"]["value"] for r in range(3)]
    assert len(set(of_repeats)) > 1


def test_diversity_and_similarity_are_those_that_explore_shows() -> None:
    dataset, vectors, real = case()
    found = assess(dataset, vectors, real, Recipe(budgets=(0,)))
    train = dataset_of(real.train_labels, "abc")
    shown = measure(
        dataset,
        vectors,
        rng=np.random.default_rng(0),
        encoder={"model": "fake", "pooling": "mean"},
        reference=(train, real.train_vectors),
    ).to_dict()
    told = stage(found, "0")
    for end in ("value", "low", "high"):
        assert told["diversity"][end] == shown["remote_clique"][end]
        # Its resamples were drawn after others there.
        assert told["similarity"][end] == pytest.approx(shown["similarity"][end], abs=0.01)
    assert told["similarity"]["value"] == shown["similarity"]["value"]


def test_equal_inputs_give_equal_assessments_that_are_json() -> None:
    dataset, vectors, real = case()
    recipe = Recipe(reference="r", budgets=(0, 20, "all"), lr_repeats=2, filter=True)
    one = assess(dataset, vectors, real, recipe)
    again = assess(*case()[:2], case()[2], recipe)
    assert one == again == json.loads(json.dumps(one, allow_nan=False))
    other = Recipe(reference="r", budgets=(0, 20, "all"), lr_repeats=2, filter=True, seed=9)
    assert assess(dataset, vectors, real, other) != one


def test_the_oracle_of_a_reference_is_trained_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def counted(*args: Any, **named: Any) -> Any:
        calls.append(args)
        return train_oracle(*args, **named)

    monkeypatch.setattr(oracles, "train_oracle", counted)
    dataset, vectors, real = case()
    for _ in range(3):
        assess(dataset, vectors, real, Recipe(budgets=(0, "all")))
    assert len(calls) == 1
    assess(dataset, vectors, case()[2], Recipe(budgets=(0, "all")))
    assert len(calls) == 2


@pytest.mark.parametrize("real", [None, real_of((NO_VECTORS, ()))])
def test_without_a_reference_diversity_is_all_there_is(real: RealTexts | None) -> None:
    vectors = rows_of(ONE, OTHER, ONE)
    dataset = dataset_of(["a", "b", "a"], ["a", "b"])
    found = assess(dataset, vectors, real, Recipe(filter=True))
    assert (found["oracle"], found["reference"]) == (None, None)
    assert found["notes"] == [
        "Without a reference diversity alone is measured, and no repair is tried."
    ]
    (only,) = found["stages"]
    assert only["diversity"]["value"] == pytest.approx(2 / 3)
    why = {"value": None, "low": None, "high": None, "why": "There is no reference."}
    assert only["similarity"] == only["label_accuracy"] == only["model_accuracy"] == why


def test_what_has_too_few_texts_is_none_with_a_reason() -> None:
    nothing = assess(
        dataset_of([], ["a", "b"]),
        NO_VECTORS[:, :2],
        plane(),
        Recipe(budgets=(0, 2, "all"), filter=True),
    )
    (only,) = nothing["stages"]
    for name in ("diversity", "similarity", "label_accuracy", "model_accuracy"):
        assert (only[name]["value"], only[name]["why"]) == (None, "There is no text.")
    assert (nothing["fluency"], nothing["duplicates"]) == (None, None)

    alone = assess(
        dataset_of(["a"], ["a", "b"]),
        rows_of(ONE),
        plane(),
        Recipe(budgets=(0, "all")),
    )
    plain = stage(alone, "0")
    assert plain["diversity"]["why"] == "One text alone has no other to lie apart from."
    assert (plain["similarity"]["value"], plain["similarity"]["low"]) == (0.5, None)
    assert plain["label_accuracy"]["value"] == 1.0
    assert plain["model_accuracy"]["why"] == "All 1 texts have the label 'a'."


def test_a_label_that_is_lost_or_has_one_text_is_told() -> None:
    vectors = rows_of(ONE, ONE, [1.0, 0.2], OTHER)
    real = real_of(
        (rows_of(*[ONE] * 5, *[OTHER] * 5, *[[-1.0, 0.0]] * 5), "a" * 5 + "b" * 5 + "c" * 5),
        (rows_of(ONE, OTHER, [-1.0, 0.0]), "abc"),
    )
    recipe = Recipe(budgets=(0, "all"))
    found = assess(dataset_of("aaab", "abc"), vectors, real, recipe)
    assert stage(found, "0")["model_accuracy"]["value"] is not None
    assert found["notes"][-2:] == [
        "In 2 stages the label 'c' had no text, so test texts with it count as wrong.",
        "In 2 stages the label 'b' had a single text to learn from.",
    ]
    # A fine-tuning holds one text of each label out.
    recipe = Recipe(budgets=(0,), classifier="fine-tuning")
    found = assess(
        dataset_of("aaab", "abc"),
        vectors,
        real,
        recipe,
        fine_tuner=lambda *_: pytest.fail("it was trained"),
    )
    why = stage(found, "0")["model_accuracy"]["why"]
    assert why == "The label 'b' has one text, too few to train and validate."
    with pytest.raises(ValueError, match="nothing fine-tunes"):
        assess(dataset_of("aaab", "abc"), vectors, real, recipe)


def test_an_oracle_that_can_t_learn_or_lacks_a_label_is_told() -> None:
    vectors = rows_of(ONE, OTHER, ONE, OTHER)
    dataset = dataset_of("abab", "abc")
    one_label = real_of((rows_of(ONE, OTHER), "aa"), (rows_of(ONE), "a"))
    found = assess(dataset, vectors, one_label, Recipe())
    assert found["oracle"] is None
    assert found["notes"] == [
        "There is no oracle, so LR was left out. The reference has texts of fewer than two labels, "
        "so nothing can be learned from it."
    ]
    plain = stage(found, "0")
    assert plain["label_accuracy"]["why"] == "There is no oracle."
    assert plain["model_accuracy"]["value"] == 1.0

    untested = real_of((rows_of(*[ONE] * 5, *[OTHER] * 5), "a" * 5 + "b" * 5))
    found = assess(dataset, vectors, untested, Recipe(budgets=(0,)))
    assert found["oracle"] == {
        "accuracy": 1.0,
        "n": 10,
        "notes": [
            "The reference has no text of 'c': the oracle never predicts it.",
            "Its accuracy is of 5-fold cross-validation on the reference.",
        ],
    }
    assert found["notes"] == []
    assert stage(found, "0")["model_accuracy"]["why"] == "The reference has no test texts."


def test_samples_of_one_label_alone_are_left_out() -> None:
    # All but one text lie where the oracle says "a": most samples of two hold no other.
    vectors = rows_of(*[ONE] * 9, OTHER)
    recipe = Recipe(budgets=(0, 2), lr_repeats=4)
    found = assess(dataset_of("ab" * 5, "ab"), vectors, plane(), recipe)
    drawn = []
    for repeat in range(4):
        rng = np.random.default_rng(repeat)
        rng.random(10)
        rng.integers(1, 2, size=10)
        drawn.append(9 in rng.permutation(10)[:2])
    kept = [repeat for repeat in range(4) if drawn[repeat]]
    assert len(kept) < 4
    assert [s["repeat"] for s in found["stages"] if s["inspected"] == "2"] == kept
    assert (
        f"LR with 2 inspected texts was left out in {4 - len(kept)} of 4 samples. All 2 inspected "
        "texts were labelled 'a', so nothing tells labels apart; no label was changed."
    ) in found["notes"]


def test_a_fine_tuning_is_done_once_a_seed_with_the_labels_of_the_stage() -> None:
    vectors = rows_of(ONE, ONE, ONE, OTHER, OTHER, OTHER)
    seen = []

    def fine_tune(train: Any, real: RealTexts, seed: int) -> list[str]:
        seen.append((train.labels, train.texts[0], seed))
        return ["a", "a", "a", "b"] if seed == 4 else ["a", "a", "b", "b"]

    recipe = Recipe(budgets=(0, "all"), classifier="fine-tuning", train_seeds=2, seed=3)
    found = assess(
        dataset_of("ababab", "ab"),
        vectors,
        plane(),
        recipe,
        fine_tuner=fine_tune,
    )
    assert seen == [
        (tuple(labels), "text 0", seed) for labels in ("ababab", "aaabbb") for seed in (3, 4)
    ]
    told = stage(found, "all")["model_accuracy"]
    assert told["value"] == (1.0 + 0.75) / 2
    reach = student.ppf(0.975, 1) * np.std([1, 0.75], ddof=1) / np.sqrt(2)
    assert told["low"] == pytest.approx(max(0, 0.875 - reach))
    assert found["classifier"] == "fine-tuning"

    none = assess(
        dataset_of("ababab", "ab"),
        vectors,
        plane(),
        Recipe(budgets=(0,), classifier="none"),
    )
    assert stage(none, "0")["model_accuracy"]["why"] == "The recipe trains no classifier."


class Stopped(Exception):
    """What `between` raises."""


def test_it_pauses_often_and_what_a_pause_raises_ends_it() -> None:
    dataset, vectors, real = case()
    recipe = Recipe(budgets=(0, 20), lr_repeats=2, filter=True)
    pauses = []
    assess(dataset, vectors, real, recipe, between=lambda: pauses.append(1))
    assert len(pauses) > 10
    for at in (0, len(pauses) // 2, len(pauses) - 1):
        left = iter(range(at))

        def stop(left: Any = left) -> None:
            if next(left, None) is None:
                raise Stopped

        fresh = case()[2]  # nothing of it is worked out yet
        with pytest.raises(Stopped):
            assess(dataset, vectors, fresh, recipe, between=stop)
