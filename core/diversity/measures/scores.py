"""Fluency: how likely the language model found what it wrote; beside every diversity score.

Gibberish lies far apart and so scores as very diverse; a low fluency tells it from real variety.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from core.diversity.measures.lexical import compression_ratio, distinct_n, self_bleu
from core.diversity.measures.neighbours import (
    DEFAULT_THRESHOLD,
    Repeats,
    exact_duplicates,
    near_duplicates_at,
    nearest_distances,
    nearest_earlier,
)
from core.diversity.measures.remote_clique import (
    CliqueSum,
    Estimate,
    Numbers,
    Pause,
    Vectors,
    bootstrap,
    no_pause,
    unit_vectors,
)
from core.domain.datasets import Dataset

GIBBERISH = -4.5
"""The mean of a dataset from which on little of it may make sense. The embedded model's texts lie
about -3.5 at temperature 1, where they still are sentences, and about -6 at 1.3, where few are."""


@dataclass(frozen=True, slots=True)
class Fluency:
    """Mean and spread of the texts' mean log-probability a token.

    Args:
        mean: natural logarithm, 0 at most, higher is more fluent; None where no text's is known.
        sd: standard deviation over the texts (divisor n - 1); None below two.
        n: texts whose fluency is known.
    """

    mean: float | None
    sd: float | None
    n: int


def fluency_of(values: Sequence[float | None]) -> Fluency:
    """Sum up the fluency of texts; None and what is not finite is left out."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    return Fluency(
        mean=float(np.mean(known)) if known else None,
        sd=float(np.std(known, ddof=1)) if len(known) > 1 else None,
        n=len(known),
    )


_BLOCK = 4096


def vendi_score(vectors: Vectors) -> float | None:
    """Exponential of the entropy of the eigenvalues of K / n, K the cosines of all pairs.

    1 (all texts the same) to the smaller of the number of texts and the size of the vectors; higher
    is more diverse. It grows with the dataset: compare datasets of equal size only. Computed on the
    size x size matrix, whose eigenvalues above 0 are the same, so that it costs O(n size^2).

    Args:
        vectors: embeddings, float32 (texts, size), of any length above 0.

    Returns:
        None if there is no text.

    Raises:
        ValueError: a vector is zero or not finite.
    """
    if not len(vectors):
        return None
    size = vectors.shape[1]
    gram = np.zeros((size, size))
    for start in range(0, len(vectors), _BLOCK):
        block = unit_vectors(vectors[start : start + _BLOCK]).astype(np.float64)
        gram += block.T @ block
    shares = np.linalg.eigvalsh(gram / len(vectors))
    shares = shares[shares > 1e-12]
    return float(np.exp(-(shares * np.log(shares)).sum()))


RESAMPLES = 1000
MOST_RESAMPLED = 20_000
"""Above so many texts Remote-Clique's interval is the delta method's: with as many texts the two
agree, and the bootstrap's cost grows with them."""

MOST_COMPARED = 50_000
"""Above so many texts nearest neighbours are not looked for: the cost grows with their square, and
a sample's neighbours lie farther apart than the dataset's."""

DECIMALS = 5

NO_TEXT = "There is no text."
ONE_TEXT = "One text alone has no other to lie apart from."


class Part:
    """Texts to measure, with what several scores need computed once.

    Args:
        dataset: the texts.
        vectors: their embeddings, float32 (texts, size).
        rng: draws resamples and samples.
        between: called between blocks.
    """

    def __init__(
        self,
        dataset: Dataset,
        vectors: Vectors,
        *,
        rng: np.random.Generator,
        between: Pause = no_pause,
    ) -> None:
        if len(dataset) != len(vectors):
            raise ValueError(f"{len(dataset)} texts have {len(vectors)} vectors")
        self.dataset = dataset
        self.vectors = vectors
        self.rng = rng
        self.between = between

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def texts(self) -> Sequence[str]:
        """The texts."""
        return self.dataset.texts

    def labels(self) -> "dict[str, Part]":
        """The part of each label, in task order; of a label without texts an empty one."""
        rows = dict(self.dataset.rows_by_label())
        none = np.zeros(0, dtype=np.int64)
        return {name: self._take(rows.get(name, none)) for name in self.dataset.label_names}

    def _take(self, rows: "npt.NDArray[np.int64]") -> "Part":
        taken = self.dataset.take([int(row) for row in rows])
        return Part(taken, self.vectors[rows], rng=self.rng, between=self.between)

    @property
    def compared(self) -> bool:
        """Whether there are few enough texts for comparing each with each."""
        return len(self) <= MOST_COMPARED

    @cached_property
    def nearest(self) -> Numbers:
        """Cosine distance to the nearest other text, float64 (texts,); NaN for one alone."""
        if len(self) < 2:
            return np.full(len(self), np.nan)
        return np.round(nearest_distances(self.vectors, between=self.between), DECIMALS)

    @cached_property
    def earlier(self) -> "tuple[Numbers, npt.NDArray[np.int64]]":
        """Distance to and row of the nearest earlier text, as `nearest_earlier`.

        Rounded as they are given out, so that who counts at a threshold counts the same.
        """
        distances, rows = nearest_earlier(self.vectors, between=self.between)
        return np.round(distances, DECIMALS), rows


