"""MEASURES: the function behind each metric that is measured on texts.

A metric there and a function here are a complete measure: `core.diversity.measures.measure` takes
it of the whole dataset and of each label, and pages and the command line show it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from core.diversity.measures.fluency import fluency_of
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
    similarity,
    vendi_score,
)
from core.diversity.measures.results import Detail, Measurement
from core.domain.datasets import Dataset

RESAMPLES = 1000
MOST_RESAMPLED = 20_000
"""Above this number of texts, Remote-Clique's interval is the delta method's: with as many texts
the two agree, and the bootstrap's cost grows with them."""

MOST_COMPARED = 50_000
"""Above this number of texts, nearest neighbours are not computed: the cost grows with their
square, and a sample's neighbours lie farther apart than the dataset's."""

DECIMALS = 5

NO_TEXT = "There is no text."
ONE_TEXT = "One text alone has no other to lie apart from."


class Part:
    """Texts to measure, with what several measures need computed once.

    Args:
        dataset: the texts.
        vectors: their embeddings, float32 (texts, size).
        rng: draws resamples and samples.
        between: called between blocks.

    Raises:
        ValueError: the lengths differ.
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

        Rounded as they are stored, so that counts at a threshold agree with them.
        """
        distances, rows = nearest_earlier(self.vectors, between=self.between)
        return np.round(distances, DECIMALS), rows


class Comparison:
    """Texts beside the real ones that they are compared with; both may be of one label.

    Args:
        part: the texts.
        real: the real ones.
    """

    def __init__(self, part: Part, real: Part) -> None:
        self.part = part
        self.real = real

    @cached_property
    def similarity(self) -> Estimate:
        """The mean cosine between a text and a real one."""
        part = self.part
        return similarity(
            part.vectors, self.real.vectors, part.rng, resamples=RESAMPLES, between=part.between
        )


def _remote_clique(part: Part) -> Measurement:
    n = len(part)
    if n < 3:
        why = (NO_TEXT, ONE_TEXT, "An interval takes three texts.")[n]
        return Measurement.of_estimate(bootstrap(part.vectors, part.rng), why)
    if n > MOST_RESAMPLED:
        clique = CliqueSum(part.vectors.shape[1])
        clique.add(part.vectors)
        return Measurement.of_estimate(clique.estimate(), interval="delta method")
    estimate = bootstrap(part.vectors, part.rng, resamples=RESAMPLES, between=part.between)
    return Measurement.of_estimate(estimate, interval=f"bootstrap, {RESAMPLES:,} resamples")


def _vendi_score(part: Part) -> Measurement:
    return _single(vendi_score(part.vectors), len(part), NO_TEXT)


def _distinct(words: int) -> "Measure":
    def measure(part: Part) -> Measurement:
        many = "a word" if words == 1 else f"{words} words in a row"
        why = f"No text holds {many}." if len(part) else NO_TEXT
        return _single(distinct_n(part.texts, words), len(part), why)

    return measure


def _compression_ratio(part: Part) -> Measurement:
    return _single(compression_ratio(part.texts), len(part), NO_TEXT)


def _self_bleu(part: Part) -> Measurement:
    bleu = self_bleu(part.texts, part.rng)
    why = "One text alone has no other to share words with." if len(part) else NO_TEXT
    return _single(bleu.value, bleu.n, why, sampled=bleu.sampled)


def _nearest_distance(part: Part) -> Measurement:
    if len(part) < 2 or not part.compared:
        return _single(None, len(part), _why_not_compared(part))
    return _single(float(part.nearest.mean()), len(part))


def _exact_duplicates(part: Part) -> Measurement:
    return _repeats(exact_duplicates(part.texts), len(part))


def _near_duplicates(part: Part) -> Measurement:
    if not part.compared:
        details: dict[str, Detail] = {"threshold": DEFAULT_THRESHOLD, "count": None}
        return _single(None, len(part), _why_not_compared(part), **details)
    repeats = near_duplicates_at(part.earlier[0], DEFAULT_THRESHOLD)
    return _repeats(repeats, len(part), threshold=DEFAULT_THRESHOLD)


def _fluency(part: Part) -> Measurement:
    fluency = fluency_of(part.dataset.fluency)
    why = ""
    if fluency.sd is None:
        unknown = "The fluency of these texts is not known." if len(part) else NO_TEXT
        why = "One text has no spread." if fluency.n else unknown
    return Measurement(value=fluency.mean, n=fluency.n, why=why, details={"sd": fluency.sd})


def _similarity(both: Comparison) -> Measurement:
    estimate, why = both.similarity, ""
    if estimate.value is None:
        why = "The reference holds no text of this kind." if len(both.part) else NO_TEXT
    elif estimate.low is None:
        why = "An interval takes two texts on either side."
    return Measurement.of_estimate(estimate, why, reference_n=len(both.real))


def _reference_distance(both: Comparison) -> Measurement:
    """1 minus the similarity, so that the interval's ends change places."""
    near = _similarity(both)
    value, low, high = (
        None if number is None else 1 - number for number in (near.value, near.high, near.low)
    )
    return replace(near, value=value, low=low, high=high)


Measure = Callable[[Part], Measurement]
ReferenceMeasure = Callable[[Comparison], Measurement]

MEASURES: dict[str, Measure] = {
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
"""By the metric's name; each is taken of the whole and of every label."""

REFERENCE_MEASURES: dict[str, ReferenceMeasure] = {
    "reference_distance": _reference_distance,
    "similarity": _similarity,
}
"""The same for metrics that compare with a reference."""


def with_labels(name: str, whole: Part, labels: Mapping[str, Part]) -> Measurement:
    """A metric of `MEASURES` of the whole, and of each label by itself."""
    measure = MEASURES[name]
    result = measure(whole)
    whole.between()
    per_label = {}
    for label, part in labels.items():
        per_label[label] = measure(part)
        whole.between()
    return replace(result, per_label=per_label)


def _single(value: float | None, n: int, why: str = "", **details: Detail) -> Measurement:
    return Measurement(value=value, n=n, why=why if value is None else "", details=details)


def _repeats(repeats: Repeats, n: int, **details: Detail) -> Measurement:
    return _single(repeats.share, n, NO_TEXT, count=repeats.count, **details)


def _why_not_compared(part: Part) -> str:
    if len(part) < 2:
        return (NO_TEXT, ONE_TEXT)[len(part)]
    return f"Each text is compared with each up to {MOST_COMPARED:,} texts only."
