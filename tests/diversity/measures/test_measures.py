"""All measures at once: against what they are made of, against naive loops, and at the edges."""

import json
import math
from typing import Any

import numpy as np
import pytest

from core.diversity.measures import registry
from core.diversity.measures.measure import measure
from core.diversity.measures.remote_clique import (
    Vectors,
    remote_clique,
    vendi_score,
)
from core.diversity.measures.results import MeasureResult, encoder_name
from core.domain.datasets import Dataset, joined
from core.domain.registries.metrics import MEASURED
from tests.diversity.fake_encoder import FakeEncoder

FACTS_OF = {"model": "fake", "pooling": "mean", "fingerprint": "fake-16"}
FACTS = ("version", "key", "name", "n", "labels", "encoder", "encoder_facts", "distance")
EVIDENCE = ("reference", "texts", "pairs")
NEEDS_REFERENCE = {found.name for found in MEASURED if found.needs_reference}
TEXTS = (
    "I'm so happy about the new garden",
    "I'm so sad about the old garden",
    "the train was late again",
    "The train  was late again",
    "a cold soup and a warm welcome",
    "I'm so happy about the new kitchen",
)


def made(
    texts: tuple[str, ...], labels: tuple[str, ...] | None = None, *, key: str = "file:t"
) -> tuple[Dataset, Vectors]:
    n = len(texts)
    dataset = Dataset(
        key,
        "T",
        ("joy", "rest", "unused"),
        ids=tuple(f"{key}-{place}" for place in range(n)),
        texts=texts,
        labels=labels or tuple("joy" if place % 2 == 0 else "rest" for place in range(n)),
        fluency=tuple(-1.0 - place for place in range(n)),
    )
    return dataset, FakeEncoder().embed(texts)


def measured(
    texts: tuple[str, ...], labels: tuple[str, ...] | None = None, **more: Any
) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    result = measure(*made(texts, labels), rng=rng, encoder=FACTS_OF, **more)
    data = result.to_dict()
    assert MeasureResult.from_dict(json.loads(json.dumps(data))) == result
    return data


def naive_distances(vectors: Vectors) -> np.ndarray:
    n = len(vectors)
    found = np.zeros((n, n))
    for i, one in enumerate(vectors.astype(np.float64)):
        for j, other in enumerate(vectors.astype(np.float64)):
            found[i, j] = 1 - one @ other / math.sqrt((one @ one) * (other @ other))
    return found


def mean_distance(vectors: Vectors, others: Vectors) -> float:
    """The mean cosine distance between a text of one set and one of the other."""
    n = len(vectors)
    return float(naive_distances(np.concatenate([vectors, others]))[:n, n:].mean())


def test_the_facts_come_first() -> None:
    result = measured(TEXTS)
    assert (result["n"], result["distance"], result["encoder"]) == (
        6,
        "cosine",
        "fake, mean pooling",
    )
    assert result["labels"] == {"joy": 3, "rest": 3, "unused": 0}
    assert result["encoder_facts"] == FACTS_OF
    assert encoder_name({}) == "unknown, unknown pooling"


def test_the_whole_and_each_label_agree_with_naive_loops() -> None:
    _, vectors = made(TEXTS)
    result = measured(TEXTS)
    parts = {None: list(range(6)), "joy": [0, 2, 4], "rest": [1, 3, 5]}
    for label, rows in parts.items():
        own = {
            name: result[name] if label is None else result[name]["per_label"][label]
            for name in ("remote_clique", "nearest_distance", "vendi_score")
        }
        distances = naive_distances(vectors[rows])
        n = len(rows)
        mean = distances.sum() / (n * (n - 1))
        assert own["remote_clique"]["n"] == n
        assert own["remote_clique"]["value"] == pytest.approx(mean, abs=1e-6)
        assert own["remote_clique"]["low"] <= mean <= own["remote_clique"]["high"]
        np.fill_diagonal(distances, np.inf)
        nearest = distances.min(axis=1).mean()
        assert own["nearest_distance"]["value"] == pytest.approx(nearest, abs=1e-5)
        assert own["vendi_score"]["value"] == pytest.approx(vendi_score(vectors[rows]))


def test_words_duplicates_openings_and_fluency_by_hand() -> None:
    result = measured(TEXTS)
    assert (result["exact_duplicates"]["count"], result["exact_duplicates"]["n"]) == (1, 6)
    assert result["exact_duplicates"]["share"] == pytest.approx(1 / 6)
    # By themselves the two labels hold one of the two trains each.
    assert result["exact_duplicates"]["per_label"]["rest"]["count"] == 0
    assert result["openings"] == [
        {"words": "i'm so", "count": 3, "share": 0.5},
        {"words": "the train", "count": 2, "share": pytest.approx(1 / 3)},
    ]
    # seven words, then sad and old, four of the train, none, six of the soup, and kitchen
    assert result["vocabulary"] == {"at": [1, 2, 3, 4, 5, 6], "words": [7, 9, 13, 13, 19, 20]}
    assert result["distinct_1"]["value"] == pytest.approx(20 / 38)
    fluency = result["fluency"]
    assert (fluency["mean"], fluency["n"]) == (-3.5, 6)
    assert fluency["sd"] == pytest.approx(math.sqrt(3.5))
    assert fluency["per_label"]["joy"]["mean"] == -3
    assert result["self_bleu"]["n"] == 6
    assert result["self_bleu"]["sampled"] is False


