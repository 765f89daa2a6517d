"""What `sweep` says: before it starts, on its way, and at its end."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

from core.analysis.frames.columns import METRICS
from core.cli.parser import one_line
from core.cli.progress import ProgressLine, clock
from core.store.assessments import find_assessments
from core.store.database import Database
from core.store.sweeps import TrialRecord, trials_of
from core.sweeps.cost_estimate import DryRun
from core.sweeps.grid.plan import condition_key, condition_words
from core.sweeps.grid.spec import Grid

LOOK_SECONDS = 1.0
_ENDED = ("done", "failed")
_SHOWN = ("diversity", "label_accuracy", "model_accuracy")

Results = Mapping[str, Mapping[str, Any]]
"""Assessments (see `core.sweeps.assessment.assess`) by run id."""


@dataclass(frozen=True, slots=True)
class Found:
    """How far a sweep is: its trials that have begun, and what was found of them."""

    trials: Sequence[TrialRecord]
    results: Results

    @property
    def failed(self) -> int:
        """How many trials failed."""
        return sum(trial.state == "failed" for trial in self.trials)

    @property
    def done(self) -> int:
        """How many trials came to a good end."""
        return sum(trial.state == "done" for trial in self.trials)


def found_of(db: Database, sweep_id: str, grid: Grid) -> Found:
    """Read how far a sweep is."""
    trials = trials_of(db, sweep_id)
    runs = [trial.run.id for trial in trials if trial.state == "done"]
    found = find_assessments(db, runs, recipe=grid.recipe.key)
    return Found(trials, {one.run_id: one.result for one in found})


class SweepProgress(ProgressLine):
    """Says each trial that ended, one line each, and on a terminal how many there are.

    Args:
        stream: where to.
        look: how far the sweep is now.
        grid: its grid.
        timer: seconds that only grow.
    """

    def __init__(
        self,
        stream: TextIO,
        *,
        look: Callable[[], Found],
        grid: Grid,
        timer: Callable[[], float] | None = None,
    ) -> None:
        super().__init__(stream, **({} if timer is None else {"timer": timer}))
        self._look = look
        self._grid = grid
        self._said: dict[int, str] = {}  # the state in which each trial was last told
        self._next_look = 0.0

    def __enter__(self) -> "SweepProgress":
        return self

    def show(self, progress: Mapping[str, Any]) -> None:
        """Look at most once a second; the report itself tells the time left."""
        if self._timer() < self._next_look:
            return
        self._next_look = self._timer() + LOOK_SECONDS
        self.tell()
        if self._terminal:
            left = progress.get("seconds_left")
            ending = f", {clock(left)} left" if isinstance(left, int | float) else ""
            self._draw(f"{len(self._said)} of {self._grid.runs} runs{ending}")

    def tell(self, *, quietly: bool = False) -> None:
        """Say the trials that ended since the last time; quietly, only take note of them."""
        found = self._look()
        for trial in found.trials:
            if trial.state not in _ENDED:
                self._said.pop(trial.position, None)  # a failed one that is tried again
            elif self._said.get(trial.position) != trial.state:
                self._said[trial.position] = trial.state
                if not quietly:
                    line = trial_line(self._grid, trial, found.results.get(trial.run.id))
                    self.note(f"[{len(self._said)}/{self._grid.runs}] {line}")


def trial_line(grid: Grid, trial: TrialRecord, result: Mapping[str, Any] | None) -> str:
    """A trial that ended, in one line."""
    again = f", repeat {trial.repeat + 1}" if grid.repeats > 1 else ""
    what = f"{condition_words(grid, trial.run.spec)}{again}:"
    if trial.state == "failed":
        return one_line(f"{what} failed. {trial.message} {trial.remedy}")
    reused = " (reused)" if trial.reused else ""
    if result is None:
        return one_line(f"{what} done{reused}")
    values = [
        f"{metric.replace('_', ' ')} {value:.3f}"
        for metric in _SHOWN
        if (value := mean_at([result], "0", metric)) is not None
    ]
    told = ", ".join([f"{result['n']} texts", *values])
    return one_line(f"{what} {told}{reused}")


def mean_at(results: Sequence[Mapping[str, Any]], inspected: str, metric: str) -> float | None:
    """The mean of a metric over repeats, as generated or after LR, without OOSF; None without."""
    values = [
        float(stage[metric]["value"])
        for result in results
        for stage in result["stages"]
        if stage["inspected"] == inspected and not stage["filtered"]
        if stage[metric]["value"] is not None
    ]
    return sum(values) / len(values) if values else None


def shown_budgets(grid: Grid) -> list[str]:
    """The budgets of the table: 0, the paper's 180 (else the middle one), and all."""
    numbers = [one for one in grid.recipe.budgets if one not in (0, "all")]
    middle = [180 if 180 in numbers else numbers[len(numbers) // 2]] if numbers else []
    return [str(one) for one in (0, *middle, *(["all"] if "all" in grid.recipe.budgets else []))]


def table(grid: Grid, found: Found) -> str:
    """Each condition with its scores, repeats put together by their mean."""
    budgets = shown_budgets(grid)
    head = ["condition", "n", "diversity", "label accuracy"]
    head += [f"model accuracy at {budget}" for budget in budgets]
    rows = [head]
    for words, results in _by_condition(grid, found):
        n = sum(result["n"] for result in results) / len(results)
        values = [mean_at(results, "0", metric) for metric in ("diversity", "label_accuracy")]
        values += [mean_at(results, budget, "model_accuracy") for budget in budgets]
        cells = ["-" if value is None else f"{value:.3f}" for value in values]
        rows.append([words, f"{n:g}", *cells])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def plain_data(grid: Grid, found: Found, **told: Any) -> str:
    """How far a sweep is as one JSON object on one line."""
    trials = [
        {
            "position": trial.position,
            "run": trial.run.id,
            "condition": condition_words(grid, trial.run.spec),
            "condition_key": condition_key(trial.run.spec),
            "repeat": trial.repeat,
            "seed": trial.run.spec.seed,
            "state": trial.state,
            "reused": trial.reused,
            "message": f"{trial.message} {trial.remedy}".strip(),
            "n": found.results.get(trial.run.id, {}).get("n"),
            "stages": [
                {
                    "inspected": stage["inspected"],
                    "filtered": stage["filtered"],
                    "repeat": stage["repeat"],
                    **{metric: stage[metric]["value"] for metric in METRICS},
                }
                for stage in found.results.get(trial.run.id, {}).get("stages", [])
            ],
        }
        for trial in found.trials
    ]
    counts = {
        "conditions": grid.conditions,
        "runs": grid.runs,
        "done": found.done,
        "failed": found.failed,
        "reused": sum(trial.reused for trial in found.trials),
    }
    return json.dumps({**told, **counts, "trials": trials})


def dry_run_words(told: DryRun) -> str:
    """A dry run in words, a line each."""
    money = (
        "an unknown amount of money"
        if told.money is None
        else f"{told.money:.2f} {told.currency}"
        if told.currency
        else "no money"
    )
    lines = [
        f"{told.conditions:,} conditions, {told.runs:,} runs; {told.reused:,} of them are there "
        f"already ({told.assessed:,} with their assessment).",
        f"{told.texts:,} texts to generate: about {told.tokens_in:,} tokens in, "
        f"{told.tokens_out:,} out.",
        f"It takes {_minutes(told)} and costs {money}.",
    ]
    return "\n".join(one_line(line) for line in [*lines, *told.notes])


def _minutes(told: DryRun) -> str:
    if told.minutes_low is None or told.minutes_high is None:
        return "an unknown time"
    if told.minutes_high < 1:
        return "less than a minute"
    return f"{told.minutes_low:,.0f} to {told.minutes_high:,.0f} minutes"


def _by_condition(grid: Grid, found: Found) -> list[tuple[str, list[Mapping[str, Any]]]]:
    groups: dict[str, tuple[str, list[Mapping[str, Any]]]] = {}
    for trial in found.trials:
        result = found.results.get(trial.run.id)
        if result is not None:
            words = one_line(condition_words(grid, trial.run.spec))
            groups.setdefault(condition_key(trial.run.spec), (words, []))[1].append(result)
    return list(groups.values())
