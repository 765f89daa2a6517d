"""Results of interventions as JSON and back, so that they survive a reload of the page."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.classification.evaluation.intervals import Interval
from core.interventions.relabelling.budget import BudgetPoint
from core.interventions.relabelling.label_accuracy import Share
from core.interventions.relabelling.relabel import Replacement
from core.interventions.scope_filter.out_of_scope import HeldOut, ScopeFilter

_DECIMALS = 5


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
        "judged": [[row, bool(said)] for row, said in sorted(scope.judged.items())],
        "held_out": [
            {
                "confidence": [round(float(value), _DECIMALS) for value in split.confidence],
                "in_scope": [bool(said) for said in split.in_scope],
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
