"""Previews of interventions, as values and as the JSON that the store keeps of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from core.classification.evaluation.intervals import Interval
from core.interventions.relabelling.budget import BudgetPoint
from core.interventions.relabelling.label_accuracy import Share
from core.interventions.relabelling.oracle import Opinion
from core.interventions.relabelling.relabel import Replacement
from core.interventions.scope_filter.effect import FilterEffect, effect_from_dict
from core.interventions.scope_filter.out_of_scope import HeldOut, ScopeFilter

_DECIMALS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class OracleOpinion:
    """What the oracle says of every text of a dataset.

    Args:
        ids: the texts' ids.
        labels: its label for each.
        confidence: 0 to 1, for each.
        accuracy: its own accuracy on real texts.
        measured_on: which texts that rests on, in a few words.
        notes: sentences on labels that it can't predict.
        encoder: fingerprint of the encoder.
        seen: number of the latest judgement of people that it knew: it knows none.
    """

    ids: tuple[str, ...]
    labels: tuple[str, ...]
    confidence: tuple[float, ...]
    accuracy: Share
    measured_on: str
    notes: tuple[str, ...]
    encoder: str
    seen: int = 0

    def of(self, ids: Sequence[str]) -> Opinion:
        """The opinion of some of the texts, in their order."""
        row_of = {key: row for row, key in enumerate(self.ids)}
        rows = [row_of[key] for key in ids]
        return Opinion(
            tuple(self.labels[row] for row in rows), tuple(self.confidence[row] for row in rows)
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, the inverse of `from_dict`."""
        return {
            "ids": list(self.ids),
            "labels": list(self.labels),
            "confidence": list(self.confidence),
            "oracle": {
                "accuracy": self.accuracy.to_dict(),
                "measured_on": self.measured_on,
                "notes": list(self.notes),
            },
            "encoder": self.encoder,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """From JSON data."""
        oracle = data["oracle"]
        return cls(
            ids=tuple(data["ids"]),
            labels=tuple(data["labels"]),
            confidence=tuple(data["confidence"]),
            accuracy=share_from_dict(oracle["accuracy"]),
            measured_on=oracle["measured_on"],
            notes=tuple(oracle["notes"]),
            encoder=data["encoder"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RelabelPreview:
    """What label replacement would make of a dataset.

    Args:
        ids: the texts' ids.
        seen: number of the latest judgement of people that it knew; 0 without people.
        encoder: fingerprint of the encoder.
        replacement: the labels.
    """

    ids: tuple[str, ...]
    seen: int
    encoder: str
    replacement: Replacement

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, the inverse of `from_dict`."""
        names = {"ids": list(self.ids), "seen": self.seen, "encoder": self.encoder}
        return {**names, **replacement_to_dict(self.replacement)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """From JSON data."""
        return cls(
            ids=tuple(data["ids"]),
            seen=int(data.get("seen", 0)),
            encoder=data["encoder"],
            replacement=replacement_from_dict(data),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterPreview:
    """The filter that was learned of a dataset; fields as `RelabelPreview`.

    Args:
        scope: the filter.
    """

    ids: tuple[str, ...]
    seen: int
    encoder: str
    scope: ScopeFilter

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, the inverse of `from_dict`."""
        names = {"ids": list(self.ids), "seen": self.seen, "encoder": self.encoder}
        return {**names, "taught": self.scope.learned_from, **filter_to_dict(self.scope)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """From JSON data."""
        scope = replace(filter_from_dict(data), learned_from=int(data["taught"]))
        return cls(
            ids=tuple(data["ids"]), seen=int(data["seen"]), encoder=data["encoder"], scope=scope
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectPreview:
    """What a classifier makes of a filter.

    Args:
        seen: number of the latest judgement of people that the filter knew.
        test: name of the real texts tested on.
        effect: the accuracies.
    """

    seen: int
    test: str
    effect: FilterEffect

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, the inverse of `from_dict`."""
        return {"seen": self.seen, "test": self.test, **self.effect.to_dict()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """From JSON data."""
        return cls(seen=int(data["seen"]), test=data["test"], effect=effect_from_dict(data))


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetCurve:
    """Label accuracy over the number of inspected texts.

    Args:
        n: texts of the dataset.
        judged: texts whose label the annotator gave.
        seen: number of the latest judgement of people that it knew; 0 without people.
        points: the curve.
        flattens: the number of texts from which on more of them pay little; None if none.
    """

    n: int
    judged: int
    seen: int
    points: tuple[BudgetPoint, ...]
    flattens: int | None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, the inverse of `from_dict`."""
        return {
            "n": self.n,
            "judged": self.judged,
            "seen": self.seen,
            "points": [point.to_dict() for point in self.points],
            "flattens": self.flattens,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """From JSON data."""
        return cls(
            n=data["n"],
            judged=data["judged"],
            seen=int(data.get("seen", 0)),
            points=tuple(points_from_dicts(data["points"])),
            flattens=data["flattens"],
        )


Preview = OracleOpinion | RelabelPreview | FilterPreview | EffectPreview | BudgetCurve


def replacement_to_dict(replacement: Replacement) -> dict[str, Any]:
    """JSON-ready; labels as places in `label_names`, confidences to five decimals."""
    place = {name: at for at, name in enumerate(replacement.label_names)}

    def places(labels: Sequence[str | None]) -> list[int | None]:
        return [None if label is None else place[label] for label in labels]

    return {
        "label_names": list(replacement.label_names),
        "old": places(replacement.old),
        "new": places(replacement.new),
        "judged": places(replacement.judged),
        "proxy": places(replacement.proxy),
        "confidence": [
            None if value is None else round(float(value), _DECIMALS)
            for value in replacement.confidence
        ],
        "explanations": list(replacement.explanations),
    }


def replacement_from_dict(data: Mapping[str, Any]) -> Replacement:
    """The inverse of `replacement_to_dict`."""
    names = data["label_names"]
    return Replacement(
        label_names=tuple(names),
        old=tuple(names[at] for at in data["old"]),
        new=tuple(names[at] for at in data["new"]),
        judged=tuple(None if at is None else names[at] for at in data["judged"]),
        proxy=tuple(None if at is None else names[at] for at in data["proxy"]),
        confidence=tuple(data["confidence"]),
        explanations=tuple(data["explanations"]),
    )


def filter_to_dict(scope: ScopeFilter) -> dict[str, Any]:
    """JSON-ready, confidences to five decimals."""
    return {
        "confidence": [round(float(value), _DECIMALS) for value in scope.confidence],
        "judged": [[row, bool(in_scope)] for row, in_scope in sorted(scope.judged.items())],
        "held_out": [
            {
                "confidence": [round(float(value), _DECIMALS) for value in split.confidence],
                "in_scope": [bool(in_scope) for in_scope in split.in_scope],
            }
            for split in scope.held_out
        ],
        "explanations": list(scope.explanations),
    }


def filter_from_dict(data: Mapping[str, Any]) -> ScopeFilter:
    """The inverse of `filter_to_dict`."""
    return ScopeFilter(
        confidence=np.array(data["confidence"], dtype=np.float64),
        judged=dict(data["judged"]),
        held_out=tuple(
            HeldOut(
                np.array(split["confidence"], dtype=np.float64),
                np.array(split["in_scope"], dtype=bool),
            )
            for split in data["held_out"]
        ),
        explanations=tuple(data["explanations"]),
    )


def points_from_dicts(rows: Sequence[Mapping[str, Any]]) -> list[BudgetPoint]:
    """The inverse of each point's `to_dict`."""
    return [
        BudgetPoint(
            row["inspected"],
            tuple(row["accuracies"]),
            None if row["accuracy"] is None else Interval(**row["accuracy"]),
        )
        for row in rows
    ]


def share_from_dict(data: Mapping[str, Any]) -> Share:
    """The inverse of `Share.to_dict`."""
    interval = data["interval"]
    return Share(data["hits"], data["n"], None if interval is None else Interval(**interval))
