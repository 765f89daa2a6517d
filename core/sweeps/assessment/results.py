"""What an assessment finds: a score of each metric of sweeps at every stage of repair."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from core.classification.evaluation.intervals import Interval
from core.domain.registries.metrics import COLUMN

_STAGE_KEYS = ("inspected", "filtered", "repeat", "n", "removed")


@dataclass(frozen=True, slots=True)
class Score:
    """The value of a metric.

    Args:
        value: None where it is undefined.
        low: lower end of the 95% interval; None where there is none.
        high: upper end.
        why: why there is no value, a sentence; empty where there is one.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    why: str = ""

    @classmethod
    def of(cls, interval: Interval | None, why: str = "") -> Self:
        """The score of an interval; `why` counts where there is none."""
        if interval is None:
            return cls(None, why=why)
        return cls(interval.mean, interval.low, interval.high)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; `why` is left out where there is a value."""
        data: dict[str, Any] = {"value": self.value, "low": self.low, "high": self.high}
        return data | ({"why": self.why} if self.value is None else {})


@dataclass(frozen=True, slots=True)
class StageResult:
    """A run's texts at one stage of repair.

    Args:
        inspected: texts that the annotator saw: "0", a number, or "all".
        filtered: whether OOSF was applied.
        repeat: which sample of inspected texts, from 0.
        n: texts at this stage.
        removed: texts that the filter took out.
        scores: by the metric's column; a metric that is newer than a stored result is missing.
    """

    inspected: str
    filtered: bool
    repeat: int
    n: int
    removed: int
    scores: Mapping[str, Score]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            **{key: getattr(self, key) for key in _STAGE_KEYS},
            **{column: score.to_dict() for column, score in self.scores.items()},
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """From JSON data."""
        return cls(
            inspected=str(data["inspected"]),
            filtered=bool(data["filtered"]),
            repeat=int(data.get("repeat", 0)),
            n=data["n"],
            removed=data.get("removed", 0),
            scores={column: Score(**data[column]) for column in COLUMN if column in data},
        )


@dataclass(frozen=True, slots=True)
class OracleSummary:
    """How good the oracle is.

    Args:
        accuracy: on the reference's test part, 0 to 1; None where it was not measured.
        n: texts that it was measured on.
        notes: sentences on what to know of it.
    """

    accuracy: float | None
    n: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessmentResult:
    """What a recipe finds of a run.

    Args:
        version: `RECIPE_VERSION` by which it was made.
        n: usable texts of the run.
        encoder: its name.
        distance: what diversity is measured by.
        oracle: None without one.
        reference: texts of its parts, `train` and `test`; None without a reference.
        fluency: mean log-probability per token; None where unknown.
        duplicates: share of exact repeats, 0 to 1; None without texts.
        classifier: the recipe's.
        notes: sentences on what was left out, and on what stood in for a person.
        stages: as generated first.
    """

    version: int
    n: int
    encoder: str
    distance: str
    oracle: OracleSummary | None
    reference: Mapping[str, int] | None
    fluency: float | None
    duplicates: float | None
    classifier: str
    notes: tuple[str, ...]
    stages: tuple[StageResult, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, the inverse of `from_dict`."""
        oracle = self.oracle
        return {
            "version": self.version,
            "n": self.n,
            "encoder": self.encoder,
            "distance": self.distance,
            "oracle": None
            if oracle is None
            else {"accuracy": oracle.accuracy, "n": oracle.n, "notes": list(oracle.notes)},
            "reference": None if self.reference is None else dict(self.reference),
            "fluency": self.fluency,
            "duplicates": self.duplicates,
            "classifier": self.classifier,
            "notes": list(self.notes),
            "stages": [stage.to_dict() for stage in self.stages],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """From JSON data; what an older result lacks is unknown."""
        oracle = data.get("oracle")
        return cls(
            version=data.get("version", 0),
            n=data["n"],
            encoder=data["encoder"],
            distance=data.get("distance", "cosine"),
            oracle=None
            if oracle is None
            else OracleSummary(oracle["accuracy"], oracle["n"], tuple(oracle.get("notes", ()))),
            reference=data.get("reference"),
            fluency=data.get("fluency"),
            duplicates=data.get("duplicates"),
            classifier=data.get("classifier", "none"),
            notes=tuple(data.get("notes", ())),
            stages=tuple(map(StageResult.from_dict, data["stages"])),
        )
