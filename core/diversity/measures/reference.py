"""Similarity to a reference: the mean cosine between a text and a real one (paper, section 4.2)."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from core.diversity.measures.remote_clique import (
    Estimate,
    Numbers,
    Pause,
    Vectors,
    no_pause,
    resampled_sums,
    size_matched,
    unit_vectors,
)
from core.diversity.measures.scores import NO_TEXT, RESAMPLES, SCORES, Part, estimate, scored


def similarity(
    vectors: Vectors,
    others: Vectors,
    rng: np.random.Generator,
    *,
    resamples: int = 1000,
    between: Pause = no_pause,
) -> Estimate:
    """The paper's similarity with its percentile bootstrap interval over the texts of both sets.

    -1 to 1, higher is nearer to the reference; it does not depend on the numbers of texts but for
    chance. The paper gives 1 minus the mean distance; that the distance is cosine fits its values
    near 0.8. 1 minus it is `remote_clique.mean_distance_between`.

    Args:
        vectors: embeddings, float32 (texts, size).
        others: the reference's, float32 (texts, size).
        rng: draws the resamples.
        resamples: how many.
        between: called between blocks.

    Returns:
        Without an interval where a set has fewer than two texts; n counts the texts measured.
    """
    n = len(vectors)
    if not n or not len(others):
        return Estimate(None, None, None, n)
    one, other = unit_vectors(vectors), unit_vectors(others)
    value = float(one.mean(axis=0, dtype=np.float64) @ other.mean(axis=0, dtype=np.float64))
    if min(n, len(others)) < 2:
        return Estimate(value, None, None, n)
    means: list[Numbers] = []
    for part in (one, other):
        sums = [s for s, _ in resampled_sums(part, rng, resamples=resamples, between=between)]
        means.append(np.concatenate(sums) / len(part))
    found = np.einsum("ij,ij->i", *means)
    low, high = np.percentile(found, [2.5, 97.5])
    return Estimate(value, max(-1.0, float(low)), min(1.0, float(high)), n)


DRAWS = 200


def compared(
    whole: Part,
    labels: Mapping[str, Part],
    real: Part,
    real_labels: Mapping[str, Part],
    *,
    clique: Mapping[str, Any],
) -> dict[str, Any]:
    """The measures that a reference adds, ready for JSON.

    Args:
        whole: the dataset.
        labels: its parts by label.
        real: the reference.
        real_labels: its parts by label; a label that it lacks is compared with nothing.
        clique: the dataset's own Remote-Clique, with `per_label`.

    Returns:
        reference (its key, name, n and own Remote-Clique), reference_distance, similarity and
        size_matched.
    """
    own = scored(SCORES["remote_clique"], real, real_labels)
    none = Part(real.dataset.take([]), real.vectors[:0], rng=real.rng)
    near = _similarity(whole, real)
    sized = _size_matched(whole, clique, real, own)
    near_labels: dict[str, Any] = {}
    sized_labels: dict[str, Any] = {}
    for name, part in labels.items():
        other = real_labels.get(name, none)
        near_labels[name] = _similarity(part, other)
        sized_labels[name] = _size_matched(
            part, clique["per_label"][name], other, own["per_label"].get(name, {})
        )
    return {
        "reference": {
            "key": real.dataset.key,
            "name": real.dataset.name,
            "n": len(real),
            "remote_clique": own,
        },
        "reference_distance": {
            **_as_distance(near),
            "per_label": {name: _as_distance(found) for name, found in near_labels.items()},
        },
        "similarity": {**near, "per_label": near_labels},
        "size_matched": {**sized, "per_label": sized_labels},
    }


def _similarity(part: Part, real: Part) -> dict[str, Any]:
    found = similarity(
        part.vectors, real.vectors, part.rng, resamples=RESAMPLES, between=part.between
    )
    why = None
    if found.value is None:
        why = "The reference holds no text of this kind." if len(part) else NO_TEXT
    elif found.low is None:
        why = "An interval takes two texts on either side."
    return estimate(found, why) | {"reference_n": len(real)}


def _as_distance(near: Mapping[str, Any]) -> dict[str, Any]:
    """1 minus a similarity; its ends change places."""
    turned = {"value": near["value"], "low": near["high"], "high": near["low"]}
    return {**near, **{key: None if v is None else 1 - v for key, v in turned.items()}}


def _size_matched(
    part: Part, clique: Mapping[str, Any], real: Part, own: Mapping[str, Any]
) -> dict[str, Any]:
    """Both at the size of the smaller: that one as it is, the other by random subsets."""
    n = min(len(part), len(real))
    if n < 3:
        nothing = estimate(Estimate(None, None, None, n))
        why = f"The smaller side holds {n} text{'' if n == 1 else 's'}; it takes three."
        return {"n": n, "dataset": nothing, "reference": nothing, "why": why}
    return {"n": n, "dataset": _at_size(part, clique, n), "reference": _at_size(real, own, n)}


def _at_size(part: Part, clique: Mapping[str, Any], n: int) -> dict[str, Any]:
    if n == len(part):
        return {key: value for key, value in clique.items() if key != "per_label"}
    found = size_matched(part.vectors, n, part.rng, draws=DRAWS, between=part.between)
    return estimate(found) | {"interval": f"95 % of {DRAWS:,} random subsets"}
