"""Study: all that is concluded from a frame of results, computed once and stored as JSON.

Computing one loads statsmodels: a job or a command does it, a page reads what was stored.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

import pandas as pd

from core.analysis.findings.findings import Finding, card
from core.analysis.findings.hypotheses import as_generated
from core.analysis.frames.paper import NOTE
from core.analysis.frames.results import mixtures, named_apart, points_frame
from core.analysis.regression import (
    PAPER_COEFFICIENTS,
    PAPER_NOTE,
    SPECIFICATIONS,
    CannotRegress,
    Regression,
    Specification,
    regress,
    sentence,
)
from core.domain.serialization import from_json, to_json

STUDY_VERSION = 4
"""Raised when a study computes or names something differently."""

StudyStage = Literal["as generated", "all stages"]


@dataclass(frozen=True, slots=True)
class NoRegression:
    """Why there is no fit.

    Args:
        refused: what is the matter.
        remedy: what to do.
    """

    refused: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Study:
    """What results support.

    Args:
        n: how many results.
        runs: that they are of.
        points: conditions at a stage of repair, repeats put together.
        tasks: names, equal ones made distinct (`named_apart`).
        mixtures: sentences on what is not comparable.
        regression: by stage and specification.
        card: findings 1 to 7.
        card_by_task: the same by task name; empty where there is one task.
    """

    n: int
    runs: int
    points: int
    tasks: tuple[str, ...]
    mixtures: tuple[str, ...]
    regression: Mapping[StudyStage, Mapping[Specification, Regression | NoRegression]]
    card: tuple[Finding, ...]
    card_by_task: Mapping[str, tuple[Finding, ...]]

    @property
    def main_specification(self) -> Specification:
        """The one that `sentence` is of: standardised, within task where there are several."""
        return "standardised within task" if len(self.tasks) > 1 else "standardised"

    @property
    def sentence(self) -> str:
        """What the main regression of the data as generated says, or why there is none."""
        fit = self.regression["as generated"][self.main_specification]
        if isinstance(fit, Regression):
            return sentence(fit)
        return f"No regression: {fit.refused} {fit.remedy}"

    def to_json(self) -> dict[str, object]:
        """As it is stored and exported; no NaN. What is the paper's stands beside ours."""
        return {
            **to_json(self),
            "version": STUDY_VERSION,
            "sentence": self.sentence,
            "regression": {
                stage: {name: _fit_to_json(fit) for name, fit in fits.items()}
                for stage, fits in self.regression.items()
            },
            "card": list(map(_finding_to_json, self.card)),
            "card_by_task": {
                task: list(map(_finding_to_json, findings))
                for task, findings in self.card_by_task.items()
            },
            "paper_coefficients": dict(PAPER_COEFFICIENTS),
            "paper_note": PAPER_NOTE,
            "paper_source": NOTE,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self | None:
        """The study that `to_json` gave; None for one of another version."""
        if data.get("version") != STUDY_VERSION:
            return None
        cards = {
            "card": list(map(_finding_from_json, data["card"])),
            "card_by_task": {
                task: list(map(_finding_from_json, findings))
                for task, findings in data["card_by_task"].items()
            },
        }
        return from_json(cls, {**data, **cards})


def study(results: pd.DataFrame) -> Study:
    """What the results support; equal results give equal studies.

    Args:
        results: a results frame, filtered to the tasks and models that are meant.
    """
    results = named_apart(results)
    points = points_frame(results)
    tasks = list(dict.fromkeys(zip(results["task_key"], results["task"], strict=True)))
    stages: dict[StudyStage, pd.DataFrame] = {
        "as generated": as_generated(results),
        "all stages": results,
    }
    regression = {
        stage: {name: _fit(rows, name) for name in SPECIFICATIONS} for stage, rows in stages.items()
    }
    return Study(
        n=len(results),
        runs=int(results["run_id"].nunique()),
        points=len(points),
        tasks=tuple(name for _, name in tasks),
        mixtures=tuple(mixtures(points)),
        regression=regression,
        card=tuple(card(results)),
        card_by_task={
            name: tuple(card(results[results["task_key"] == key]))
            for key, name in tasks
            if len(tasks) > 1
        },
    )


def _fit(rows: pd.DataFrame, specification: Specification) -> Regression | NoRegression:
    try:
        return regress(rows, specification=specification)
    except CannotRegress as error:
        return NoRegression(error.what, error.remedy)


def _fit_to_json(fit: Regression | NoRegression) -> dict[str, object]:
    data: dict[str, object] = to_json(fit)
    if isinstance(fit, Regression):
        data |= {"paper_note": PAPER_NOTE, "sentence": sentence(fit)}
    return data


def _finding_to_json(finding: Finding) -> dict[str, object]:
    """An effect's numbers stand among the fields of its claim."""
    data = to_json(finding)
    claims = data.pop("hypotheses")
    for claim in claims:
        claim |= claim.pop("effect")
    return {"finding": data.pop("number"), **data, "claims": claims}


def _finding_from_json(data: Mapping[str, Any]) -> dict[str, object]:
    claims = [
        {
            **claim,
            "effect": _effect_from_json(claim),
            "independent": claim["independent"] and _effect_from_json(claim["independent"]),
        }
        for claim in data["claims"]
    ]
    return {**data, "number": data["finding"], "hypotheses": claims}


def _effect_from_json(data: Mapping[str, Any]) -> dict[str, object]:
    mean = float("nan") if data["mean"] is None else data["mean"]
    return {"mean": mean, **{name: data[name] for name in ("low", "high", "n")}}
