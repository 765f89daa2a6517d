"""Previews: what is asked of the worker before an intervention, and what it answers.

Equal requests of one dataset have one answer. What people have judged in the meantime is not part
of a request: an answer holds the number of the latest judgement that it used (`seen`; 0 without
people). Both are stored as JSON by `core.domain.serialization`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Generic, Self, TypeVar

import numpy as np

from core.diversity.embedding.encoder import EncoderChoice
from core.domain.errors import BadInput
from core.domain.registries.stages import Annotator
from core.interventions.relabelling.budget import REPEATS, BudgetPoint
from core.interventions.relabelling.oracle import Opinion
from core.interventions.relabelling.oracle_quality import OracleQuality
from core.interventions.relabelling.relabel import WEIGHT, Replacement
from core.interventions.scope_filter import FilterEffect, HeldOut, ScopeFilter

_DECIMALS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class OracleOpinion:
    """What the oracle says of every text of a dataset.

    Args:
        ids: the texts' ids.
        labels: its label for each.
        confidence: 0 to 1, for each.
        oracle: how good it is.
        encoder: fingerprint of the encoder.
        seen: always 0, as it learns from a reference alone.
    """

    ids: tuple[str, ...]
    labels: tuple[str, ...]
    confidence: tuple[float, ...]
    oracle: OracleQuality
    encoder: str
    seen: int = 0

    @property
    def label_by_id(self) -> dict[str, str]:
        """Its label by text id."""
        return dict(zip(self.ids, self.labels, strict=True))

    def of(self, ids: Sequence[str]) -> Opinion:
        """The opinion of some of the texts, in their order."""
        row_of = {key: row for row, key in enumerate(self.ids)}
        rows = [row_of[key] for key in ids]
        return Opinion(
            tuple(self.labels[row] for row in rows), tuple(self.confidence[row] for row in rows)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RelabelPreview:
    """What label replacement would make of a dataset: a `Replacement`, labels as places in
    `label_names`, confidences to five decimals. `Subject.overrule` adds people's labels.

    Args:
        ids: the texts' ids.
        seen: number of the latest judgement used.
        encoder: fingerprint of the encoder.
    """

    ids: tuple[str, ...]
    seen: int = 0
    encoder: str
    label_names: tuple[str, ...]
    old: tuple[int, ...]
    new: tuple[int, ...]
    judged: tuple[int | None, ...]
    proxy: tuple[int | None, ...]
    confidence: tuple[float | None, ...]
    explanations: tuple[str, ...]

    @classmethod
    def of(cls, replacement: Replacement, *, ids: Sequence[str], seen: int, encoder: str) -> Self:
        """The preview that holds a replacement of these texts."""
        replacement = replacement.own or replacement
        place = {name: at for at, name in enumerate(replacement.label_names)}

        def places(labels: Sequence[str | None]) -> tuple[int | None, ...]:
            return tuple(None if label is None else place[label] for label in labels)

        return cls(
            ids=tuple(ids),
            seen=seen,
            encoder=encoder,
            label_names=replacement.label_names,
            old=tuple(place[label] for label in replacement.old),
            new=tuple(place[label] for label in replacement.new),
            judged=places(replacement.judged),
            proxy=places(replacement.proxy),
            confidence=tuple(
                None if value is None else round(float(value), _DECIMALS)
                for value in replacement.confidence
            ),
            explanations=replacement.explanations,
        )

    @property
    def replacement(self) -> Replacement:
        """The labels by name."""
        names = self.label_names
        return Replacement(
            label_names=names,
            old=tuple(names[at] for at in self.old),
            new=tuple(names[at] for at in self.new),
            judged=tuple(None if at is None else names[at] for at in self.judged),
            proxy=tuple(None if at is None else names[at] for at in self.proxy),
            confidence=self.confidence,
            explanations=self.explanations,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterPreview:
    """The filter that was learned of a dataset: a `ScopeFilter`, confidences to five decimals.

    Args:
        ids: the texts' ids.
        seen: number of the latest judgement used.
        encoder: fingerprint of the encoder.
        taught: how many different texts the filter learned from.
        judged: row and whether it was judged in scope.
    """

    ids: tuple[str, ...]
    seen: int
    encoder: str
    taught: int
    confidence: tuple[float, ...]
    judged: tuple[tuple[int, bool], ...]
    held_out: tuple[HeldOut, ...]
    explanations: tuple[str, ...]

    @classmethod
    def of(cls, scope: ScopeFilter, *, ids: Sequence[str], seen: int, encoder: str) -> Self:
        """The preview that holds a filter of these texts."""
        return cls(
            ids=tuple(ids),
            seen=seen,
            encoder=encoder,
            taught=scope.learned_from,
            confidence=tuple(scope.confidence.round(_DECIMALS).tolist()),
            judged=tuple(sorted(scope.judged.items())),
            held_out=tuple(
                HeldOut(tuple(np.round(split.confidence, _DECIMALS).tolist()), split.in_scope)
                for split in scope.held_out
            ),
            explanations=scope.explanations,
        )

    @property
    def scope(self) -> ScopeFilter:
        """The filter."""
        return ScopeFilter(
            confidence=np.array(self.confidence, dtype=np.float64),
            judged=dict(self.judged),
            held_out=self.held_out,
            explanations=self.explanations,
            learned_from=self.taught,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectPreview(FilterEffect):
    """What a classifier makes of a filter.

    Args:
        seen: number of the latest judgement that the filter knew.
        test: name of the real texts tested on.
    """

    seen: int
    test: str

    @classmethod
    def of(cls, effect: FilterEffect, *, seen: int, test: str) -> Self:
        """The preview that holds an effect."""
        parts = {field.name: getattr(effect, field.name) for field in fields(effect)}
        return cls(**parts, seen=seen, test=test)


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetCurve:
    """Label accuracy over the number of inspected texts.

    Args:
        n: texts of the dataset.
        judged: texts whose label the annotator gave.
        seen: number of the latest judgement used.
        points: the curve.
        flattens: the number of texts from which on more of them pay little; None if none.
    """

    n: int
    judged: int
    seen: int = 0
    points: tuple[BudgetPoint, ...]
    flattens: int | None


Preview = OracleOpinion | RelabelPreview | FilterPreview | EffectPreview | BudgetCurve
P = TypeVar("P", bound=Preview)


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewRequest(Generic[P]):
    """What is to be computed for a dataset, and by what kind of job.

    Args:
        n: texts of the dataset; it may grow.
        encoder: makes the vectors.
    """

    kind: ClassVar[str]
    answer: ClassVar[type[Any]]
    """`P`, as a value."""

    n: int
    encoder: EncoderChoice


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeRequest(PreviewRequest[OracleOpinion]):
    """Let the oracle judge every text.

    Args:
        reference: id of the reference that the oracle learns from.
    """

    kind = "judge"
    answer = OracleOpinion

    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RelabelRequest(PreviewRequest[RelabelPreview]):
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

    kind = "relabel"
    answer = RelabelPreview

    annotator: Annotator
    reference: str | None = None
    inspect: int | None = None
    error_rate: float = 0.0
    weight: float = WEIGHT
    seed: int = 0

    def __post_init__(self) -> None:
        _check_annotation(self)
        if self.inspect is not None and not 2 <= self.inspect <= self.n:
            raise BadInput(
                f"{self.inspect} texts are to be inspected, and there are {self.n}.",
                "Choose from 2 to that, or all.",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterRequest(PreviewRequest[FilterPreview]):
    """Learn from people's judgements what is out of scope; arguments as `RelabelRequest`."""

    kind = "filter"
    answer = FilterPreview

    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectRequest(PreviewRequest[EffectPreview]):
    """Show what a classifier makes of the filter that was learned by the `FilterRequest` alike.

    Args:
        reference: whose test part is tested on.
        threshold: below which texts go, 0 to 1.
        seed: of the draws to compare with.

    Raises:
        BadInput: the threshold is out of range.
    """

    kind = "filter_effect"
    answer = EffectPreview

    reference: str
    threshold: float
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.threshold <= 1:
            raise BadInput(f"The threshold is {self.threshold}.", "Choose from 0 to 1.")


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetRequest(PreviewRequest[BudgetCurve]):
    """Label accuracy over the number of inspected texts; arguments as `RelabelRequest`.

    Args:
        repeats: samples per number.
    """

    kind = "budget"
    answer = BudgetCurve

    annotator: Annotator
    reference: str | None = None
    error_rate: float = 0.0
    weight: float = WEIGHT
    seed: int = 0
    repeats: int = REPEATS

    def __post_init__(self) -> None:
        _check_annotation(self)


def _check_annotation(request: RelabelRequest | BudgetRequest) -> None:
    if request.annotator == "oracle" and request.reference is None:
        raise BadInput("The oracle has nothing to learn from.", "Attach reference data first.")
    if not 0 <= request.error_rate <= 1 or not 0 <= request.weight <= 1:
        raise BadInput("The error rate or the weight is out of range.", "Choose from 0 to 1.")
    if not 0 <= request.seed < 2**63:
        raise BadInput(f"The seed is {request.seed}.", "Give a whole number from 0 on.")
