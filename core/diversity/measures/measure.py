"""All measures of a dataset at once: what pages, the command line and jobs show."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from core.diversity.embedding.encoder import EncoderFacts
from core.diversity.measures.lexical import common_openings, vocabulary_growth
from core.diversity.measures.neighbours import nearest_pairs, wordings
from core.diversity.measures.registry import (
    DECIMALS,
    MEASURES,
    NO_TEXT,
    ONE_TEXT,
    REFERENCE_MEASURES,
    Comparison,
    Part,
    with_labels,
)
from core.diversity.measures.remote_clique import (
    CliqueSum,
    Estimate,
    Numbers,
    Pause,
    Vectors,
    mean_distances,
    no_pause,
    size_matched,
)
from core.diversity.measures.results import (
    DiversityCurve,
    Measurement,
    MeasureResult,
    ReferenceResult,
    SizeMatched,
    TextDistances,
    TextPair,
    VocabularyGrowth,
)
from core.domain.datasets import Dataset
from core.domain.wording import counted

OPENING_WORDS = 2
OPENINGS = 20
PAIRS = 30
CURVE_POINTS = 60
VOCABULARY_POINTS = 40
DRAWS = 200
"""Random subsets behind Remote-Clique at equal size."""


def measure(
    dataset: Dataset,
    vectors: Vectors,
    *,
    rng: np.random.Generator,
    encoder: EncoderFacts,
    reference: tuple[Dataset, Vectors] | None = None,
    between: Pause = no_pause,
) -> MeasureResult:
    """Measure a dataset; where it is too small for a metric, the value is None, with a `why`.

    What each metric means is in `core.domain.registries.metrics`. A label is measured by itself:
    duplicates and neighbours of another label do not count there.

    Args:
        dataset: the texts, in order of arrival.
        vectors: their embeddings, float32 (texts, size).
        rng: draws resamples and samples.
        encoder: facts of the encoder (`core.diversity.embedding.encoder.Encoder.facts`).
        reference: real texts and their embeddings by the same encoder.
        between: called between blocks of work, about every tenth of a second.

    Raises:
        ValueError: the lengths differ, or a vector is zero or not finite.
    """
    whole = Part(dataset, vectors, rng=rng, between=between)
    labels = whole.labels()
    measurements = {}
    for name in MEASURES:
        measurements[name] = with_labels(name, whole, labels)
        between()
    curve = _curve(whole)
    compared = None
    if reference is not None:
        compared = _compare(whole, labels, Part(*reference, rng=rng, between=between), measurements)
    return MeasureResult(
        key=dataset.key,
        name=dataset.name,
        n=len(dataset),
        labels={name: len(part) for name, part in labels.items()},
        encoder_facts=encoder,
        measurements=measurements,
        vocabulary=_vocabulary(dataset),
        openings=tuple(common_openings(dataset.texts, words=OPENING_WORDS)[:OPENINGS]),
        curve=curve,
        texts=_texts(whole),
        pairs=_pairs(whole),
        reference=compared,
    )


def _compare(
    whole: Part, labels: Mapping[str, Part], real: Part, measurements: dict[str, Measurement]
) -> ReferenceResult:
    """Compare with a reference, and add the metrics of `REFERENCE_MEASURES` to `measurements`.

    A label that the reference lacks is compared with nothing.
    """
    real_labels = real.labels()
    own = with_labels("remote_clique", real, real_labels)
    clique = measurements["remote_clique"]
    none = Part(real.dataset.take([]), real.vectors[:0], rng=real.rng)
    nothing = Measurement(value=None, n=0)
    both = Comparison(whole, real)
    of_whole = {name: compare(both) for name, compare in REFERENCE_MEASURES.items()}
    sized = _size_matched(both, clique, own)
    sized_labels = {}
    of_labels: dict[str, dict[str, Measurement]] = {name: {} for name in REFERENCE_MEASURES}
    for label, part in labels.items():
        both = Comparison(part, real_labels.get(label, none))
        for name, compare in REFERENCE_MEASURES.items():
            of_labels[name][label] = compare(both)
        sized_labels[label] = _size_matched(
            both, (clique.per_label or {})[label], (own.per_label or {}).get(label, nothing)
        )
    for name, result in of_whole.items():
        measurements[name] = replace(result, per_label=of_labels[name])
    return ReferenceResult(
        key=real.dataset.key,
        name=real.dataset.name,
        n=len(real),
        remote_clique=own,
        size_matched=replace(sized, per_label=sized_labels),
    )


def _size_matched(both: Comparison, clique: Measurement, own: Measurement) -> SizeMatched:
    """Both at the size of the smaller: that one as it is, the other by random subsets."""
    n = min(len(both.part), len(both.real))
    if n < 3:
        nothing = Measurement(value=None, n=n)
        why = f"The smaller side holds {counted(n, 'text')}; it takes three."
        return SizeMatched(n=n, dataset=nothing, reference=nothing, why=why)
    return SizeMatched(
        n=n, dataset=_at_size(both.part, clique, n), reference=_at_size(both.real, own, n)
    )


def _at_size(part: Part, clique: Measurement, n: int) -> Measurement:
    if n == len(part):
        return replace(clique, per_label=None)
    estimate: Estimate = size_matched(part.vectors, n, part.rng, draws=DRAWS, between=part.between)
    return Measurement.of_estimate(estimate, interval=f"95 % of {DRAWS:,} random subsets")


def _vocabulary(dataset: Dataset) -> VocabularyGrowth:
    at = _points(1, len(dataset), VOCABULARY_POINTS)
    words = vocabulary_growth(dataset.texts, at)
    return VocabularyGrowth(at=at, words=tuple(words), why="" if at else NO_TEXT)


def _curve(whole: Part) -> DiversityCurve:
    at = _points(2, len(whole), CURVE_POINTS)
    if not at:
        return DiversityCurve(why=ONE_TEXT if len(whole) else NO_TEXT)
    clique = CliqueSum(whole.vectors.shape[1])
    estimates = []
    for number in at:
        clique.add(whole.vectors[clique.n : number])
        estimates.append(clique.estimate())
        whole.between()
    return DiversityCurve(
        at=at,
        value=tuple(estimate.value for estimate in estimates),
        low=tuple(estimate.low for estimate in estimates),
        high=tuple(estimate.high for estimate in estimates),
    )


def _points(first: int, last: int, count: int) -> tuple[int, ...]:
    """Whole numbers from `first` to `last`, evenly apart, `count` of them where there are more."""
    if last < first:
        return ()
    return tuple(int(n) for n in np.unique(np.linspace(first, last, count).round()))


def _texts(whole: Part) -> TextDistances:
    ids, n = whole.dataset.ids, len(whole)
    nothing = (None,) * n
    nearest: tuple[float | None, ...] = nothing
    nearest_earlier: tuple[float | None, ...] = nothing
    earlier_id: tuple[str | None, ...] = nothing
    if whole.compared:
        distances, rows = whole.earlier
        nearest, nearest_earlier = _rounded(whole.nearest), _rounded(distances)
        earlier_id = tuple(None if row < 0 else ids[row] for row in rows)
    return TextDistances(
        id=tuple(ids),
        mean_distance=_rounded(mean_distances(whole.vectors)) if n > 1 else nothing,
        nearest=nearest,
        nearest_earlier=nearest_earlier,
        earlier_id=earlier_id,
    )


def _rounded(values: Numbers) -> tuple[float | None, ...]:
    return tuple(None if np.isnan(value) else float(value) for value in np.round(values, DECIMALS))


def _pairs(whole: Part) -> tuple[TextPair, ...]:
    if not whole.compared:
        return ()
    ids = whole.dataset.ids
    pairs = nearest_pairs(whole.vectors, PAIRS, apart=wordings(whole.texts), between=whole.between)
    return tuple(TextPair(ids[p.one], ids[p.other], round(p.distance, DECIMALS)) for p in pairs)
