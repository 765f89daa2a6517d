"""Hypotheses: what a finding of the paper says, each a signed effect that can be tested."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from core.analysis.pairs import Effect, Verdict, effect, over_tasks, task_labels, verdict
from core.domain.registries.metrics import COLUMN

TASKS = "tasks"
"""The unit of an effect over tasks."""


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One effect that a finding states, and its test on a frame.

    Args:
        name: stable within its finding.
        words: what is claimed, to go on after "whether".
        measure: how the effect is measured: a metric (a difference of it), "correlation", "share".
        direction: 1 it is above 0, -1 below; 0 has a rule of its own.
        effect: what was found.
        verdict: of `effect`; see `pairs.verdict`.
        unit: what `effect.n` counts.
        missing: why it can't be tested with this frame, empty if it can.
        counts: whether the finding's verdict depends on it.
        remark: a sentence that belongs to it.
        independent: where the effect is over tasks, what comes out if all that they have were
            independent, which is too narrow; else None.
        independent_unit: what `independent.n` counts.
        paper: the paper's effect, None where it is not known.
    """

    name: str
    words: str
    measure: str
    direction: Literal[1, -1, 0]
    effect: Effect
    verdict: Verdict
    unit: str
    missing: str = ""
    counts: bool = True
    remark: str = ""
    independent: Effect | None = None
    independent_unit: str = ""
    paper: float | None = None

    @property
    def decides(self) -> bool:
        """Whether the finding's verdict depends on it and it could be tested."""
        return self.counts and not self.missing


def as_generated(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows without any repair."""
    return frame[(frame["inspected"] == "0") & ~frame["filtered"].astype(bool)]


def difference_hypothesis(
    name: str,
    words: str,
    metric: str,
    direction: Literal[1, -1],
    differences: pd.Series,
    unit: str,
    missing: str,
    *,
    pairs: pd.DataFrame,
    counts: bool = True,
) -> Hypothesis:
    """A hypothesis on the sign of a mean difference: over the pairs of one task, or over tasks.

    Args:
        name: as of `Hypothesis`, like the others.
        words: see there.
        metric: see there.
        direction: see there.
        differences: one of each pair.
        unit: what the pairs are.
        missing: see there.
        pairs: whose they are, see `matched`.
        counts: see there.
    """
    # Nine parameters: a hypothesis is one call in a table of them, every argument named.
    values, tasks = differences.to_numpy(np.float64), task_labels(pairs)
    pooled = pool(effect(values), over_tasks(values, list(tasks)), unit)
    if not missing and not pooled.effect.n:
        missing = f"{COLUMN[metric].noun} was not measured"
    return Hypothesis(
        name,
        words,
        metric,
        direction,
        pooled.effect,
        verdict(pooled.effect, direction),
        pooled.unit,
        missing,
        counts,
        independent=pooled.independent,
        independent_unit=pooled.independent_unit,
    )


@dataclass(frozen=True, slots=True)
class PooledEffect:
    """Which of two effects is told and which stands beside it; as of `Hypothesis`."""

    effect: Effect
    unit: str
    independent: Effect | None = None
    independent_unit: str = ""


def pool(independent: Effect, tasks: Effect, unit: str) -> PooledEffect:
    """Of several tasks the effect over them counts, of one its own.

    Args:
        independent: over all pairs or runs.
        tasks: over tasks.
        unit: what the first counts.
    """
    if tasks.n > 1:
        return PooledEffect(tasks, TASKS, independent, unit)
    return PooledEffect(independent, unit)


def untested_hypothesis(
    name: str, words: str, measure: str, direction: Literal[1, -1], unit: str, missing: str
) -> Hypothesis:
    """A hypothesis that these results can't test."""
    nothing = Effect(math.nan, None, None, 0)
    return Hypothesis(name, words, measure, direction, nothing, "undecided", unit, missing)


def counted(n: int, unit: str) -> str:
    """A number of units: "1 pair of runs", "2 pairs of runs"."""
    first, space, rest = unit.partition(" ")
    return f"{n} {first.removesuffix('s') if n == 1 else first}{space}{rest}"


def unit_words(frame: pd.DataFrame, what: str) -> str:
    """What is counted: "pairs of runs", "squares of conditions"; "runs" alone are no pairs."""
    of_runs = "run_id" in frame
    if what == "runs":
        return "runs" if of_runs else "conditions"
    return f"{what} of {'runs' if of_runs else 'conditions'}"
