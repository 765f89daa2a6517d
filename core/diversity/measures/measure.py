"""All measures of a dataset at once: what pages, the command line and jobs show."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

import numpy as np

from core.diversity.measures.lexical import Opening, common_openings, vocabulary_growth
from core.diversity.measures.neighbours import nearest_pairs, wordings
from core.diversity.measures.registry import (
    DECIMALS,
    MEASURES,
    NO_TEXT,
    ONE_TEXT,
    REFERENCE_MEASURES,
    Comparison,
    Measurement,
    Part,
    measurements_from_dict,
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
from core.domain.datasets import Dataset
from core.domain.registries.metrics import METRIC
from core.domain.wording import counted
from core.store.diversity.measurements import MEASURES_VERSION

OPENING_WORDS = 2
OPENINGS = 20
PAIRS = 30
CURVE_POINTS = 60
VOCABULARY_POINTS = 40
DRAWS = 200
"""Random subsets behind Remote-Clique at equal size."""

FACTS = ("version", "key", "name", "n", "labels", "encoder", "encoder_facts", "distance")
"""Keys of a result in JSON that say what was measured."""

EVIDENCE = ("reference", "texts", "pairs")
"""Keys of a result in JSON that stand behind the measures."""

_CLIQUE = METRIC["remote_clique"]


@dataclass(frozen=True, slots=True, kw_only=True)
class VocabularyGrowth:
    """How many different words (`words`) the first texts (`at`) hold."""

    at: tuple[int, ...]
    words: tuple[int, ...]
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiversityCurve:
    """Remote-Clique of the first `at` texts, with the delta method's interval."""

    at: tuple[int, ...] = ()
    value: tuple[float | None, ...] = ()
    low: tuple[float | None, ...] = ()
    high: tuple[float | None, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeMatched:
    """Remote-Clique of the dataset and of the reference, both at `n`, the smaller one's size."""

    n: int
    dataset: Measurement
    reference: Measurement
    why: str = ""
    per_label: "Mapping[str, SizeMatched] | None" = None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, the inverse of `from_dict`."""
        data = {
            "n": self.n,
            "dataset": self.dataset.to_dict(_CLIQUE),
            "reference": self.reference.to_dict(_CLIQUE),
            "why": self.why,
        }
        if self.per_label is not None:
            data["per_label"] = {name: own.to_dict() for name, own in self.per_label.items()}
        return _without_empty_why(data)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """From JSON data."""
        labels = data.get("per_label")
        return cls(
            n=data["n"],
            dataset=Measurement.from_dict(_CLIQUE, data["dataset"]),
            reference=Measurement.from_dict(_CLIQUE, data["reference"]),
            why=data.get("why", ""),
            per_label=None
            if labels is None
            else {name: cls.from_dict(own) for name, own in labels.items()},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceResult:
    """The reference that was compared with: its dataset key, name, size and own Remote-Clique."""

    key: str
    name: str
    n: int
    remote_clique: Measurement
    size_matched: SizeMatched


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDistances:
    """Single texts, in lists of equal length; cosine distances to 5 decimals.

    Args:
        id: the texts' ids.
        mean_distance: to all other texts; None for one alone.
        nearest: to the nearest other text; None where it was not computed.
        nearest_earlier: to the nearest earlier text; None where there is none.
        earlier_id: that text's id.
    """

    id: tuple[str, ...]
    mean_distance: tuple[float | None, ...]
    nearest: tuple[float | None, ...]
    nearest_earlier: tuple[float | None, ...]
    earlier_id: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class TextPair:
    """Two texts of different wording, by id, and their cosine distance."""

    one: str
    other: str
    distance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureResult:
    """The measures of a dataset.

    Args:
        key: the dataset's key.
        name: the dataset's name.
        n: texts.
        labels: texts per label, in task order.
        encoder_facts: `core.diversity.embedding.encoder.Encoder.facts`.
        measurements: by the metric's name; those of a reference only with one.
        vocabulary: growth of the vocabulary.
        openings: the most common openings.
        curve: Remote-Clique while the texts arrived.
        texts: per text.
        pairs: the nearest pairs, nearest first.
        reference: what was compared with; None without a reference.
        version: of the measures.
    """

    key: str
    name: str
    n: int
    labels: Mapping[str, int]
    encoder_facts: Mapping[str, Any]
    measurements: Mapping[str, Measurement]
    vocabulary: VocabularyGrowth
    openings: tuple[Opening, ...]
    curve: DiversityCurve
    texts: TextDistances
    pairs: tuple[TextPair, ...]
    reference: ReferenceResult | None = None
    version: int = field(default=MEASURES_VERSION)

    @property
    def encoder(self) -> str:
        """The encoder, for display."""
        return encoder_name(self.encoder_facts)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, the inverse of `from_dict`: `FACTS`, the metrics by name, the `EVIDENCE`."""
        data: dict[str, Any] = {
            "version": self.version,
            "key": self.key,
            "name": self.name,
            "n": self.n,
            "labels": dict(self.labels),
            "encoder": self.encoder,
            "encoder_facts": dict(self.encoder_facts),
            "distance": "cosine",
        }
        data |= {name: own.to_dict(METRIC[name]) for name, own in self.measurements.items()}
        data["vocabulary"] = _lists(self.vocabulary)
        data["openings"] = [asdict(opening) for opening in self.openings]
        data["curve"] = _lists(self.curve)
        if self.reference is not None:
            data["size_matched"] = self.reference.size_matched.to_dict()
            data["reference"] = {
                "key": self.reference.key,
                "name": self.reference.name,
                "n": self.reference.n,
                "remote_clique": self.reference.remote_clique.to_dict(_CLIQUE),
            }
        data["texts"] = _lists(self.texts)
        data["pairs"] = [asdict(pair) for pair in self.pairs]
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """From JSON data."""
        reference = data.get("reference")
        return cls(
            **{name: data[name] for name in ("key", "name", "n", "labels", "encoder_facts")},
            measurements=measurements_from_dict(data),
            vocabulary=VocabularyGrowth(**_tuples(data["vocabulary"])),
            openings=tuple(Opening(**row) for row in data["openings"]),
            curve=DiversityCurve(**_tuples(data["curve"])),
            texts=TextDistances(**_tuples(data["texts"])),
            pairs=tuple(TextPair(**row) for row in data["pairs"]),
            reference=None
            if reference is None
            else ReferenceResult(
                key=reference["key"],
                name=reference["name"],
                n=reference["n"],
                remote_clique=Measurement.from_dict(_CLIQUE, reference["remote_clique"]),
                size_matched=SizeMatched.from_dict(data["size_matched"]),
            ),
            version=data["version"],
        )


def measure(
    dataset: Dataset,
    vectors: Vectors,
    *,
    rng: np.random.Generator,
    encoder: Mapping[str, Any],
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
        encoder_facts=dict(encoder),
        measurements=measurements,
        vocabulary=_vocabulary(dataset),
        openings=tuple(common_openings(dataset.texts, words=OPENING_WORDS)[:OPENINGS]),
        curve=curve,
        texts=_texts(whole),
        pairs=_pairs(whole),
        reference=compared,
    )


def encoder_name(facts: Mapping[str, Any]) -> str:
    """An encoder for display: its model and its pooling."""
    return f"{facts.get('model', 'unknown')}, {facts.get('pooling', 'unknown')} pooling"


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


def _lists(value: VocabularyGrowth | DiversityCurve | TextDistances) -> dict[str, Any]:
    """A value's tuples as lists by field; an empty `why` is left out."""
    fields = {name: getattr(value, name) for name in value.__slots__}
    data = {name: list(own) if isinstance(own, tuple) else own for name, own in fields.items()}
    return _without_empty_why(data)


def _tuples(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(own) if isinstance(own, list) else own for name, own in data.items()}


def _without_empty_why(data: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name != "why" or value}
