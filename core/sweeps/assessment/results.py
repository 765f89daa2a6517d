"""What an assessment finds: a score of each metric of sweeps at every stage of repair."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from core.classification.evaluation.intervals import Interval
from core.domain.registries.metrics import COLUMN
from core.domain.serialization import from_json, to_json


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


@dataclass(frozen=True, slots=True, kw_only=True)
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
    repeat: int = 0
    n: int
    removed: int = 0
    scores: Mapping[str, Score]


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

    version: int = 0
    n: int
    encoder: str
    distance: str = "cosine"
    oracle: OracleSummary | None = None
    reference: Mapping[str, int] | None = None
    fluency: float | None = None
    duplicates: float | None = None
    classifier: str = "none"
    notes: tuple[str, ...] = ()
    stages: tuple[StageResult, ...]

    def to_dict(self) -> dict[str, object]:
        """JSON-ready, the inverse of `from_dict`: a stage has its scores beside its other fields,
        `why` only where there is no value."""
        data: dict[str, Any] = to_json(self)
        for stage in data["stages"]:
            for score in stage["scores"].values():
                if score["value"] is not None:
                    del score["why"]
            stage |= stage.pop("scores")
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """From JSON data; what an older result lacks is unknown."""
        unknown = {"value": None, "why": "This metric is newer than the assessment."}
        stages = [
            stage | {"scores": {column: stage.get(column, unknown) for column in COLUMN}}
            for stage in data["stages"]
        ]
        return from_json(cls, {**data, "stages": stages})