def test_the_texts_and_pairs_go_by_ids() -> None:
    dataset, vectors = made(TEXTS)
    result = measured(TEXTS)
    distances = naive_distances(vectors)
    told = result["texts"]
    assert told["id"] == list(dataset.ids)
    assert told["mean_distance"] == pytest.approx(distances.sum(axis=1) / 5, abs=1e-5)
    assert told["nearest_earlier"][0] is told["earlier_id"][0] is None
    for place in range(1, 6):
        least = distances[place, :place]
        assert told["nearest_earlier"][place] == pytest.approx(least.min(), abs=1e-5)
        assert told["earlier_id"][place] == dataset.ids[int(least.argmin())]
    np.fill_diagonal(distances, np.inf)
    assert told["nearest"] == pytest.approx(distances.min(axis=1), abs=1e-5)
    near = result["near_duplicates"]
    assert near["count"] == sum(
        found is not None and found <= near["threshold"] for found in told["nearest_earlier"]
    )
    # The two trains are one wording, hence no pair; 14 of 15 are left.
    assert len(result["pairs"]) == 14
    first = result["pairs"][0]
    kept_apart = {(dataset.ids[2], dataset.ids[3])}
    assert all((pair["one"], pair["other"]) not in kept_apart for pair in result["pairs"])
    distances[2, 3] = distances[3, 2] = np.inf
    one, other = np.unravel_index(distances.argmin(), distances.shape)
    assert (first["one"], first["other"]) == (dataset.ids[one], dataset.ids[other])
    assert first["distance"] == pytest.approx(distances.min(), abs=1e-5)


def test_the_curve_is_the_score_of_the_first_so_many() -> None:
    _, vectors = made(TEXTS * 40)
    curve = measured(TEXTS * 40)["curve"]
    assert (curve["at"][0], curve["at"][-1], len(curve["at"])) == (2, 240, 60)
    assert curve["low"][0] is None  # two texts
    for place in (0, 1, 30, 59):
        expected = remote_clique(vectors[: curve["at"][place]])
        assert curve["value"][place] == pytest.approx(expected, abs=1e-6)
    assert curve["low"][59] < curve["value"][59] < curve["high"][59]


def test_beside_a_reference() -> None:
    real, real_vectors = made(TEXTS[2:] + ("nothing of the kind",) * 6, key="reference:r:train")
    dataset, vectors = made(TEXTS)
    result = measured(TEXTS, reference=(real, real_vectors))
    assert (result["reference"]["key"], result["reference"]["n"]) == ("reference:r:train", 10)
    own = result["reference"]["remote_clique"]
    assert own["value"] == pytest.approx(remote_clique(real_vectors))
    assert own["per_label"]["rest"]["n"] == 5
    far = mean_distance(vectors, real_vectors)
    assert result["reference_distance"]["value"] == pytest.approx(far, abs=1e-6)
    for kind in (result["similarity"], result["similarity"]["per_label"]["joy"]):
        assert kind["low"] < kind["value"] < kind["high"]
    assert result["similarity"]["value"] == pytest.approx(1 - far, abs=1e-6)  # type: ignore[operator]
    assert result["reference_distance"]["low"] == pytest.approx(1 - result["similarity"]["high"])
    assert result["similarity"]["reference_n"] == 10
    joy = [row for row, label in enumerate(real.labels) if label == "joy"]
    expected = mean_distance(vectors[[0, 2, 4]], real_vectors[joy])
    per_label = result["reference_distance"]["per_label"]
    assert per_label["joy"]["value"] == pytest.approx(expected, abs=1e-6)
    assert per_label["unused"]["why"] == "There is no text."
    matched = result["size_matched"]
    assert matched["n"] == matched["dataset"]["n"] == matched["reference"]["n"] == 6
    whole = {k: v for k, v in result["remote_clique"].items() if k != "per_label"}
    assert matched["dataset"] == whole
    assert matched["per_label"]["joy"]["dataset"] == result["remote_clique"]["per_label"]["joy"]
    assert matched["reference"]["value"] == pytest.approx(own["value"], abs=0.05)
    assert matched["reference"]["interval"] == "95 % of 200 random subsets"
    assert matched["per_label"]["unused"]["why"].startswith("The smaller side holds 0 texts")
    assert dataset.label_names == tuple(matched["per_label"])


def test_a_label_that_the_reference_lacks_is_compared_with_nothing() -> None:
    result = measured(TEXTS, reference=made(TEXTS, ("joy",) * 6, key="reference:r:test"))
    found = result["similarity"]["per_label"]["rest"]
    assert (found["value"], found["why"]) == (None, "The reference holds no text of this kind.")