def estimate(found: Estimate, why: str | None = None) -> dict[str, Any]:
    """An estimate ready for JSON, with a `why` where it lacks something."""
    data: dict[str, Any] = {
        "value": found.value,
        "low": found.low,
        "high": found.high,
        "n": found.n,
    }
    return data if why is None else {**data, "why": why}


def _remote_clique(part: Part) -> dict[str, Any]:
    n = len(part)
    if n < 3:
        found = bootstrap(part.vectors, part.rng)
        return estimate(found, (NO_TEXT, ONE_TEXT, "An interval takes three texts.")[n])
    if n > MOST_RESAMPLED:
        clique = CliqueSum(part.vectors.shape[1])
        clique.add(part.vectors)
        return estimate(clique.estimate()) | {"interval": "delta method"}
    found = bootstrap(part.vectors, part.rng, resamples=RESAMPLES, between=part.between)
    return estimate(found) | {"interval": f"bootstrap, {RESAMPLES:,} resamples"}


def _vendi_score(part: Part) -> dict[str, Any]:
    return _single(vendi_score(part.vectors), len(part), NO_TEXT)


def _distinct(words: int) -> "Score":
    def score(part: Part) -> dict[str, Any]:
        many = "a word" if words == 1 else f"{words} words in a row"
        why = f"No text holds {many}." if len(part) else NO_TEXT
        return _single(distinct_n(part.texts, words), len(part), why)

    return score


def _compression_ratio(part: Part) -> dict[str, Any]:
    return _single(compression_ratio(part.texts), len(part), NO_TEXT)


def _self_bleu(part: Part) -> dict[str, Any]:
    found = self_bleu(part.texts, part.rng)
    why = NO_TEXT if not len(part) else "One text alone has no other to share words with."
    return _single(found.value, found.n, why) | {"sampled": found.sampled}


def _nearest_distance(part: Part) -> dict[str, Any]:
    if len(part) < 2 or not part.compared:
        return _single(None, len(part), _why_not_compared(part))
    return _single(float(part.nearest.mean()), len(part), "")


def _exact_duplicates(part: Part) -> dict[str, Any]:
    return _repeats(exact_duplicates(part.texts), len(part))


def _near_duplicates(part: Part) -> dict[str, Any]:
    data: dict[str, Any] = {"threshold": DEFAULT_THRESHOLD}
    if not part.compared:
        nothing = {"count": None, "share": None, "n": len(part)}
        return {**data, **nothing, "why": _why_not_compared(part)}
    found = near_duplicates_at(part.earlier[0], DEFAULT_THRESHOLD)
    return data | _repeats(found, len(part))


def _fluency(part: Part) -> dict[str, Any]:
    found = fluency_of(part.dataset.fluency)
    data: dict[str, Any] = {"mean": found.mean, "sd": found.sd, "n": found.n}
    if found.sd is None:
        unknown = "The fluency of these texts is not known." if len(part) else NO_TEXT
        data["why"] = "One text has no spread." if found.n else unknown
    return data


Score = Callable[[Part], dict[str, Any]]

SCORES: Mapping[str, Score] = {
    "remote_clique": _remote_clique,
    "vendi_score": _vendi_score,
    "distinct_1": _distinct(1),
    "distinct_2": _distinct(2),
    "distinct_3": _distinct(3),
    "compression_ratio": _compression_ratio,
    "self_bleu": _self_bleu,
    "nearest_distance": _nearest_distance,
    "exact_duplicates": _exact_duplicates,
    "near_duplicates": _near_duplicates,
    "fluency": _fluency,
}
"""The scores by name; each is taken of the whole and of every label."""


def scored(score: Score, whole: Part, labels: Mapping[str, Part]) -> dict[str, Any]:
    """A score of the whole, and under `per_label` the same of every label by itself."""
    data = score(whole)
    whole.between()
    per_label: dict[str, Any] = {}
    for name, part in labels.items():
        per_label[name] = score(part)
        whole.between()
    return {**data, "per_label": per_label}


def _single(value: float | None, n: int, why: str) -> dict[str, Any]:
    data: dict[str, Any] = {"value": value, "n": n}
    return data if value is not None else {**data, "why": why}


def _repeats(found: Repeats, n: int) -> dict[str, Any]:
    data: dict[str, Any] = {"count": found.count, "share": found.share, "n": n}
    return data if n else {**data, "why": NO_TEXT}


def _why_not_compared(part: Part) -> str:
    if len(part) < 2:
        return (NO_TEXT, ONE_TEXT)[len(part)]
    return f"Each text is compared with each up to {MOST_COMPARED:,} texts only."
