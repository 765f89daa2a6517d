"""All measures of a dataset at once, ready for JSON: what pages, the command line and jobs show."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from core.diversity.measures.lexical import common_openings, vocabulary_growth
from core.diversity.measures.neighbours import nearest_pairs, wordings
from core.diversity.measures.reference import compared
from core.diversity.measures.remote_clique import (
    CliqueSum,
    Numbers,
    Pause,
    Vectors,
    mean_distances,
    no_pause,
)
from core.diversity.measures.scores import DECIMALS, NO_TEXT, ONE_TEXT, SCORES, Part, scored
from core.domain.datasets import Dataset
from core.store.diversity.measurements import MEASURES_VERSION

OPENING_WORDS = 2
OPENINGS = 20
PAIRS = 30
CURVE_POINTS = 60
VOCABULARY_POINTS = 40

FACTS = ("version", "key", "name", "n", "labels", "encoder", "encoder_facts", "distance")
"""Keys of a result that say what was measured."""

EVIDENCE = ("reference", "texts", "pairs")
"""Keys of a result that stand behind the measures: the reference, single texts, pairs of them."""


def measure(
    dataset: Dataset,
    vectors: Vectors,
    *,
    rng: np.random.Generator,
    encoder: Mapping[str, Any],
    reference: tuple[Dataset, Vectors] | None = None,
    between: Pause = no_pause,
) -> dict[str, Any]:
    """Measure a dataset; where it is too small for a measure, its value is None, with a `why`.

    What each measure means is in `core.domain.metrics`. A label is measured by itself:
    duplicates and neighbours of another label do not count there.

    Args:
        dataset: the texts, in order of arrival.
        vectors: their embeddings, float32 (texts, size).
        rng: draws resamples and samples.
        encoder: facts of the encoder (`core.diversity.embedding.encoder.Encoder.facts`).
        reference: real texts and their embeddings by the same encoder.
        between: called between blocks of work, about every tenth of a second.

    Returns:
        `FACTS`, the measures by name, the `EVIDENCE`; without a reference, what needs one is
        missing. `texts` holds lists of equal length: id, mean_distance, nearest, nearest_earlier
        (cosine distances, 5 decimals, None where there is none) and earlier_id; `pairs` the
        nearest pairs of different wording.

    Raises:
        ValueError: the lengths differ, or a vector is zero or not finite.
    """
    whole = Part(dataset, vectors, rng=rng, between=between)
    labels = whole.labels()
    result: dict[str, Any] = {
        "version": MEASURES_VERSION,
        "key": dataset.key,
        "name": dataset.name,
        "n": len(dataset),
        "labels": {name: len(part) for name, part in labels.items()},
        "encoder": encoder_name(encoder),
        "encoder_facts": dict(encoder),
        "distance": "cosine",
    }
    for name, score in SCORES.items():
        result[name] = scored(score, whole, labels)
        between()
    result["vocabulary"] = _vocabulary(dataset)
    result["openings"] = [
        {"words": row.words, "count": row.count, "share": row.share}
        for row in common_openings(dataset.texts, words=OPENING_WORDS)[:OPENINGS]
    ]
    result["curve"] = _curve(whole)
    if reference is not None:
        real = Part(*reference, rng=rng, between=between)
        result |= compared(whole, labels, real, real.labels(), clique=result["remote_clique"])
    result["texts"] = _texts(whole)
    result["pairs"] = _pairs(whole)
    return result


def encoder_name(facts: Mapping[str, Any]) -> str:
    """An encoder for display: its model and its pooling."""
    return f"{facts.get('model', 'unknown')}, {facts.get('pooling', 'unknown')} pooling"


def _vocabulary(dataset: Dataset) -> dict[str, Any]:
    at = _points(1, len(dataset), VOCABULARY_POINTS)
    data: dict[str, Any] = {"at": at, "words": vocabulary_growth(dataset.texts, at)}
    return data if at else {**data, "why": NO_TEXT}


def _curve(whole: Part) -> dict[str, Any]:
    """Remote-Clique of the first so many texts, with the delta method's interval."""
    at = _points(2, len(whole), CURVE_POINTS)
    data: dict[str, Any] = {"at": at, "value": [], "low": [], "high": []}
    if not at:
        return {**data, "why": ONE_TEXT if len(whole) else NO_TEXT}
    clique = CliqueSum(whole.vectors.shape[1])
    for number in at:
        clique.add(whole.vectors[clique.n : number])
        found = clique.estimate()
        data["value"].append(found.value)
        data["low"].append(found.low)
        data["high"].append(found.high)
        whole.between()
    return data


def _points(first: int, last: int, count: int) -> list[int]:
    """Whole numbers from `first` to `last`, evenly apart, `count` of them where there are more."""
    if last < first:
        return []
    return [int(n) for n in np.unique(np.linspace(first, last, count).round())]


def _texts(whole: Part) -> dict[str, list[Any]]:
    ids, n = whole.dataset.ids, len(whole)
    nothing = [None] * n
    data: dict[str, list[Any]] = {
        "id": list(ids),
        "mean_distance": _listed(mean_distances(whole.vectors)) if n > 1 else nothing,
        "nearest": nothing,
        "nearest_earlier": nothing,
        "earlier_id": nothing,
    }
    if whole.compared:
        distances, rows = whole.earlier
        data["nearest"] = _listed(whole.nearest)
        data["nearest_earlier"] = _listed(distances)
        data["earlier_id"] = [None if row < 0 else ids[row] for row in rows]
    return data


def _listed(values: Numbers) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in np.round(values, DECIMALS)]


def _pairs(whole: Part) -> list[dict[str, Any]]:
    if not whole.compared:
        return []
    ids = whole.dataset.ids
    found = nearest_pairs(whole.vectors, PAIRS, apart=wordings(whole.texts), between=whole.between)
    return [
        {"one": ids[p.one], "other": ids[p.other], "distance": round(p.distance, DECIMALS)}
        for p in found
    ]