def test_the_catalogue_names_every_measure_and_no_other() -> None:
    result = measured(TEXTS, reference=made(TEXTS))
    assert set(result) - {*FACTS, *EVIDENCE} == {m.name for m in MEASURED}
    without = measured(TEXTS)
    assert set(result) - set(without) == NEEDS_REFERENCE | {"reference"}
    assert len({m.name for m in MEASURED}) == len(MEASURED)
    for entry in MEASURED:
        found = result[entry.name]
        assert entry.by_label == (isinstance(found, dict) and "per_label" in found), entry.name
        assert entry.field is None or isinstance(found[entry.field], int | float), entry.name
        assert entry.sentence.endswith(".")


def values_in(data: Any) -> list[dict[str, Any]]:
    inner = (
        list(data.values()) if isinstance(data, dict) else data if isinstance(data, list) else []
    )
    own = [data] if isinstance(data, dict) and "value" in data else []
    return own + [found for part in inner for found in values_in(part)]


@pytest.mark.parametrize(
    ("texts", "labels"),
    [
        ((), ()),
        (("alone",), ("joy",)),
        (("one", "other"), ("joy", "rest")),
        (("one of one label", "two", "three", "four"), ("joy",) * 4),
        (("the very same",) * 7, ("joy",) * 3 + ("rest",) * 4),
        (("", " ", "..."), ("joy",) * 3),
    ],
    ids=["none", "one", "two", "one label", "all duplicates", "no words"],
)
@pytest.mark.parametrize("with_reference", [False, True])
def test_what_is_too_small_explains_itself(
    texts: tuple[str, ...], labels: tuple[str, ...], with_reference: bool
) -> None:
    for other in ((), ("a real one",), TEXTS):
        reference = made(other, key="reference:r:test") if with_reference else None
        result = measured(texts, labels, reference=reference)
        json.dumps(result, allow_nan=False)
        for entry in values_in(result):
            if entry["value"] is None or entry.get("low", 0) is None:
                of_size_matched = set(entry) == {"value", "low", "high", "n"}
                assert of_size_matched or entry["why"].endswith("."), entry
        assert len({len(column) for column in result["texts"].values()}) == 1


def test_all_duplicates_are_not_diverse() -> None:
    result = measured(("the very same",) * 7, ("joy",) * 3 + ("rest",) * 4)
    assert result["remote_clique"]["value"] == pytest.approx(0, abs=1e-6)
    assert result["vendi_score"]["value"] == pytest.approx(1, abs=1e-5)
    assert result["exact_duplicates"]["count"] == result["near_duplicates"]["count"] == 6
    assert result["self_bleu"]["value"] == pytest.approx(1)
    assert result["pairs"] == []


def test_a_seed_gives_the_same_result() -> None:
    assert measured(TEXTS) == measured(TEXTS)


def test_large_datasets_say_what_is_different(monkeypatch: pytest.MonkeyPatch) -> None:
    small = measured(TEXTS)
    assert small["remote_clique"]["interval"] == "bootstrap, 1,000 resamples"
    monkeypatch.setattr(registry, "MOST_RESAMPLED", 5)
    monkeypatch.setattr(registry, "MOST_COMPARED", 5)
    result = measured(TEXTS)
    assert result["remote_clique"]["interval"] == "delta method"
    assert result["remote_clique"]["value"] == pytest.approx(small["remote_clique"]["value"])
    for name in ("nearest_distance", "near_duplicates"):
        assert result[name]["why"] == "Each text is compared with each up to 5 texts only."
    assert result["texts"]["nearest"] == [None] * 6
    assert None not in result["texts"]["mean_distance"]
    assert result["pairs"] == []
    json.dumps(result, allow_nan=False)


def test_a_pause_can_end_it() -> None:
    class Enough(Exception):
        pass

    def enough() -> None:
        raise Enough

    with pytest.raises(Enough):
        measured(TEXTS, between=enough)


def test_several_runs_are_measured_as_one() -> None:
    first, _ = made(TEXTS[:3], key="run:a")
    second, _ = made(TEXTS[3:], ("rest", "joy", "rest"), key="run:b")
    both = joined([first, second])
    assert (both.key, both.name, len(both)) == ("joined:run:a+run:b", "T + T", 6)
    assert both.texts == TEXTS
    assert both.labels == ("joy", "rest", "joy", "rest", "joy", "rest")
    vectors = FakeEncoder().embed(both.texts)
    result = measure(both, vectors, rng=np.random.default_rng(0), encoder=FACTS_OF).to_dict()
    assert result["remote_clique"]["value"] == measured(TEXTS)["remote_clique"]["value"]
    for wrong in ([], [first, first]):
        with pytest.raises(ValueError, match="dataset"):
            joined(wrong)


def test_lengths_must_agree() -> None:
    dataset, vectors = made(TEXTS)
    with pytest.raises(ValueError, match="6 texts have 5 vectors"):
        measure(dataset, vectors[:5], rng=np.random.default_rng(0), encoder=FACTS_OF)
