"""The paper's finding 5, a regression of model accuracy, as hypotheses."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.analysis.findings.hypotheses import Hypothesis, as_generated, pool
from core.analysis.pairs import Effect, over_tasks, verdict
from core.analysis.regression import (
    PAPER_COEFFICIENTS,
    CannotRegress,
    Coefficient,
    Regression,
    regress,
)
from core.domain.registries.metrics import COLUMN


@dataclass(frozen=True, slots=True)
class Regressed:
    """The hypotheses, and sentences on what they rest on."""

    hypotheses: tuple[Hypothesis, ...]
    notes: tuple[str, ...]


def regression_hypotheses(frame: pd.DataFrame) -> Regressed:
    """Finding 5: each predictor goes with higher model accuracy, on data as generated.

    Of several tasks each is regressed by itself, and its coefficients are tested over the tasks;
    beside that stands the regression of all runs, standardised within task.

    Args:
        frame: a results frame, or a points frame, of which each row counts as one run.
    """
    raw, unit = as_generated(frame), "runs"
    if "run_id" not in raw:
        unit = "conditions"
        raw = raw.assign(run_id=raw["point"])
    try:
        fit = regress(raw, specification="standardised within task")
    except CannotRegress as error:
        missing = f"no regression: {error.what[0].lower()}{error.what[1:].rstrip('.')}"
        nothing = (
            _hypothesis(name, None, (), unit, missing=missing) for name in PAPER_COEFFICIENTS
        )
        return Regressed(tuple(nothing), ())
    each, left_out = _task_by_task(raw)
    hypotheses = tuple(_hypothesis(name, fit, each, unit) for name in PAPER_COEFFICIENTS)
    note = f"Standardised within task, data as generated, R2 {fit.r2:.2f}."
    return Regressed(hypotheses, (note, *fit.notes, *left_out))


def _task_by_task(raw: pd.DataFrame) -> tuple[list[Regression], list[str]]:
    """A regression of each task by itself, where there are several, and whose there is none."""
    fits, left_out = [], []
    parts = list(raw.groupby(["task_key", "task"], sort=False))
    for (_, task), part in parts if len(parts) > 1 else []:
        try:
            fits.append(regress(part, specification="standardised"))
        except CannotRegress as error:
            left_out.append(f"{task} has no regression of its own: {error.what}")
    return fits, left_out


def _hypothesis(
    name: str, fit: Regression | None, each: Sequence[Regression], unit: str, *, missing: str = ""
) -> Hypothesis:
    coefficient = _coefficient(name, fit) if fit else None
    whole = Effect(math.nan, None, None, fit.runs if fit else 0)
    if coefficient is not None:
        whole = Effect(coefficient.value, coefficient.low, coefficient.high, whole.n)
    elif not missing:
        missing = f"{COLUMN[name].noun} was not measured"
    own = [term.value for term in (_coefficient(name, fit) for fit in each) if term is not None]
    tasks = over_tasks(np.array(own, np.float64), [str(place) for place in range(len(own))])
    pooled = pool(whole, tasks, unit)
    words = f"{COLUMN[name].noun} goes with higher model accuracy, the others held"
    return Hypothesis(
        name,
        words,
        "coefficient",
        1,
        pooled.effect,
        verdict(pooled.effect, 1),
        pooled.unit,
        missing,
        independent=pooled.independent,
        independent_unit=pooled.independent_unit,
    )


def _coefficient(name: str, fit: Regression) -> Coefficient | None:
    return next((term for term in fit.coefficients if term.name == name), None)
