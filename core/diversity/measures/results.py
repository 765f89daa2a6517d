"""What is measured of a dataset: MeasureResult and its parts, and how they are kept as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from core.diversity.embedding.encoder import EncoderFacts
from core.diversity.measures.lexical import Opening
from core.diversity.measures.remote_clique import Estimate
from core.domain.registries.metrics import METRIC, Metric
from core.domain.serialization import from_json, to_json
from core.store.diversity import MEASURES_VERSION

_CLIQUE = METRIC["remote_clique"]

Detail = float | int | bool | str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """The value of a metric.

    Args:
        value: None where it is undefined.
        n: texts that it rests on.
        low: lower end of the 95% interval; None where there is none.
        high: upper end.
        why: why the value or the interval is missing, a sentence.
        details: further numbers by their names in JSON: a count, a threshold, a deviation.
        per_label: the same metric per label; None for a label itself.
    """

    value: float | None
    n: int
    low: float | None = None
    high: float | None = None
    why: str = ""
    details: Mapping[str, Detail] = field(default_factory=dict)
    per_label: "Mapping[str, Measurement] | None" = None

    @classmethod
    def of_estimate(cls, estimate: Estimate, why: str = "", **details: Detail) -> Self:
        """An estimate with its interval."""
        return cls(
            value=estimate.value,
            n=estimate.n,
            low=estimate.low,
            high=estimate.high,
            why=why,
            details=details,
        )

    def to_dict(self, metric: Metric) -> dict[str, object]:
        """JSON-ready, the value under the metric's `field`; the inverse of `from_dict`."""
        data: dict[str, object] = {metric.field or "value": self.value, "n": self.n, **self.details}
        if metric.interval:
            data |= {"low": self.low, "high": self.high}
        if self.why:
            data["why"] = self.why
        if self.per_label is not None:
            data["per_label"] = {name: own.to_dict(metric) for name, own in self.per_label.items()}
        return data

    @classmethod
    def from_dict(cls, metric: Metric, data: Mapping[str, Any]) -> Self:
        """From JSON data."""
        known = {metric.field or "value", "n", "low", "high", "why", "per_label"}
        labels = data.get("per_label")
        return cls(
            value=data[metric.field or "value"],
            n=data["n"],
            low=data.get("low"),
            high=data.get("high"),
            why=data.get("why", ""),
            details={key: value for key, value in data.items() if key not in known},
            per_label=None
            if labels is None
            else {name: cls.from_dict(metric, own) for name, own in labels.items()},
        )


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

    def to_dict(self) -> dict[str, object]:
        """JSON-ready, the inverse of `from_dict`."""
        data: dict[str, object] = {"n": self.n}
        data |= {side: getattr(self, side).to_dict(_CLIQUE) for side in ("dataset", "reference")}
        if self.why:
            data["why"] = self.why
        if self.per_label is not None:
            data["per_label"] = {name: own.to_dict() for name, own in self.per_label.items()}
        return data

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
    encoder_facts: EncoderFacts
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

    @property
    def clique(self) -> Measurement:
        """Remote-Clique."""
        return self.measurements[_CLIQUE.name]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, the inverse of `from_dict`; each metric under its name."""
        data = {
            "version": self.version,
            "key": self.key,
            "name": self.name,
            "n": self.n,
            "labels": dict(self.labels),
            "encoder": self.encoder,
            "encoder_facts": dict(self.encoder_facts),
            "distance": "cosine",
            **{name: own.to_dict(METRIC[name]) for name, own in self.measurements.items()},
            "vocabulary": _with_reason(self.vocabulary),
            "openings": to_json(self.openings),
            "curve": _with_reason(self.curve),
        }
        if self.reference is not None:
            data["size_matched"] = self.reference.size_matched.to_dict()
            data["reference"] = {
                "key": self.reference.key,
                "name": self.reference.name,
                "n": self.reference.n,
                "remote_clique": self.reference.remote_clique.to_dict(_CLIQUE),
            }
        return data | {"texts": to_json(self.texts), "pairs": to_json(self.pairs)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """From JSON data; metrics that it lacks are left out."""
        reference = data.get("reference")
        return cls(
            **{name: data[name] for name in ("key", "name", "n", "labels", "encoder_facts")},
            measurements={
                name: Measurement.from_dict(metric, data[name])
                for name, metric in METRIC.items()
                if metric.measured and metric.field is not None and name in data
            },
            vocabulary=from_json(VocabularyGrowth, data["vocabulary"]),
            openings=from_json(tuple[Opening, ...], data["openings"]),
            curve=from_json(DiversityCurve, data["curve"]),
            texts=from_json(TextDistances, data["texts"]),
            pairs=from_json(tuple[TextPair, ...], data["pairs"]),
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


def encoder_name(facts: EncoderFacts) -> str:
    """An encoder for display: its model and its pooling."""
    return f"{facts.get('model', 'unknown')}, {facts.get('pooling', 'unknown')} pooling"


def _with_reason(value: VocabularyGrowth | DiversityCurve) -> dict[str, object]:
    """As JSON, with `why` only where there is a reason."""
    return {name: own for name, own in to_json(value).items() if name != "why" or own}
