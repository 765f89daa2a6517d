"""Requests to the worker before an intervention: settings, JSON-ready.

Equal requests of one dataset have one answer. What people have judged in the meantime is not part
of a request: an answer holds the number of the latest judgement that it used.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

from core.diversity.embedding.encoder import encoder_choice_from_dict
from core.domain.errors import BadInput
from core.interventions.relabelling.budget import REPEATS
from core.interventions.relabelling.relabel import WEIGHT

Annotator = Literal["oracle", "people"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _DatasetRequest:
    """Something computed for a dataset.

    Args:
        n: texts of the dataset; it may grow.
        encoder: an encoder's choice as JSON.
    """

    n: int
    encoder: Mapping[str, Any] = field(metadata={"settings": encoder_choice_from_dict})

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, the inverse of `from_dict`."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """From JSON data."""
        return cls(**data)


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeRequest(_DatasetRequest):
    """Let the oracle judge every text.

    Args:
        reference: id of the reference that the oracle learns from.
    """

    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RelabelRequest(_DatasetRequest):
    """Replace labels.

    Args:
        annotator: who inspects: the oracle, or people, by what they judged so far.
        reference: the oracle's, see `JudgeRequest`; None for people.
        inspect: how many texts drawn at random the oracle inspects; None is all of them. People's
            judgements are all used.
        error_rate: chance that the oracle gives a wrong label, 0 to 1, to simulate people.
        weight: of the label before, see `relabel`.
        seed: of all draws.

    Raises:
        BadInput: a value is out of range.
    """

    annotator: Annotator
    reference: str | None = None
    inspect: int | None = None
    error_rate: float = 0.0
    weight: float = WEIGHT
    seed: int = 0

    def __post_init__(self) -> None:
        _check(self.annotator, self.reference, self.error_rate, self.weight, self.seed)
        if self.inspect is not None and not 2 <= self.inspect <= self.n:
            raise BadInput(
                f"{self.inspect} texts are to be inspected, and there are {self.n}.",
                "Choose from 2 to that, or all.",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterRequest(_DatasetRequest):
    """Learn from people's judgements what is out of scope; arguments as `RelabelRequest`."""

    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectRequest(_DatasetRequest):
    """Show what a classifier makes of the filter that was learned by the `FilterRequest` alike.

    Args:
        reference: whose test part is tested on.
        threshold: below which texts go, 0 to 1.
        seed: of the draws to compare with.

    Raises:
        BadInput: the threshold is out of range.
    """

    reference: str
    threshold: float
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.threshold <= 1:
            raise BadInput(f"The threshold is {self.threshold}.", "Choose from 0 to 1.")


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetRequest(_DatasetRequest):
    """Label accuracy over the number of inspected texts; arguments as `RelabelRequest`.

    Args:
        repeats: samples per number.
    """

    annotator: Annotator
    reference: str | None = None
    error_rate: float = 0.0
    weight: float = WEIGHT
    seed: int = 0
    repeats: int = REPEATS

    def __post_init__(self) -> None:
        _check(self.annotator, self.reference, self.error_rate, self.weight, self.seed)


def _check(
    annotator: Annotator, reference: str | None, error_rate: float, weight: float, seed: int
) -> None:
    if annotator == "oracle" and reference is None:
        raise BadInput("The oracle has nothing to learn from.", "Attach reference data first.")
    if not 0 <= error_rate <= 1 or not 0 <= weight <= 1:
        raise BadInput("The error rate or the weight is out of range.", "Choose from 0 to 1.")
    if not 0 <= seed < 2**63:
        raise BadInput(f"The seed is {seed}.", "Give a whole number from 0 on.")
